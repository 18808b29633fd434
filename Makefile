# Everything a developer types. `make` alone prints the list; it needs Python >= 3.11 and nothing else.
# The virtual environment is made from hash-locked requirements, and only again when those change.

# The interpreter to make the environment from; empty: the first that is new enough.
PYTHON ?=
# Passed on, for instance: make run ARGS="--port 9000", make unit ARGS="-k cron".
ARGS ?=
# Processes that share the whole test run; the tests of one file stay in one process. Two more than there are processors,
# as those of services, browsers and chaos wait for most of their time.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)

VENV := .venv
PY := $(VENV)/bin/python
MADE := $(VENV)/.made
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes

# An environment whose interpreter is gone or too old (an upgraded system, a moved folder) is made again.
ifneq ($(shell $(PY) -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null),True)
.PHONY: $(MADE)
endif

.DEFAULT_GOAL := help
.PHONY: help run test check format lint types imports suite unit chromium redis pgbouncer screenshots bench soak mutation lock

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN) ## Set up and start the service: http://127.0.0.1:8080/admin/scheduler/
	@exec $(PY) -m entrypoints.scheduler $(ARGS)

test: chromium redis pgbouncer ## Set up and run everything continuous integration runs
	@$(MAKE) --no-print-directory --jobs 2 lint types imports suite

check: lint types imports unit ## The quick round before a commit: style, types, imports, unit tests

format: $(DEV) ## Format the code and mend what the linter can mend
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

lint: $(DEV)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .

types: $(DEV)
	$(PY) -m mypy

imports: $(DEV)
	$(VENV)/bin/lint-imports --no-logo

# In the order of tests/conftest.py; of itself the plug-in would leave the longest files for last, because they are few.
# Tests start hundreds of processes, so what is compiled is kept, whatever the environment says.
suite: $(DEV)
	PYTHONDONTWRITEBYTECODE= $(PY) -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

unit: $(DEV)
	$(PY) -m pytest tests/unit $(ARGS)

chromium: $(DEV)
	@sh .ci/find_chromium $(PY)

redis:
	@sh .ci/find_redis

# After the other, as the system installs one thing at a time.
pgbouncer: redis
	@sh .ci/find_pgbouncer

screenshots: chromium ## Take the pictures of the dashboard in docs/screenshots
	$(PY) -m tests.support.screenshots $(ARGS)

bench: $(DEV) ## Measure speed beside the limits of this machine; writes var/bench.json
	$(PY) -m tests.benchmarks $(ARGS)

soak: $(DEV) ## The long forms of simulation, chaos and properties
	$(PY) -m pytest tests/simulation -m soak --numprocesses $(WORKERS) --timeout=0 $(ARGS)
	$(PY) -m pytest -m soak --ignore=tests/simulation --hypothesis-profile=soak --timeout=0 $(ARGS)

# Stopped, it goes on where it was. ARGS='domain.scheduling.retry*' tries those again, for instance after a new test;
# `mutmut show NAME` prints one, `rm -r mutants` begins anew.
mutation: $(DEV) ## Change the scheduling rules in every small way and count what the unit tests notice
	$(VENV)/bin/mutmut run $(ARGS)
	@$(VENV)/bin/mutmut results --all true | $(PY) -m tests.support.mutation_score

# The locks are universal: one file holds for every supported Python, system and processor. The resolver lives in an
# environment of its own, thrown away afterwards. ARGS=--upgrade takes newer releases.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links
# Each of those whom the benchmarks measure has an environment of its own.
PEERS := $(wildcard tests/benchmarks/peers/*.in)

lock: ## Resolve pyproject.toml into requirements.txt and requirements-dev.txt, and the peers' too
	@set -e; python=$$(sh .ci/find_python $(PYTHON)); tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	"$$python" -m venv "$$tools"; "$$tools/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9; \
	export PATH="$$tools/bin:$$PATH"; \
	$(LOCK) $(ARGS) pyproject.toml --output-file requirements.txt; \
	$(LOCK) $(ARGS) pyproject.toml --group dev --constraints requirements.txt --output-file requirements-dev.txt; \
	for peer in $(PEERS); do $(LOCK) $(ARGS) $$peer --output-file $${peer%.in}.txt; done

$(MADE):
	@python=$$(sh .ci/find_python $(PYTHON)) && "$$python" -m venv --clear $(VENV) && touch $@

$(RUN): requirements.txt $(MADE)
	@echo "Installing what the service needs into $(VENV) (once)."
	@$(INSTALL) --requirement $< && touch $@

$(DEV): requirements-dev.txt $(MADE)
	@echo "Installing what the tests need into $(VENV) (once)."
	@$(INSTALL) --requirement $< && touch $@
