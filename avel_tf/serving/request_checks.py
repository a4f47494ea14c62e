"""Checks of a request inside the served graph: a server does not compare shapes with signatures."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

LARGEST = float(tf.half.max)  # beyond it, where no feature of a dataset is, models overflow
FINITE = f"finite numbers of at most ±{LARGEST:.0f}"


def checked(
    inputs: Mapping[str, tf.Tensor], shapes: Mapping[str, Sequence[int | None]], num_shared: int
) -> dict[str, tf.Tensor]:
    """Returns the inputs of a request, which fail when they are evaluated unless they are sound.

    Args:
        inputs: Dict from name to tensor.
        shapes: Dict from the same names to shapes, None for an axis of any length.
        num_shared: Integer. The number of leading axes whose lengths all inputs must share.
    Returns:
        Dict of the same tensors. Evaluating them raises `InvalidArgumentError` with the input's
        name if an axis has another length, an axis other than the first is empty, or a value is
        NaN or beyond `LARGEST`, the range of half precision in which datasets hold features.
    """
    lengths = {name: _shape(tensor) for name, tensor in inputs.items()}
    first, *others = inputs
    checks = [_shape_check(name, lengths[name], shapes[name]) for name in inputs]
    checks += [
        tf.debugging.Assert(
            tf.reduce_all(tf.equal(lengths[first][:num_shared], lengths[name][:num_shared])),
            [
                f"`{first}` and `{name}` must agree in their first {num_shared} axes. Received:",
                *(lengths[first], lengths[name]),
            ],
        )
        for name in others
    ]
    checks += value_checks(inputs)
    with tf.control_dependencies(checks):
        return {name: tf.identity(tensor) for name, tensor in inputs.items()}


def value_checks(inputs: Mapping[str, tf.Tensor]) -> list[tf.Operation]:
    """Returns operations that fail as `checked` does if a value is NaN or beyond `LARGEST`."""
    return [
        tf.debugging.Assert(_within_range(tensor), [f"`{name}` must hold {FINITE}."])
        for name, tensor in inputs.items()
        if tensor.dtype.is_floating
    ]


def _within_range(tensor: tf.Tensor) -> tf.Tensor:
    # Flat, or another rank fails here, possibly before the check of the shape says why.
    values = tf.reshape(tensor, [-1])
    # Extremes are NaN if a value is; comparing every value would write as much as it reads.
    return (tf.reduce_min(values) >= -LARGEST) & (tf.reduce_max(values) <= LARGEST)


def _shape(tensor: tf.Tensor) -> tf.Tensor:
    """Reads the shape a tensor has; in a graph, plain `tf.shape` gives the one it should have."""
    return tf.shape(tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tf.TensorShape(None)))


def _shape_check(name: str, lengths: tf.Tensor, shape: Sequence[int | None]) -> tf.Operation:
    wanted = [-1 if length is None else length for length in shape]
    has_rank = tf.equal(tf.size(lengths), len(wanted))
    # Cut or padded to the wanted rank, since both conditions are computed.
    read = tf.pad(lengths[: len(wanted)], [[0, tf.maximum(0, len(wanted) - tf.size(lengths))]])
    fits = has_rank & tf.reduce_all(tf.equal(read, wanted) | tf.equal(wanted, -1))
    fits &= tf.reduce_all(read[1:] > 0)
    text = ", ".join("any" if length is None else str(length) for length in shape)
    message = f"`{name}` must have the shape ({text}); only its first axis may be empty. Received:"
    return tf.debugging.Assert(fits, [message, lengths], summarize=6)
