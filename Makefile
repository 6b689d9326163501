# `make help` lists the targets. Only python3 (3.11 or later), make and git are needed beforehand.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
INPUT ?=
NAME ?=
DATA ?=
PYTEST_ARGS ?=
WORKERS ?= 2

BASE := .venv
DEV := .venv-dev
RAY := .venv-ray
LOCK := .venv-lock
DEMO := out/demo

# Pip takes exactly what the lock file names; the package itself is linked, not copied.
define create
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "venule needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
$(PYTHON) -m venv --clear $(1)
$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
@touch $@
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BASE)/.complete: requirements/base.txt pyproject.toml
	@echo "Creating $(BASE) ..."
	$(call create,$(BASE),requirements/base.txt)

$(DEV)/.complete: requirements/dev.txt pyproject.toml
	@echo "Creating $(DEV), with PyTorch; this takes some minutes ..."
	$(call create,$(DEV),requirements/dev.txt)

$(RAY)/.complete: requirements/ray.txt pyproject.toml
	@echo "Creating $(RAY), with Ray ..."
	$(call create,$(RAY),requirements/ray.txt)

.PHONY: demo
demo: $(BASE)/.complete ## segment an example photograph, and yours with INPUT=path
	@mkdir -p $(DEMO)
	@$(BASE)/bin/python -c 'import sys, pathlib, skimage.data, venule.image.io as io; io.write_png(pathlib.Path(sys.argv[1]), skimage.data.retina())' $(DEMO)/retina.png
	@echo "Probability map, mask and overlay of $(DEMO)/retina.png:"
	@$(BASE)/bin/venule predict $(DEMO)/retina.png -o $(DEMO) --save prob,mask,overlay --overwrite
	@if [ -n "$(INPUT)" ]; then \
		echo "Probability map, mask and overlay of $(INPUT):"; \
		$(BASE)/bin/venule predict "$(INPUT)" -o $(DEMO)/input --save prob,mask,overlay --overwrite; \
	fi
	@echo "To look at it: $(BASE)/bin/pip install '.[web]', then $(BASE)/bin/venule serve $(DEMO)"

.PHONY: test
test: $(DEV)/.complete ## run the tests in WORKERS=2 processes; PYTEST_ARGS='-m "not slow"' for the fast ones
	$(DEV)/bin/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(PYTEST_ARGS)

.PHONY: test-dicom
test-dicom: $(DEV)/.complete ## test DICOM against dcmtk, dicom3tools, Orthanc and highdicom, which must be installed
	VENULE_DICOM_PROGRAMS=1 $(DEV)/bin/python -m pytest tests/dicom $(PYTEST_ARGS)

.PHONY: test-ray
test-ray: $(RAY)/.complete ## test the engine ray on a cluster of two nodes on this computer
	VENULE_RAY=1 $(RAY)/bin/python -m pytest tests/batch/test_ray.py tests/batch/test_crew.py $(PYTEST_ARGS)

.PHONY: test-web
test-web: $(DEV)/.complete ## test the viewer in Chromium, which must be installed, with axe and schemathesis
	VENULE_WEB=1 $(DEV)/bin/python -m pytest tests/serve tests/report $(PYTEST_ARGS)

.PHONY: load-web
load-web: $(DEV)/.complete ## 200 clients of the service at the same time, on the loopback
	VENULE_LOAD=1 $(DEV)/bin/python -m pytest tests/serve/test_load.py -s $(PYTEST_ARGS)

.PHONY: check
check: $(DEV)/.complete ## what continuous integration runs: format, lint, types, tests
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/mypy
	$(MAKE) --no-print-directory test

.PHONY: results
results: $(DEV)/.complete ## write the pages and cards from the result files
	$(DEV)/bin/python tools/render.py

.PHONY: reproduce
reproduce: $(DEV)/.complete ## run the recipe of a result again: NAME=..., DATA=folder; without NAME, list them
	$(DEV)/bin/python tools/reproduce.py $(or $(NAME),--list) $(if $(DATA),--data-root "$(DATA)")

.PHONY: recheck
recheck: $(DEV)/.complete ## compute the scores on the cards again, on record; DATA=folder
	$(DEV)/bin/python tools/recheck.py $(if $(DATA),--data-root "$(DATA)")

.PHONY: format
format: $(DEV)/.complete ## format the code and sort its imports
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

# The base file takes the versions of the development file, so that tests run what users get.
COMPILE = $(LOCK)/bin/pip-compile --quiet --no-config --generate-hashes --strip-extras --allow-unsafe \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--build-deps-for editable
STRIP = sed -i -e '/^$$/d' -e '/^\# The following/d' \
	-e '1i \# Written by `make lock`; change pyproject.toml or constraints.txt instead. Linux, Python 3.11 and later.'

.PHONY: lock
lock: ## renew requirements/*.txt from pyproject.toml; with Python 3.11
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "lock with the oldest supported Python: make lock PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet --disable-pip-version-check pip-tools==7.6.2
	rm -f requirements/base.txt requirements/dev.txt requirements/ray.txt
	$(COMPILE) --extra train --extra openvino --extra dicom --extra web --extra dev -c requirements/constraints.txt -o requirements/dev.txt pyproject.toml
	$(STRIP) requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt -o requirements/base.txt pyproject.toml
	$(STRIP) requirements/base.txt
	$(COMPILE) --extra ray --extra dev -c requirements/dev.txt -o requirements/ray.txt pyproject.toml
	$(STRIP) requirements/ray.txt
	rm -rf $(LOCK)

.PHONY: clean
clean: ## remove the environments and what tools have left
	rm -rf $(BASE) $(DEV) $(RAY) $(LOCK) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
