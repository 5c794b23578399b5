# One command each; `make help` lists them. Needs make and Python 3.11, 3.12 or 3.13 (PYTHON=... names one), nothing else.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Compiled once, not again by each of the many processes: that alone takes a third of the tests' time.
unexport PYTHONDONTWRITEBYTECODE

# A venv whose interpreter went away (an upgraded system, a copied directory) is made again.
ifneq ($(shell $(BIN)/python -c 'print(1)' 2>/dev/null),1)
$(shell rm -f $(VENV)/runtime.done $(VENV)/development.done)
endif

WITH_SERVERS := $(BIN)/python -m library.core.embedded
WITHOUT_SERVERS := env -i PATH="$$PATH" DJANGO_SECRET_KEY=nothing-is-signed-here-but-it-has-to-look-like-a-real-key-0123456789 \
  DATABASE_URL=postgres://nobody/asks REDIS_URL=redis://nobody/0
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test lint types check bench requirements clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/development.done ## make the virtual environment with everything for development

run: $(VENV)/runtime.done ## run the library: PORT=8000 HOST=127.0.0.1
	@$(BIN)/python -m library.core.runner

test: $(VENV)/development.done ## run every test in parallel: ARGS="-k loan"
	$(WITH_SERVERS) $(BIN)/python -m pytest -p tests.coverage -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/development.done ## style, templates, who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/lint-imports --no-cache

types: $(VENV)/development.done ## mypy, strictly
	$(WITHOUT_SERVERS) $(BIN)/mypy .

check: $(VENV)/development.done ## settings, migrations, API schema, translations, requirements
	$(WITH_SERVERS) $(BIN)/python manage.py check --fail-level WARNING
	$(WITHOUT_SERVERS) LIBRARY_ENV_FILE=.env.example $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(WITH_SERVERS) $(BIN)/python manage.py makemigrations --check --dry-run
	$(WITHOUT_SERVERS) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(WITHOUT_SERVERS) $(BIN)/pytest -q $(addprefix library/core/tests/test_,requirements.py locale.py settings.py)

bench: $(VENV)/development.done ## measure; takes many minutes, wants a quiet machine
	@for module in $(filter-out __init__ scratch million search,$(basename $(notdir $(wildcard benchmarks/*.py)))); do \
	  echo "== $$module"; $(WITH_SERVERS) $(BIN)/python -m benchmarks.$$module $(ARGS) || exit 1; \
	done

$(VENV)/runtime.done: requirements.txt
	$(call install,requirements.txt)
	@touch $@

$(VENV)/development.done: requirements-dev.txt
	$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/runtime.done

# $(call install,FILE): the packages of FILE into the venv, which is made first where it is missing or broken.
define install
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  for python in $(PYTHON) python3.13 python3.12 python3.11 ""; do \
	    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && break; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)." \
	      "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; \
	  fi; \
	  "$$python" -m venv --clear $(VENV) || { \
	    echo "The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; \
	fi
	@echo "Installing the packages of $(1) (the first time takes a minute or two)..."
	@$(BIN)/python -m pip install --quiet --no-user --require-hashes -r $(1) || { \
	  echo "The packages could not be installed. Is the package index reachable? PIP_INDEX_URL names a mirror." >&2; exit 1; }
endef

requirements: ## pin the newest allowed versions (asks the package index)
	@command -v uv >/dev/null || { echo "This needs uv: pip install uv" >&2; exit 1; }
	uv pip compile $(PIN) requirements.in -o requirements.txt
	uv pip compile $(PIN) -c requirements.txt requirements-dev.in -o requirements-dev.txt
PIN := --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url

clean: ## remove what can be made again (not var/, which holds your library)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache var/throw-away
	find . -name __pycache__ -prune -exec rm -rf {} +
