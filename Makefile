# `make run` and `make test` do everything from a fresh checkout. They need Python 3.11 or newer with venv, and make.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SOURCE ?=
WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check format screenshots bench zoo scale ui reproduce large clean

help: ## Say what each command does
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

run: $(VENV)/.ready ## Serve the explorer on 127.0.0.1:8050 (SOURCE=torchvision:resnet18, ARGS="--port 8051")
	@$(BIN)/python -m explorer $(SOURCE) $(ARGS)

test: check ## Run all checks and all tests (installs a Chromium and a Redis server if none is found)
	@browser="$$(.ci/browser)" && redis="$$(.ci/redis)" && EXPLORER_CHROMIUM="$$browser" EXPLORER_REDIS="$$redis" \
		$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term-missing:skip-covered $(ARGS)

check: $(VENV)/.ready-dev ## Check format, lint, types and floors
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.ready-dev ## Format, and mend what lint can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

large: $(VENV)/.ready-dev ## Walk through Mask R-CNN, DenseNet-201 and every lesson in a real Chromium
	@browser="$$(.ci/browser)" && EXPLORER_CHROMIUM="$$browser" $(BIN)/python -m pytest -m large tests/journeys

screenshots: $(VENV)/.ready-dev ## Take the screenshots of the README anew
	@browser="$$(.ci/browser)" && EXPLORER_CHROMIUM="$$browser" $(BIN)/python -m tests.journeys.screenshots

bench: $(VENV)/.ready ## Time analysis and pruning against Torch-Pruning (ARGS="resnet50 --repeats 9")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.vs_torch_pruning $(ARGS)

zoo: $(VENV)/.ready ## Prune and prove every float model of torchvision; writes benchmarks/zoo.md (ARGS="swin_t raft_small")
	@$(BIN)/python -m benchmarks.zoo $(ARGS)

scale: $(VENV)/.ready ## Trace a decoder of LLaMA-7B's shape without its weights, from 4 to 32 layers
	@$(BIN)/python -m benchmarks.decoder $(ARGS)

ui: $(VENV)/.ready-dev ## Time the app in a real Chromium; writes its table into benchmarks/RESULTS.md (ARGS="--repeats 9")
	@browser="$$(.ci/browser)" && EXPLORER_CHROMIUM="$$browser" $(BIN)/python -m benchmarks.ui $(ARGS)

reproduce: $(VENV)/.ready ## Run the paper's experiments; writes benchmarks/reproduction, goes on where it stopped (ARGS="--quick")
	@$(BIN)/python -m explorer reproduce $(ARGS)

clean: ## Remove caches and build results; the environment stays
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find explorer sample_models tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# A stamp for each list of requirements: pip runs again only when the list is newer.
$(VENV)/.ready: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(VENV)/.ready $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else \
		f"The explorer needs Python 3.11 or newer; $(PYTHON) is {v[0]}.{v[1]}. Try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
