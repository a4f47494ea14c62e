"""Spares the tests work of Python and libraries that decides nothing about their results.

Programs that tests run whole, in processes of their own, do all of it, as users' do.
"""

import functools
import gc
import sys
from collections.abc import Callable

_done = set()


def spare() -> None:
    """Spares work of the libraries that have been imported."""
    for library, change in (
        ("apache_beam.transforms.core", _remember_signatures),
        ("tensorflow", _leave_graphs_as_they_are),
        ("tensorflow_model_analysis", None),  # only large
        ("jax", _keep_the_compilers_context),
    ):
        if library in sys.modules and library not in _done:
            _done.add(library)
            if change:
                change(sys.modules[library])
            _pass_over_what_stays()


def _pass_over_what_stays() -> None:
    """The garbage collector no longer visits the millions of objects of libraries and tests.

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


def _keep_the_compilers_context(jax) -> None:
    """JAX makes one for each operation that it compiles: a sixth of the time of its tests."""
    from jax._src.interpreters import mlir

    mlir.make_ir_context = functools.cache(mlir.make_ir_context)
