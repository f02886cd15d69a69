# Brings its own uv into the checkout, so that Python 3.11+ and make are all a machine needs.
PYTHON ?= python3
UV     := .uv/bin/uv
VENV   := .venv

.PHONY: setup demo test bench bench-search bench-replay lint clean
.DEFAULT_GOAL := setup

$(UV):
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Asterism needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12")'
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.8'

$(VENV)/.ready: pyproject.toml uv.lock | $(UV)
	$(UV) sync --quiet --frozen --compile-bytecode --no-managed-python --python $(PYTHON)
	@touch $@

setup: $(VENV)/.ready

demo: setup
	$(VENV)/bin/python -m demo

test: setup
	$(VENV)/bin/python -m pytest

bench: setup
	$(VENV)/bin/python -m bench

# Peers beside it: DaCHS, PostgreSQL and Elasticsearch, started by tests/servers where they can be
bench-search: setup
	$(UV) sync --quiet --frozen --group bench --compile-bytecode --no-managed-python --python $(PYTHON)
	$(VENV)/bin/python -m bench search

# Strategies of placement on both kinds of synthetic traces: five seeds, five capacities; half an hour
bench-replay: setup
	for kind in calibrated shifting; do $(VENV)/bin/python -m asterism placement replay $$kind --seeds 5 --jobs 2 \
	  --format json --output bench/results/replay-$$kind.json || exit 1; done

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

clean:
	rm -rf .venv .uv demo/run
