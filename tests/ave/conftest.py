"""The real annotations, read once."""

import pytest

from avel_tf.ave import read_annotations


@pytest.fixture(scope="session")
def real_annotations(real_data):
    """All 4,143 records of AVE."""
    return read_annotations(real_data / "ave" / "Annotations.txt")
