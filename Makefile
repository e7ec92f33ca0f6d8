# Two commands: `make demo` and `make test`. Both make .venv and install all they need.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-slow test-engines test-browser lint lab bench causes money fuzz probe-check rehearsal \
        engine-check mutants examples examples-check pictures clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(READY)  ## a planted migration as a postmortem; prints the page and three sentences
	$(BIN)/cacheaudit demo --out reports

test: $(READY) lint  ## lint, types and tests
	$(BIN)/python -m pytest -n auto --dist loadfile

test-slow: $(READY)  ## what takes longer: whole runs, faults by the hundred; six minutes
	$(BIN)/python -m pytest -n auto --dist loadfile -m slow

test-engines: $(READY)  ## PostgreSQL, Spark and S3, started by the tests; kills of a pull; six minutes
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,engines]'
	$(BIN)/python -m pytest -m engines

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p cacheaudit

lab: $(READY)  ## JupyterLab on the notebooks, on loopback
	$(BIN)/jupyter lab --ip=127.0.0.1 --notebook-dir=.

bench: $(READY)  ## benchmarks: ratios against named rivals in the same run
	$(BIN)/python bench/changes.py
	$(BIN)/python bench/demo.py
	$(BIN)/python bench/diagnose.py
	$(BIN)/python bench/replay.py
	$(BIN)/python bench/rollup.py
	$(BIN)/python bench/transcripts.py

causes: $(READY)  ## planted incidents and quiet quarters through the diagnosis; half an hour
	$(BIN)/python bench/causes.py --seeds 10000:10003 --quiet 500

money: $(READY)  ## 10,000 random cost bridges, 2,000 planted excesses, 500 planted plans; an hour
	$(BIN)/python bench/bridge.py --frames 10000
	$(BIN)/python bench/excess.py
	$(BIN)/python bench/plans.py

fuzz: $(READY)  ## every reader of logs against damaged logs; ten minutes
	$(BIN)/python bench/fuzz.py --seconds 600

probe-check: $(READY)  ## 2,000 candidates of a known truth through both SDKs: does the interval hold; half an hour
	$(BIN)/python bench/probe.py

rehearsal: $(READY)  ## a migration from end to end on the sandbox, each step held against the truth; four minutes
	$(BIN)/python bench/rehearsal.py

engine-check: $(READY)  ## the probe on two engines that run (CACHEAUDIT_ENGINE_OLD, CACHEAUDIT_ENGINE_NEW)
	$(BIN)/python bench/engine_check.py

mutants: $(READY)  ## break the engine on purpose; the tests must notice each time
	$(BIN)/python bench/mutants.py

test-browser: $(READY)  ## every page in Chromium (Debian's chromium): phone, tablet, desk, dark, paper; five minutes
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,browser]'
	$(BIN)/python -m pytest -m browser

examples: $(READY)  ## the pages of reports/examples, from planted traffic; the same bytes each time
	$(BIN)/python bench/examples.py reports/examples --readme README.md

examples-check: $(READY)  ## are the pages of reports/examples what would be made now
	$(BIN)/python bench/examples.py reports/examples --readme README.md --check

pictures: $(READY)  ## the first screen of each example, for the README; needs Debian's chromium
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,browser]'
	$(BIN)/python bench/pictures.py reports/examples docs/pictures

clean:  ## remove the environment, caches and runs; keeps reports/examples
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find reports -mindepth 1 -maxdepth 1 ! -name examples ! -name .gitkeep -exec rm -rf {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and "found Python %d.%d; cacheaudit needs 3.11 or later. Set PYTHON=python3.11 or newer." % v)'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "found no venv module for $(PYTHON); on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
