# Everything a fresh machine with Python 3.11+ and make needs: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-dev

.PHONY: demo test check format bench-calls bench-quota bench-emulator bench-load clean

demo: $(VENV)/.installed  ## a pipeline, end to end, on the emulator and a SQLite warehouse
	$(BIN)/python demo/demo.py

test: $(INSTALLED)  ## all tests, on real Airflow, PostgreSQL and SQLite
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(INSTALLED)  ## ruff and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy airflow_provider_voucherify tests dags demo benchmarks

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-calls: $(INSTALLED)  ## what each way costs, for batches of several sizes
	$(BIN)/python benchmarks/calls.py

bench-quota: $(INSTALLED)  ## how well the share of the rate limit is kept
	$(BIN)/python benchmarks/quota.py

bench-emulator: $(INSTALLED)  ## calls a second the emulator answers
	$(BIN)/python benchmarks/emulator_throughput.py

bench-load: $(INSTALLED)  ## how fast memberships get into a warehouse, and in how much memory
	$(BIN)/python benchmarks/load.py $(MEMBERSHIPS)

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
