"""Spares the tests work of Python and libraries that decides nothing about their results.

Programs that tests run whole, in processes of their own, do all of it, as users' do.
"""

import functools
import gc
import pathlib
import sys
from collections.abc import Callable

_met = set()


def spare(file: pathlib.Path) -> None:
    """Spares the next test work, which is of a file and after the imports of those before."""
    changes = {
        "apache_beam.transforms.core": _remember_signatures,
        "tensorflow": _leave_graphs_as_they_are,
        "tensorflow.python.util.tf_stack": _record_one_stack,
        "tensorflow_model_analysis": lambda _: None,  # only large
        "jax": _keep_the_compilers_context,
    }
    new = {file, *changes.keys() & sys.modules.keys()} - _met
    _met.update(new)
    for library in new - {file}:
        changes[library](sys.modules[library])
    if new:
        _pass_over_what_stays()


def _pass_over_what_stays() -> None:
    """The garbage collector no longer visits the millions of objects of libraries and old tests.

    It did each time, and Keras collects garbage whenever its session is cleared.
    """
    gc.collect()
    gc.freeze()


def _remember_signatures(core) -> None:
    """Beam inspects each method of each DoFn dozens of times: a third of a small job's time."""
    inspect, known = core.get_function_args_defaults, {}

    def get_function_args_defaults(method: Callable) -> tuple[list, list]:
        function = getattr(method, "__func__", method)
        key = function, function is method
        if key not in known:
            known[key] = inspect(method)
        return tuple(map(list, known[key]))

    core.get_function_args_defaults = get_function_args_defaults


def _leave_graphs_as_they_are(tf) -> None:
    """Rewriting a graph takes longer than it saves in the few steps of a test."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _record_one_stack(tf_stack) -> None:
    """TensorFlow finds the lines where each operation was made: a thirtieth of an export's time."""
    tf_stack.extract_stack = functools.cache(tf_stack.extract_stack)


def _keep_the_compilers_context(jax) -> None:
    """JAX makes one for each operation that it compiles: a sixth of the time of its tests."""
    from jax._src.interpreters import mlir

    mlir.make_ir_context = functools.cache(mlir.make_ir_context)
