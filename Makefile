# Everything this project does, from Python 3.11 or newer and make alone. `make` by itself lists the commands.
#
# Set-up is part of every command: the first call makes .venv and installs the package there, editable, with the exact
# versions of constraints.txt. A stamp named after the contents of the files that decide what is installed makes every
# later call go straight to its job, and brings .venv up to date after one of them changed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# The interpreter that .venv is made with. Empty: the first suitable one of PYTHONS, or the .venv that is there.
PYTHON ?=
PYTHONS := python3.11 python3.12 python3 python
# What JAX computes on: cpu, cuda13 or tpu.
ACCELERATOR ?= cpu
# How many tests run side by side.
JOBS ?= 2
# The image set that make data fetches.
NAME ?=
# Handed on, as in: make figures ARGS='--preset smoke' and make test PYTEST_ARGS='-k wasserstein'.
ARGS ?=
PYTEST_ARGS ?=

ifeq ($(filter $(ACCELERATOR),cpu cuda13 tpu),)
$(error ACCELERATOR is '$(ACCELERATOR)'; expected cpu, cuda13 or tpu)
endif

# Compiled programs survive the process: the second run of a script or of the tests skips most of its compilations.
# JAX keeps only programs that took long to compile unless it is told otherwise; ours are many and small.
JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.cache/jax
JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0
JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES ?= -1
export JAX_COMPILATION_CACHE_DIR JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES
# Nor does what Python and pytest compile, which is half of what collecting the tests takes; `make clean` removes it.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest

comma := ,
EXTRAS := test,lint,notebooks$(addprefix $(comma),$(filter-out cpu,$(ACCELERATOR)))
FINGERPRINT := $(firstword $(shell cat setup.cfg pyproject.toml constraints.txt | cksum))
STAMPS := $(VENV)/.ready
READY := $(STAMPS)/$(FINGERPRINT)-$(ACCELERATOR)-$(subst /,_,$(or $(PYTHON),any))
READY_BENCH := $(READY)-bench
READY_PREPARE := $(READY)-prepare

SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
VERSION := import sys; print("%d.%d" % sys.version_info[:2])

.PHONY: help setup figures figures-game figures-images figures-diversity figures-conditional figures-translation data lint format test test-slow test-exhaustive check coverage notebooks bench clean distclean

help:  ## this list
	@echo "gan_jax: make COMMAND [PYTHON=python3.12] [ACCELERATOR=cuda13|tpu] [JOBS=2]"
	@sed -n 's/^\([a-z-]*\):.*##\(.*\)/  \1\t\2/p' Makefile | expand -t 14

setup: $(READY)  ## make .venv and install everything; every other command does this first

figures: $(READY)  ## the divergences: figures, tables and verdicts go to results/
	$(BIN)/python -m experiments divergences $(ARGS)

figures-game: $(READY)  ## the game: the same for its experiments
	$(BIN)/python -m experiments game $(ARGS)

figures-images: $(READY)  ## images: the same for its experiments
	$(BIN)/python -m experiments images $(ARGS)

figures-diversity: $(READY)  ## mode collapse: the same, from the presets for two cores
	$(BIN)/python -m experiments diversity --preset quick $(ARGS)

figures-conditional: $(READY)  ## conditions: the same, labels and sentences
	$(BIN)/python -m experiments conditional --preset quick $(ARGS)

figures-translation: $(READY)  ## unpaired translation: the same, CycleGAN
	$(BIN)/python -m experiments translation --preset quick $(ARGS)

data: $(READY_PREPARE)  ## make data NAME=cifar10: fetch a set of images once (installs TensorFlow for that)
	$(BIN)/python -m gan_jax prepare $(NAME) $(ARGS)

lint: $(READY)  ## style, format, types, and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .cache/import-linter

format: $(READY)  ## repair what lint can repair by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Most of the tests' time is compilation, and most of what is compiled runs once: LLVM's optimisations and XLA's emitters of fusions are
# left out (a third of the time). Without them copies of one product may be rounded apart where a processor has fused multiply-adds, so
# that zeros are not exact: AVX has none. Nor is a program cut into pieces for several threads, which costs an eighth of a test's time where
# the cores are busy with other tests. The notebooks compute for longer, and are optimised; every figure runs with all of it, as users do.
test test-slow test-exhaustive check coverage: export JAX_DISABLE_MOST_OPTIMIZATIONS = 1
test test-slow test-exhaustive check coverage: export XLA_FLAGS += --xla_cpu_use_fusion_emitters=false --xla_cpu_max_isa=AVX \
  --xla_cpu_parallel_codegen_split_count=1
