import numpy as np
import pytest

from avel_tf.utils.arguments import (
    check_choice,
    check_fraction,
    check_natural,
    check_positive,
    check_positive_integer,
)


def test_accepts():
    check_positive_integer("units", 1)
    check_positive_integer("units", np.int64(7))
    check_fraction("rate", 0)
    check_fraction("rate", 1.0)
    check_fraction("rate", np.float32(0.5))
    check_choice("task", "sel", ("sel", "cml"))


@pytest.mark.parametrize("value", [0, -3, 2.0, "4", None, True])
def test_positive_integer(value):
    with pytest.raises(ValueError) as error:
        check_positive_integer("units", value)
    assert str(error.value) == f"`units` must be a positive integer. Received: units={value!r}."


@pytest.mark.parametrize("value", [-1, 2.0, "4", None, False])
def test_natural(value):
    check_natural("first_segment", 0)
    with pytest.raises(ValueError) as error:
        check_natural("first_segment", value)
    assert str(error.value) == (
        f"`first_segment` must be an integer from 0. Received: first_segment={value!r}."
    )


@pytest.mark.parametrize("value", [0, -0.5, float("inf"), float("nan"), "1", None, True])
def test_positive(value):
    check_positive("rate", 0.1)
    with pytest.raises(ValueError) as error:
        check_positive("rate", value)
    assert str(error.value) == f"`rate` must be a positive number. Received: rate={value!r}."


@pytest.mark.parametrize("value", [-0.1, 1.01, float("nan"), "0.5", None, False])
def test_fraction(value):
    with pytest.raises(ValueError) as error:
        check_fraction("rate", value)
    assert str(error.value) == f"`rate` must be a number from 0 to 1. Received: rate={value!r}."


def test_choice():
    with pytest.raises(ValueError) as error:
        check_choice("task", ["sel"], {"sel": 1, "cml": 2})
    assert str(error.value) == "`task` must be one of ('sel', 'cml'). Received: task=['sel']."
