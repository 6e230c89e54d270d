# Two commands on a fresh machine: `make run` and `make test`. They need Python >= 3.11 with venv, make and git.
# What they say about themselves goes to stderr: in `make -s run | …` the pipe holds the program's words only.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint coverage bench chaos screenshots lock clean

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
UV_VERSION := 0.13.9

# Prints where a Python is, if it is new enough and can make a whole venv (Debian's python3 alone cannot).
PROBE := import sys, venv, ensurepip; print(sys.executable) if sys.version_info >= (3, 11) else sys.exit(1)

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(VENV)/run.stamp  ## set up on first use, then start: the console chat, as long as no token is set
	@exec $(VENV_PYTHON) -m bot run

test: lint  ## lint, types, and the whole offline test-suite
	@$(VENV_PYTHON) -m pytest -n auto

lint: $(VENV)/dev.stamp  ## ruff, mypy --strict, and who may import whom
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check
	@$(VENV_PYTHON) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

coverage: $(VENV)/dev.stamp  ## the tests once more, and the lines that they never reach
	@$(VENV_PYTHON) -m coverage run -m pytest -q
	@$(VENV_PYTHON) -m coverage combine -q
	@$(VENV_PYTHON) -m coverage report

bench: $(VENV)/dev.stamp  ## the figures that the documentation quotes
	@for script in benchmarks/[a-z]*.py; do \
		echo "== $$script"; PYTHONPATH=. $(VENV_PYTHON) "$$script" || exit; echo; \
	done

chaos: $(VENV)/dev.stamp  ## kill it a thousand times and count the messages; KILLS=1000 SEED=… takes half an hour
	@PYTHONPATH=.:tests $(VENV_PYTHON) -m chaos --kills $(or $(KILLS),1000) $(if $(SEED),--seed $(SEED))

screenshots: $(VENV)/dev.stamp  ## the README's pictures, taken anew with Debian's chromium, fonts-wqy-microhei, pngquant
	@PYTHONPATH=.:tests $(VENV_PYTHON) docs/screenshots.py

lock: $(VENV_PYTHON)  ## resolve requirements*.txt anew, for every Python >= 3.11 and platform
	@$(VENV_PYTHON) -m pip install -qq uv==$(UV_VERSION) >&2
	@for options in "-o requirements.txt" "--group dev -c requirements.txt -o requirements-dev.txt"; do \
		$(VENV)/bin/uv pip compile pyproject.toml $$options --upgrade --quiet \
			--universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-annotate \
			--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" || exit; \
	done

clean:  ## remove what the others made; neither content nor data
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The newest Python on the PATH, or `make run PYTHON=/path/to/python3`. Asked from /, for there a pyenv does not read
# this folder's .python-version, which may name a Python that it does not have.
$(VENV_PYTHON):
	@newest() { \
		cd / && for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
			IFS=:; for folder in $$PATH; do \
				test -x "$$folder/$$name" && "$$folder/$$name" -c '$(PROBE)' 2>/dev/null && return; \
			done; \
		done; return 1; \
	}; \
	given() { "$(PYTHON)" -c '$(PROBE)' 2>/dev/null; }; \
	python=$$($(if $(PYTHON),given,newest) </dev/null) || { \
		echo "heji: $(if $(PYTHON),$(PYTHON) is not,nothing on the PATH is) Python 3.11 or newer with venv: install" \
			"one (on Debian also python3-venv), or name one: make run PYTHON=/path/to/python3" >&2; exit 2; \
	}; \
	echo "heji: making $(VENV) with $$python" >&2; \
	"$$python" -m venv --clear $(VENV) </dev/null >&2

# requirements-dev.txt holds all of requirements.txt, in the same versions: one .venv serves both.
$(VENV)/run.stamp: requirements.txt $(VENV_PYTHON)
$(VENV)/dev.stamp: requirements-dev.txt $(VENV_PYTHON)
$(VENV)/run.stamp $(VENV)/dev.stamp:
	@echo "heji: installing $< into $(VENV), which takes a minute and is done once" >&2
	@$(VENV_PYTHON) -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r $< </dev/null >&2
	@touch $@
