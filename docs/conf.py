"""How Sphinx builds the documentation: `python3 start.py docs`."""

from sinks import __version__

project = "sinks · 碳汇地图"
author = "The sinks contributors"
release = version = __version__
extensions = ["myst_parser"]
language = "en"
html_theme = "alabaster"
html_copy_source = False
