"""The bureau's own workbook as a template: its placeholders filled, its looks kept."""

from sinks.template.fill import FILLED, check_template, write_filled

__all__ = ["FILLED", "check_template", "write_filled"]
