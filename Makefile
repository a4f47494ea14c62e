# make run    installs everything and runs the demo pipeline (ARGS="--task cml" for another one)
# make test   installs everything and runs all tests
# make test-fresh      runs README's commands in a bare Debian 12 and a bare Debian 13
# make test-backends   installs the newest TensorFlow, Keras and JAX in empty environments and has
#             both backends train, save and open each other's models; needs a package index
# make format rewrites the code in the house's format

# Compiled modules are kept for the next run, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE
# PYTHON=… decides on the interpreter; otherwise requirements/find_python does.
export PYTHON
ENVIRONMENT := .venv/.complete
JAX_ENVIRONMENT := .venv-jax/.complete
# The same tests run on TensorFlow and, without it, on JAX, which compiles for longer than it runs.
BACKEND_TESTS := tests/layers tests/models tests/test_losses.py tests/test_metrics.py \
	tests/test_localization.py tests/evaluation/test_trivial_baselines.py tests/test_canonical_correlation.py \
	tests/test_backend_independence.py tests/test_presets.py \
	tests/examples/test_layers_in_your_model.py
# What JAX compiles, which takes most of its tests' time, is kept for the next run.
JAX_SETTINGS := KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1 \
	JAX_COMPILATION_CACHE_DIR=$(CURDIR)/.venv-jax/compiled JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 \
	JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder  # in the order of tests/conftest.py
BACKENDS := tensorflow jax
EXPORTERS := tf2onnx onnxruntime ai-edge-litert

.PHONY: run test test-tensorflow test-jax test-fresh test-backends format

run: $(ENVIRONMENT)
	@.venv/bin/python pipelines/local_runner.py $(ARGS)

# Both at once: TensorFlow's tests wait for programs and timeouts a quarter of the time. JAX's, which
# are fewer, only fill those pauses: at their usual priority they would slow the others.
test: $(ENVIRONMENT) $(JAX_ENVIRONMENT)
	@$(MAKE) --no-print-directory --jobs 2 test-tensorflow test-jax

# The threads of NumPy's matrix products wait in a loop, on processors that other tests need.
test-tensorflow test-jax: export OPENBLAS_NUM_THREADS := 1

test-tensorflow: $(ENVIRONMENT)
	.venv/bin/python -m pytest -q -rs -m "" $(WORKERS) --durations 15 tests

# Its output comes in one piece, not in between.
test-jax: $(JAX_ENVIRONMENT)
	@$(JAX_SETTINGS) nice -n 19 .venv-jax/bin/python -m pytest -q -rs -m "" $(BACKEND_TESTS) \
		> .venv-jax/tests.log 2>&1; status=$$?; echo; cat .venv-jax/tests.log; exit $$status

# Needs root, debootstrap and the network.
test-fresh:
	tests/fresh/run

# Emptied each time, or they would not have the newest; `build`, or the wheel could hold old files.
test-backends:
	rm -rf build .venv-newest-models
	for backend in $(BACKENDS); do \
		$${PYTHON:-$$(requirements/find_python)} -m venv --clear .venv-newest-$$backend && \
		.venv-newest-$$backend/bin/python -m pip install --quiet ".[$$backend]" && \
		KERAS_BACKEND=$$backend .venv-newest-$$backend/bin/python \
			tests/backends/write_models.py .venv-newest-models/$$backend || exit 1; \
	done
	for reader in $(BACKENDS); do for writer in $(BACKENDS); do \
		KERAS_BACKEND=$$reader .venv-newest-$$reader/bin/python \
			tests/backends/read_models.py .venv-newest-models/$$writer || exit 1; \
	done; done
	.venv-newest-tensorflow/bin/python -m pip install --quiet $(EXPORTERS) pytest
	.venv-newest-tensorflow/bin/pytest -q -m "" -o pythonpath= tests/serving/test_portable_exports.py

format: $(ENVIRONMENT)
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

LOCKS := $(wildcard requirements/*)

$(ENVIRONMENT): $(LOCKS) setup.py
	requirements/create_environment .venv
	.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(JAX_ENVIRONMENT): $(LOCKS)
	requirements/create_environment .venv-jax jax-
	@touch $@
