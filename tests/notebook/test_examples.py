"""The notebook's cells and the ten lines run as written."""

import ast
import json
import pathlib
import shutil

import pytest

from avel_tf.simulation import SimulationConfig, render_dataset

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
TEN_LINES = (DOCS / "examples/ten_lines.py").read_text()


def run_cell(source, names):
    """Runs a cell as a notebook does; returns the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


@pytest.mark.slow
def test_notebook(fake_encoder, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    notebook = json.loads((DOCS / "examples/notebook.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] for cell in cells)
    names = {}
    shown = [run_cell("".join(cell["source"]), names) for cell in cells]
    _, dataset, shapes, accuracies, result, found = shown
    pages = [each._repr_html_() for each in (dataset, result, found)]
    assert ">train</td>" in pages[0]
    assert shapes["visual_features"][1:] == (10, 7, 7, 512)
    assert len(accuracies) == 6
    trivial = max(result.trivial_baselines.values())
    assert result.primary_value > trivial, "the notebook shows a model that learned nothing"
    assert f"{result.primary_value:.2%}" in pages[1]
    assert pages[2].count("<image ") == 10 and 'class="time-line"' in pages[2]


def test_ten_lines(feature_folder, fake_encoder, monkeypatch, tmp_path, capsys):
    class Choice:
        precision = "float32"

    monkeypatch.setattr("avel_tf.encoders.precision.choose_precision", lambda weights: Choice)
    monkeypatch.chdir(tmp_path)
    pathlib.Path("ave_features").symlink_to(feature_folder)
    pathlib.Path("vggish.weights.h5").touch()  # which nobody reads
    clips = render_dataset("clips", SimulationConfig(num_clips=3, num_categories=1)) / "AVE"
    shutil.copy(min(clips.glob("*.mp4")), "video.mp4")
    assert len([line for line in TEN_LINES.splitlines() if line]) == 10
    names = {}
    exec(TEN_LINES, names)
    printed = capsys.readouterr().out
    assert "primary_metric='segment_accuracy'" in printed
    assert printed.endswith(f"{names['found'].events}\n")


def test_pages_quote_the_ten_lines():
    for page in (DOCS / "notebook.md",):
        assert f"```python\n{TEN_LINES}```" in page.read_text(), page
