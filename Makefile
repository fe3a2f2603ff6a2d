# Everything a fresh machine with Python 3.11+ and make needs: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-dev
INSTALLED_BENCH := $(VENV)/.installed-bench
INSTALLED_PAGE := $(VENV)/.installed-page
# Airflow's modules are compiled once, not by each of its processes, whatever the machine is set to.
export PYTHONDONTWRITEBYTECODE :=
EXTRAS := duckdb,files,openlineage,pandas,postgres,s3,sqlite
# uv installs in a fifth of pip's time; it comes from pip itself, into the same environment.
INSTALL := VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet --constraint constraints.txt

DOCS := build/docs

# Twice as many as there are cores: half of the time a test waits, for a disk, another process or an answer.
PYTEST_ALL := -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-long explore test-airflow-3.1 test-airflow-3.2 test-python-3.13 test-python-3.14 test-mariadb test-mysql test-pgbouncer \
  test-bigquery test-databricks test-redshift test-snowflake test-newcomer test-page page package check docs pictures format bench soak attack clean

demo: $(VENV)/.installed  ## a pipeline, end to end, on the emulator and a SQLite warehouse
	$(BIN)/python demo/demo.py

test: $(INSTALLED)  ## the tests, on real Airflow, PostgreSQL, DuckDB and SQLite
	$(BIN)/python -m pytest $(PYTEST_ALL) -m 'not long'

test-long: $(INSTALLED)  ## those that take longest: many kills, many examples, many rows
	$(BIN)/python -m pytest $(PYTEST_ALL) -m long

test-airflow-3.1 test-airflow-3.2: test-airflow-%: constraints-airflow-%.txt $(BIN)/python  ## all tests on an earlier Airflow; writes docs/compatibility.md
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python dist/airflow-$*
	VIRTUAL_ENV=dist/airflow-$* $(BIN)/uv pip install --quiet --constraint $< --editable '.[$(EXTRAS)]' --group test
	dist/airflow-$*/bin/python -m tests.matrix run dist/ran-$@.json $(PYTEST_ALL)
	$(BIN)/python -m tests.matrix write dist/ran-$@.json "make $@"

test-python-3.13 test-python-3.14: test-python-%: $(BIN)/python  ## the same on a later Python, Debian's if there is none
	tests/python.sh $* $(BIN)/uv $(EXTRAS) dist/ran-$@.json $(PYTEST_ALL)
	$(BIN)/python -m tests.matrix write dist/ran-$@.json "make $@"

explore: $(INSTALLED)  ## the tests that try examples, with others than `make test` and up to ten times as many; SEED=1 repeats
	$(BIN)/python -m pytest --hypothesis-profile=explore --timeout=0 $(if $(SEED),--hypothesis-seed=$(SEED)) \
	  $$(grep -rl --include='test_*.py' '^from hypothesis' tests)

test-mariadb: $(INSTALLED)  ## the tests of tables on a real MariaDB, installed from Debian if it is missing
	tests/mariadb.sh $(BIN)/python

test-mysql: $(INSTALLED)  ## the tests of tables on a real MySQL, that of Debian sid, unpacked into build/
	tests/mysql.sh $(BIN)/python

test-redshift: $(INSTALLED)  ## the tests of tables on what stands in for Redshift
	tests/redshift.sh $(BIN)/python

test-bigquery: constraints-bigquery.txt $(BIN)/python  ## the tests of tables on what stands in for BigQuery, with its provider
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python dist/bigquery
	VIRTUAL_ENV=dist/bigquery $(BIN)/uv pip install --quiet --constraint $< --editable '.[$(EXTRAS),bigquery]' --group test --group bigquery
	tests/stand_in.sh bigquery dist/bigquery/bin/python

test-snowflake: constraints-snowflake.txt $(BIN)/python  ## the tests of tables on what stands in for Snowflake, with its provider
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python dist/snowflake
	VIRTUAL_ENV=dist/snowflake $(BIN)/uv pip install --quiet --constraint $< --editable '.[$(EXTRAS),snowflake]' --group test --group snowflake
	tests/stand_in.sh snowflake dist/snowflake/bin/python

test-databricks: constraints-databricks.txt $(BIN)/python  ## the tests of tables on what stands in for Databricks, with its provider
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python dist/databricks
	VIRTUAL_ENV=dist/databricks $(BIN)/uv pip install --quiet --constraint $< --editable '.[$(EXTRAS),databricks]' --group test --group databricks
	tests/stand_in.sh databricks dist/databricks/bin/python

