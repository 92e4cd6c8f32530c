# miandan (面单). `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml requirements/build.in

.DEFAULT_GOAL := help
.PHONY: help setup ship test lint format prove crash bench lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# Each stamp is made anew when its lock changes; pip verifies every hash.
$(BIN)/.run: requirements/run.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what miandan needs (once, about 20 s) ..."
	@$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements/run.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(BIN)/.test: requirements/test.lock $(BIN)/.run
	@echo "installing the test tools (once) ..."
	@# cainiao, a public client that the tests run, comes as source only
	@$(PIP) install --quiet --require-hashes --only-binary :all: --no-binary cainiao -r requirements/test.lock
	@touch $@

$(BIN)/.bench: requirements/bench.lock $(BIN)/.test
	@echo "installing the baselines of the benchmarks (once) ..."
	@$(PIP) install --quiet --require-hashes -r requirements/bench.lock
	@touch $@

setup: $(BIN)/.run ## install miandan into .venv

ship: $(BIN)/.run ## the main job on the example orders: numbers taken, labels.pdf and report.csv written
	@$(BIN)/miandan demo --quiet
	@# the example file holds orders that must be refused, so 2 (some refused) is what success looks like
	@$(BIN)/miandan ship examples/orders.csv --out labels.pdf --report report.csv || test $$? -eq 2

# Many tests wait for a database, a printer or a clock: more files at once than most machines have cores, each whole, in
# their own order (else the files with few and long tests come last, one of them alone).
AT_ONCE ?= -n 3 --dist loadfile --no-loadscope-reorder

test: $(BIN)/.test lint ## everything that everybody runs, in minutes
	@$(BIN)/python -m tests.parts
	$(BIN)/pytest -m "not prove" $(AT_ONCE)

lint: $(BIN)/.test ## floors of the house, rules of the SQL, types, style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.sql_rules

format: $(BIN)/.test ## put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ONCE_MORE = $(BIN)/pytest -m "not prove" --hypothesis-profile "other examples" $(AT_ONCE)

prove: $(BIN)/.test ## every race, kill and judge; half an hour and more
	$(BIN)/pytest -m prove --hypothesis-profile "other examples"
	$(BIN)/python -m tests.crash --races 10000 --kills 300
	@echo "make test's own once more, with other examples, and without a network where this machine allows that:"
	@if unshare --net true 2>/dev/null; then unshare --net $(BIN)/python -m tests.offline $(ONCE_MORE); \
	else echo "NOT TESTED: that the suite needs no network, because this machine allows no network namespace"; $(ONCE_MORE); fi

N ?= 100
crash: $(BIN)/.test ## races and kills, N=100 of each; SEED=... runs those of a failure again
	$(BIN)/python -m tests.crash --races $(N) --kills $(N) $(if $(SEED),--seed $(SEED))

bench: $(BIN)/.bench ## every figure, each against its named alternative in the same run
	$(BIN)/python -m bench

lock: ## write the lock files anew (needs uv)
	$(LOCK) -o requirements/run.lock
	$(LOCK) --extra test -o requirements/test.lock
	$(LOCK) --extra test --extra bench -o requirements/bench.lock

clean: ## remove what was built here; data folders stay
	rm -rf $(VENV) build src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
