# make run    sets everything up and answers experiments/quickstart.yaml
# make test   sets everything up and passes the tests
# make test-slow   passes those that take long: models served, exported, trained further, whole commands, large data, JAX (about 3 minutes)
# make test-torch  installs PyTorch, which is not in the lock, and passes the tests beside it
# make test-versions  passes tests with the previous minors of Keras, TensorFlow and MLflow, and with newer Pythons that are at hand
# make test-faults  kills coordinators, workers, nodes and servers, and fills a disk (about 17 minutes)
# make sanitize    passes the tests of the kernels compiled by gcc to notice memory errors and undefined behaviour (about 5 minutes)
# make docs   builds the documentation site in docs/_build/html; a warning or a broken link is an error (about 4 minutes)
# make bench  times a whole comparison against stock parts and against PyTorch + Optuna, which it installs in .peers (about 20 minutes)
PYTHON ?= python3
UV_VERSION := 0.13.9
EXPERIMENT ?= quickstart
ROUNDS ?= 3

# uv trusts the certificates of the system, as pip does: behind a proxy with a certificate of its own it needs them.
UV_SYSTEM_CERTS ?= true
export UV_SYSTEM_CERTS

# Bytecode is kept, also where an image turns it off: tests start hundreds of programs, and each would compile the suite anew.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(VENV)/packages
READY := $(VENV)/ready
UV := .uv/bin/uv
JAX := .jax/ready
SANITIZED := .sanitized
KERNELS := gru_tf/recurrent/kernels
SOURCES := hatch_build.py $(KERNELS)/compilation.py $(wildcard $(KERNELS)/source/*)
TORCH := torch==2.13.0
OPTUNA := optuna==5.0.0
PEERS := .peers
VERSIONS := .versions
# A release of each Python after the lock's oldest: on the path, or as pyenv keeps them.
NEWER = $(foreach v,3.12 3.13,$(firstword $(shell python$(v) -c 'import sys; print(sys.executable)' 2>/dev/null) \
	$(wildcard $(HOME)/.pyenv/versions/$(v).*/bin/python$(v))))
ACROSS := tests/recurrent/test_keras_environment.py tests/recurrent/test_saved_models.py tests/suite/test_pipeline.py \
	tests/suite/tracking/test_tracking.py
# a store and models of the lock's libraries, which older ones cannot read
WRITTEN := tests/whole/test_written_before.py

.PHONY: run test test-slow test-torch test-versions test-faults sanitize lint docs bench lock ui clean

run: $(READY)
	$(BIN)/gru-tf run $(EXPERIMENT)

test: $(READY) $(JAX)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not torch" $(TESTS)

test-slow: $(READY) $(JAX)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "slow and not torch" --durations=10 $(TESTS)

# One process: PyTorch takes all cores for itself.
test-torch: $(VENV)/torch
	$(BIN)/python -m pytest -m torch --durations=10 $(TESTS)

# What users may have in the place of the lock: the oldest minors that pyproject.toml allows; the lock on other Pythons.
test-versions: $(READY)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VERSIONS)/previous
	$(UV) pip install --quiet --python $(VERSIONS)/previous/bin/python --constraint tests/previous.txt --requirements pyproject.toml --extra test
	set -e; for python in $(NEWER); do \
		environment=$(VERSIONS)/$$(basename $$python); \
		$(UV) venv --quiet --allow-existing --python $$python $$environment; \
		$(UV) pip sync --quiet --python $$environment/bin/python --require-hashes requirements.lock; \
	done
	set -e; for environment in previous $(notdir $(NEWER)); do \
		python=$(VERSIONS)/$$environment/bin/python; \
		$(UV) pip install --quiet --python $$python --no-deps --editable .; \
		$(UV) pip list --quiet --python $$python | grep -E "^(keras|mlflow|tensorflow) "; \
		$$python -m pytest -n auto --dist worksteal -p no:cacheprovider -m "not slow and not torch and not browser" $(or $(TESTS),$(ACROSS) $$(test $$environment = previous || echo $(WRITTEN))); \
	done

# One after the other: each uses all cores, and some measure time and memory.
test-faults: $(READY)
	$(BIN)/python -m pytest -rA --durations=0 --durations-min=1 tests/faults $(TESTS)

# Python itself is not compiled so: the sanitizer is loaded before it, and what Python never frees is no leak.
# Some tests measure memory: no more of what was freed is watched than they allow for.
sanitize: $(READY)
	$(BIN)/python $(KERNELS)/compilation.py $(SANITIZED) x86-64-v3 gcc -Og -g -fno-omit-frame-pointer -Wall -Wextra -Werror \
		-fsanitize=address,undefined -fno-sanitize-recover=all
	GRU_TF_KERNELS=$(CURDIR)/$(SANITIZED) ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=32 UBSAN_OPTIONS=print_stacktrace=1 \
		LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		$(BIN)/python -m pytest --capture=sys -p no:cacheprovider -m "not slow and not torch" $(or $(TESTS),tests/recurrent/kernels)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# With PyTorch where an index has it: one of the notebooks that are executed imports a model from it.
docs: $(READY)
	-$(MAKE) --no-print-directory $(VENV)/torch
	$(BIN)/python -m sphinx -W --keep-going -n -q docs docs/_build/html

# Without PyTorch and Optuna, where no index has them, it times the others and says so.
bench: $(READY)
	-$(MAKE) --no-print-directory $(PEERS)/ready
	$(BIN)/python benchmarks/ratio.py --rounds $(ROUNDS)

ui: $(READY)
	$(BIN)/gru-tf ui

# Everything is installed from the lock, by hash; bytecode is compiled once, which halves TensorFlow's start.
$(PACKAGES): $(UV) requirements.lock
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip sync --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	touch $@

# Compiles the kernels where their sources have changed.
$(READY): $(PACKAGES) pyproject.toml $(SOURCES)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

# Kernels that somebody deleted are built again.
ifeq ($(wildcard $(KERNELS)/built/about.json),)
.PHONY: $(READY)
endif

# With pip, which may know of a build for CPUs alone; the newest in an index brings gigabytes for GPUs.
$(VENV)/torch: $(READY)
	.uv/bin/python -m pip --python $(BIN)/python install --quiet --disable-pip-version-check $(TORCH)
	touch $@

# As a user of PyTorch has it: an environment without TensorFlow. What both have is of the version in the lock.
$(PEERS)/ready: $(UV) requirements.lock
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(PEERS)
	sed -n '/^[a-z0-9].*==/s/ *\\$$//p' requirements.lock > $(PEERS)/constraints.txt
	.uv/bin/python -m pip --python $(PEERS)/bin/python install --quiet --disable-pip-version-check \
		--constraint $(PEERS)/constraints.txt $(TORCH) $(OPTUNA) mlflow scikit-learn
	touch $@

# Apart from everything else: TensorFlow imports JAX wherever it finds it.
$(JAX): $(READY) tests/backends/requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --target .jax --no-deps --require-hashes -r tests/backends/requirements.lock
	touch $@

$(UV):
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Hashes only: no address of an index ends up in the file.
lock: $(UV)
	$(UV) pip compile pyproject.toml --extra test --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --no-emit-index-url --quiet --output-file requirements.lock
	$(UV) pip compile tests/backends/requirements.in --no-deps --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --no-emit-index-url --quiet --output-file tests/backends/requirements.lock

clean:
	rm -rf $(VENV) .uv .jax $(PEERS) $(VERSIONS) $(SANITIZED) $(KERNELS)/built docs/_build