notebooks: export XLA_FLAGS += --xla_cpu_use_fusion_emitters=false

test: lint  ## lint, then the tests
	$(PYTEST) -q -n $(JOBS) --dist worksteal -m "not slow and not exhaustive" --durations 10 $(PYTEST_ARGS)

# pytest exits with 5 where it finds no test: that is no failure of this tier, which may be empty. A file stays in one process, since its
# tests share what is slow in it, unless tests/conftest.py says that its cases do not.
test-slow: $(READY)  ## the tests marked slow
	@$(PYTEST) -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "slow and not exhaustive" --durations 10 $(PYTEST_ARGS) || { status=$$?; \
	  if [ $$status -eq 5 ]; then echo "No test is marked slow."; else exit $$status; fi; }

test-exhaustive: $(READY)  ## more and larger cases of the same, before a release
	$(PYTEST) -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m exhaustive --durations 10 $(PYTEST_ARGS)

check: lint  ## lint, then both tiers in one go: what a change is held against
	$(PYTEST) -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not exhaustive" --durations 10 $(PYTEST_ARGS)

coverage: $(READY)  ## the tests of make test and test-slow, and which lines they never reach
	$(PYTEST) -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not exhaustive" --cov --cov-report term-missing $(PYTEST_ARGS)

# Every process is given two to begin with, and another where one is left: the three longest come first, each with a short one.
LONGEST := $(patsubst %,notebooks/%.ipynb,10_cyclegan 05_why_games_cycle 09_conditional 01_divergence_from_samples \
  07_images 03_moving_plans 08_mode_collapse)
NOTEBOOKS := $(LONGEST) $(filter-out $(LONGEST),$(sort $(wildcard notebooks/*.ipynb)))

notebooks: $(READY)  ## execute every notebook from top to bottom
	$(PYTEST) -v -n $(JOBS) --dist load --maxschedchunk 1 --nbmake --nbmake-timeout 600 $(NOTEBOOKS) $(PYTEST_ARGS)

bench: $(READY_BENCH)  ## speed against PyTorch, SciPy and POT, side by side (installs PyTorch)
	$(BIN)/python -m benchmarks $(ARGS)

clean:  ## remove caches and build leftovers; .venv and results/ stay
	rm -rf .cache .hypothesis .coverage .coverage.* build dist
	find gan_jax experiments benchmarks tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## clean, and remove .venv too
	rm -rf $(VENV) gan_jax.egg-info

$(READY):
	@python=; \
	for candidate in $(or $(PYTHON),$(PYTHONS)); do \
	  if "$$candidate" -c '$(SUITABLE)' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "gan_jax needs Python 3.11 or newer, with its venv module;" \
	    "$(if $(PYTHON),PYTHON=$(PYTHON) is not that,this machine has none called $(PYTHONS))." \
	    "Install one, or name it: make COMMAND PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	there=$$($(BIN)/python -c '$(VERSION)' 2>/dev/null); \
	if [ -z "$$there" ] || { [ -n "$(PYTHON)" ] && [ "$$there" != "$$("$$python" -c '$(VERSION)')" ]; }; then \
	  echo "Making $(VENV) with $$python"; \
	  "$$python" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; \
	fi
	@echo "Installing gan_jax[$(EXTRAS)] with the versions of constraints.txt: once, one to three minutes"
	@$(PIP) install -qq --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@mkdir -p $(STAMPS)
	@find $(STAMPS) -type f ! -name '$(FINGERPRINT)-*' -exec rm -f {} +
	@touch $@

$(READY_BENCH): | $(READY)
	@echo "Installing PyTorch for the benchmarks: once, one to five minutes"
	@$(PIP) install -qq --constraint constraints.txt --editable '.[$(EXTRAS),bench]'
	@touch $@

$(READY_PREPARE): | $(READY)
	@echo "Installing TensorFlow to prepare image sets: once, one to five minutes"
	@$(PIP) install -qq --constraint constraints.txt --editable '.[$(EXTRAS),prepare]'
	@touch $@
