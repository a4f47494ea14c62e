"""Models without tracing, which takes TensorFlow longer than the few steps of most tests.

Models of the fixture `trained`, of the demo and the examples are trained, evaluated and exported as
users do.
"""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def eagerly() -> Iterator[None]:
    """Runs operation by operation what TensorFlow would trace; a context and a decorator."""
    if keras.config.backend() != "tensorflow":
        yield  # eager JAX compiles every operation separately, which takes longer
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
