import pytest

from avel_tf.utils.untrusted_text import from_cell, to_cell, visible


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "+1;2", "-2+cmd|' /C calc'!A0", "\t=1", "\r=1", "'=1", "''@x"]
)
def test_formulas_become_text_and_back(text):
    assert to_cell(text) == f"'{text}"
    assert from_cell(to_cell(text)) == text


@pytest.mark.parametrize("text", ["-5bUk4gWIQk", "-0.25", "+1", "", "a=b", "'quoted'", "x@y", "夏"])
def test_other_text_stays(text):
    assert to_cell(text) == from_cell(text) == text


def test_controls_are_shown():
    assert visible("a\x1b]0;b\x07\x9bc\u202ed\n\te\r") == r"a\x1b]0;b\x07\x9bc\u202ed" + "\n\te\r"
