# Every target calls start.py, which needs nothing but Python. `make` alone prints this list.
PYTHON ?= python3

.PHONY: help install check test demo bench docs lock

help:     ## print this list
	@sed -n 's/^\([a-z]*\): *## /\1 \t/p' $(MAKEFILE_LIST)

install:  ## install sinks and everything it needs into .venv
	$(PYTHON) start.py install

check:    ## format, lint and types
	$(PYTHON) start.py check

test:     ## every check and test
	$(PYTHON) start.py test

demo:     ## build the example province and its map
	$(PYTHON) start.py demo

bench:    ## time the main job on this machine
	$(PYTHON) start.py bench

docs:     ## build the documentation into build/docs
	$(PYTHON) start.py docs

lock:     ## resolve requirements.lock anew (needs uv)
	uv pip compile --quiet --no-config --universal --python-version 3.11 --upgrade --no-build \
	  --generate-hashes --no-header --no-annotate --extra bench --extra china \
	  --extra distributed --extra docs --extra test pyproject.toml -o requirements.lock
