# Every target but `setup` itself calls `setup`, which does nothing when the environment is current.
PYTHON ?= python3
INSTALLER ?= uv
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# the images have Python 3.12; what is tested here may have 3.11
IMAGE_LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

.PHONY: help setup run up lab test check bench faults docs lock sbom clean
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## create .venv from requirements.lock (INSTALLER=pip to do without uv)

$(STAMP): requirements.lock pyproject.toml $(wildcard gateway_lib/local/prisma/*.* gateway_lib/local/prisma/engine/*)
	PYTHON=$(PYTHON) INSTALLER=$(INSTALLER) scripts/setup $(VENV)
	$(BIN)/python -m gateway_lib.local.prisma
	@touch $@

run: setup  ## start the local stack, execute every notebook on it, print the table of runs, stop the stack
	$(BIN)/gateway run --all

up: setup  ## start the local stack and stay in the foreground until Ctrl-C
	$(BIN)/gateway up

lab: setup  ## start the local stack and JupyterLab on the notebooks; LAB="..." passes options
	$(BIN)/gateway up -- $(BIN)/jupyter lab --config=config/jupyter_server_config.py $(LAB)

test: setup  ## run every test, on a local stack of their own
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadscope

check: setup  ## lint, types, then the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

bench: setup  ## measure what the middleware costs, the meter beside others, and LiteLLM under our settings
	$(BIN)/python -m bench
	$(BIN)/python -m bench.gateway

# the soak by itself: tests beside it would take what it has measured that the machine can do
SOAK := tests/faults/test_soak.py

faults: setup  ## the long runs: hostile input, broken parts, the soak; most of an hour
	$(BIN)/python -m pytest -v -m faults --ignore $(SOAK) --numprocesses logical --maxprocesses 2 --dist loadscope; \
		others=$$?; $(BIN)/python -m pytest -v -m faults $(SOAK) && exit $$others

docs: setup  ## build the documentation as a site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: setup  ## compile requirements.lock and those of the images anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --quiet --output-file requirements.lock
	$(BIN)/uv pip compile --group pyproject.toml:service --constraint requirements.lock $(IMAGE_LOCK) \
		--output-file requirements-middleware.lock
	$(BIN)/uv pip compile pyproject.toml --constraint requirements.lock $(IMAGE_LOCK) \
		--output-file requirements-evaluate.lock

sbom: setup  ## write sbom/ and ATTRIBUTION.md from the locks and what is installed from them
	$(BIN)/python scripts/sbom

clean:  ## remove the environment (runs/ and the stack's state stay)
	rm -rf $(VENV)
