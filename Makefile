# Everything a fresh machine with Python 3.11+ and make needs: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-dev
INSTALLED_BENCH := $(VENV)/.installed-bench

.PHONY: demo test test-mariadb test-pgbouncer check format bench soak clean

demo: $(VENV)/.installed  ## a pipeline, end to end, on the emulator and a SQLite warehouse
	$(BIN)/python demo/demo.py

test: $(INSTALLED)  ## all tests, on real Airflow, PostgreSQL and SQLite
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-mariadb: $(INSTALLED)  ## the tests of tables on a real MariaDB, installed from Debian if it is missing
	tests/mariadb.sh $(BIN)/python

test-pgbouncer: $(INSTALLED)  ## runs into PostgreSQL through a real PgBouncer, installed from Debian if it is missing
	tests/pgbouncer.sh $(BIN)/python

check: $(INSTALLED)  ## ruff and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy airflow_provider_voucherify tests dags demo benchmarks

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED_BENCH)  ## all measurements but four that take longer; writes docs/benchmarks.md
	for name in peers quota calls load memory imports whole_runs simulate emulator; do \
	  $(BIN)/python -m benchmarks.$$name || exit 1; done
	$(BIN)/python -m benchmarks.write_docs

bench-%: $(INSTALLED_BENCH)  ## one of them: bench-peers, bench-whole-runs, bench-distributed, ...
	$(BIN)/python -m benchmarks.$(subst -,_,$*)

soak: $(INSTALLED_BENCH)  ## pulls, publications, kills and faults for MINUTES (10), then everything against the truth
	$(BIN)/python -m benchmarks.soak $(MINUTES)

clean:
	rm -rf $(VENV) .demo build *.egg-info

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(INSTALLED): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.installed

$(INSTALLED_BENCH): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@ $(INSTALLED) $(VENV)/.installed
