"""What README shows works."""

import pathlib
import re

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


def test_the_example_builds_a_model():
    (example,) = re.findall(r"```python\n(.+?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(example, names)
    assert names["model"].output_shape == (None, 10)


def test_every_linked_file_exists():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text())
    assert targets
    for target in targets:
        assert (README.parent / target).exists(), target