package: $(INSTALLED)  ## wheel and sdist; the wheel alone in a fresh environment: example Dags, what Airflow knows of it
	rm -rf dist
	VIRTUAL_ENV=$(VENV) $(BIN)/uv build --quiet --out-dir dist .
	$(BIN)/twine check --strict dist/*.whl dist/*.tar.gz
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python dist/env
	VIRTUAL_ENV=dist/env $(BIN)/uv pip install --quiet --constraint constraints.txt dist/*.whl
	cd dist && AIRFLOW_HOME=$$PWD/airflow env/bin/python ../tests/packaging/smoke.py
	AIRFLOW_HOME=$$PWD/dist/airflow dist/env/bin/airflow providers get airflow-provider-voucherify

test-newcomer: $(INSTALLED)  ## the README's first lines as printed: the wheel beside a fresh Airflow, with a real scheduler
	rm -rf dist/newcomer dist/wheels
	VIRTUAL_ENV=$(VENV) $(BIN)/uv build --quiet --wheel --out-dir dist/wheels .
	$(BIN)/uv venv --quiet --seed --python $(BIN)/python dist/newcomer
	VIRTUAL_ENV=dist/newcomer $(BIN)/uv pip install --quiet --constraint constraints.txt apache-airflow
	$(BIN)/python -m tests.packaging.newcomer dist/newcomer dist/wheels

page:  ## the page of Airflow's UI from page/ into the package; needs Node 20 or later and npm, as nothing else here does
	cd page && npm ci --ignore-scripts --no-audit --no-fund && npm run check && npm run build

test-page: $(INSTALLED_PAGE)  ## the page in Chromium, Debian's if there is none, on a real Airflow with 60 days of a shop
	tests/page.sh $(BIN)/python

bench-page: $(INSTALLED_PAGE)  ## what the browser's own trace says of 3,000 segments and 365 runs
	$(BIN)/python -m tests.page.bench

test-pgbouncer: $(INSTALLED)  ## runs into PostgreSQL through a real PgBouncer, installed from Debian if it is missing
	tests/pgbouncer.sh $(BIN)/python

check: $(INSTALLED)  ## ruff and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy airflow_provider_voucherify tests dags demo benchmarks docs_site

docs: $(DOCS)/env/.installed  ## the docs as a site in build/docs/html; fails where a link leads nowhere or to another host's files
	$(BIN)/python -m docs_site.pages $(DOCS)
	$(DOCS)/env/bin/zensical build --strict --clean --config-file $(DOCS)/mkdocs.yml
	$(BIN)/python -m docs_site.built $(DOCS)/html

pictures: $(BIN)/python  ## docs/images anew, from a real Airflow in an installed Chromium
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python dist/pictures
	VIRTUAL_ENV=dist/pictures $(BIN)/uv pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]' --group pictures
	dist/pictures/bin/python -m docs_site.pictures

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED_BENCH)  ## all measurements but twelve that take longer; writes docs/benchmarks.md
	for name in peers load imports first_try whole_runs simulate emulator; do \
	  $(BIN)/python -m benchmarks.$$name || exit 1; done
	$(BIN)/python -m benchmarks.write_docs

bench-%: $(INSTALLED_BENCH)  ## one of them: bench-peers, bench-clients, bench-whole-runs, bench-distributed, ...
	$(BIN)/python -m benchmarks.$(subst -,_,$*)

soak: $(INSTALLED_BENCH)  ## pulls, publications, kills and faults for MINUTES (10), then everything against the truth
	$(BIN)/python -m benchmarks.soak $(MINUTES)

attack: $(INSTALLED_BENCH)  ## attacks on running tries for MINUTES (10), each judged: 0 violations wanted; SEED=1 repeats
	$(BIN)/python -m benchmarks.attack $(MINUTES) $(if $(SEED),--seed $(SEED))

clean:
	rm -rf $(VENV) .demo build dist

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[sqlite]'
	@touch $@

$(INSTALLED): $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[$(EXTRAS)]' --group dev
	@touch $@ $(VENV)/.installed

$(DOCS)/env/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DOCS)/env
	VIRTUAL_ENV=$(DOCS)/env $(BIN)/uv pip install --quiet --constraint constraints.txt --group docs
	@touch $@

$(INSTALLED_BENCH): $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[$(EXTRAS)]' --group bench
	@touch $@ $(INSTALLED) $(VENV)/.installed

$(INSTALLED_PAGE): $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[$(EXTRAS)]' --group page
	@touch $@ $(INSTALLED) $(VENV)/.installed
