"""README: its examples run, and its links exist."""

import pathlib
import re

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


def test_examples_build_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ten_lines, layers, preset = re.findall(r"```python\n(.+?)```", README.read_text(), re.DOTALL)
    assert ten_lines == (README.parent / "docs/examples/ten_lines.py").read_text()
    names = {}
    exec(layers, names)
    assert names["model"].output_shape == (None, 10)
    exec(preset, names)
    assert names["model"].units == 256
    assert (tmp_path / "my_localizer" / "README.md").read_text() == "# What it is"


def test_every_linked_file_exists():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text())
    assert targets
    for target in targets:
        assert (README.parent / target).exists(), target
