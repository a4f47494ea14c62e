"""Checks of constructor arguments, so that every error names the argument and the value."""

import math
import numbers
from collections.abc import Collection
from typing import Any


def check_positive_integer(name: str, value: Any) -> None:
    """Raises ValueError unless `value` is an integer of at least 1."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}.")


def check_natural(name: str, value: Any) -> None:
    """Raises ValueError unless `value` is an integer of at least 0."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < 0:
        raise ValueError(f"`{name}` must be an integer from 0. Received: {name}={value!r}.")


def check_positive(name: str, value: Any) -> None:
    """Raises ValueError unless `value` is a finite number above 0."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:
        raise ValueError(f"`{name}` must be a positive number. Received: {name}={value!r}.")


def check_fraction(name: str, value: Any) -> None:
    """Raises ValueError unless `value` is a number from 0 to 1."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be a number from 0 to 1. Received: {name}={value!r}.")


def check_choice(name: str, value: Any, choices: Collection[Any]) -> None:
    """Raises ValueError unless `value` is one of `choices`."""
    if value not in tuple(choices):
        raise ValueError(f"`{name}` must be one of {tuple(choices)}. Received: {name}={value!r}.")


def check_multiple(name: str, value: Any, factor: int) -> None:
    """Raises ValueError unless `value` is a positive multiple of `factor`."""
    check_positive_integer(name, value)
    if value % factor:
        raise ValueError(f"`{name}` must be a multiple of {factor}. Received: {name}={value!r}.")
