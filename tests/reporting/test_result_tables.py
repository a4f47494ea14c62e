import dataclasses
import json

import matplotlib.image
import numpy as np
import pytest

from avel_tf.evaluation.bootstrap import Spread
from avel_tf.evaluation.results import Control
from avel_tf.reporting import result_figures
from avel_tf.reporting.result_rows import ResultRow, ResultTable, RowResult
from avel_tf.reporting.result_tables import markdown, write_table


def result(mean, deviation=None, runs=1, **fields):
    """The result of a row."""
    metrics = {
        "segment_accuracy": Spread(mean, deviation, runs),
        "category_accuracy": Spread(mean + 0.1, deviation, runs),
    }
    values = {"interval": (0.7, 0.8), "difference": None, "seconds": 61.7, "epochs": 12.4}
    values |= {"parameters": 1_234_567}
    return RowResult(metrics, num_records=402, **values | fields)


def change(table=None, **fields):
    """A table with other fields."""
    return dataclasses.replace(table or TABLE, **fields)


TABLE = ResultTable(
    key="2",
    title="Table 2: Supervised event localization",
    note="A note.",
    data="simulated.",
    caution="From a simulation.",
    settings="ave.",
    metrics=("segment_accuracy", "category_accuracy"),
    primary_metric="segment_accuracy",
    trivial_baselines={"always background": 0.17786},
    yardsticks={"true category, always event": 0.8221},
    rows=(
        ResultRow(
            "Audio",
            {"segment_accuracy": 59.5},
            error="Trainer: ValueError: a | b\nsecond line",
            failures=2,
        ),
        ResultRow("Visual", {"segment_accuracy": 55.3}),
        ResultRow("AV, one run", {}, result(0.71449, difference=(-0.0512, 0.004))),
        ResultRow(
            "DAM",
            {"segment_accuracy": 74.5},
            result(0.745, 0.0061, 3, interval=(0.70049, 0.78951), models=("/models/1",)),
            training={"seed": 0},
        ),
    ),
)
MARKDOWN = """\
### Table 2: Supervised event localization

**From a simulation.**

| System      | Accuracy, published | Accuracy   | Category   | Runs | 95 % interval | \
Difference to the last row | Epochs | s per run | Parameters |
| ----------- | ------------------- | ---------- | ---------- | ---- | ------------- | \
-------------------------- | ------ | --------- | ---------- |
| Audio       | 59.5                | failed     | –          | –    | –             | \
–                          | –      | –         | –          |
| Visual      | 55.3                | not run    | –          | –    | –             | \
–                          | –      | –         | –          |
| AV, one run | –                   | 71.4       | 81.4       | 1    | [70.0, 80.0]  | \
[-5.1, +0.4]               | 12     | 62        | 1,234,567  |
| DAM         | 74.5                | 74.5 ± 0.6 | 84.5 ± 0.6 | 3    | [70.0, 79.0]  | \
–                          | 12     | 62        | 1,234,567  |

Audio failed: Trainer: ValueError: a | b

Data: simulated.

Settings: ave.

Percent of the test split: mean ± standard deviation over runs with different seeds. The \
interval is a bootstrap over test records, the difference's a paired one; epochs are chosen on val.

Without looking at any feature: always background 17.79; true category, always event 82.21.

A note.
"""


def curve():
    """A table that is drawn as a curve, one of its rows still missing."""
    missing = ResultRow("first", {}, x=0.2)
    rows = [ResultRow("end", {}, result(0.7, 0.01, 2), x=weight) for weight in (0.0, 1.0)]
    middle = ResultRow("last", {"segment_accuracy": 74.5}, result(0.7, 0.01, 2), x=0.5)
    return change(key="figure5", x_label="λ", rows=(missing, *rows, middle))


def test_markdown_says_what_there_is_and_what_is_missing():
    assert markdown(TABLE) == MARKDOWN


def test_failed_runs_are_counted_next_to_the_result_of_the_others():
    failed = ResultRow("DAM", {}, result(0.7, 0.01, 2), "Trainer: no memory left", 1)
    text = markdown(change(rows=(failed,)))
    assert "| 70.0 ± 1.0 (1 failed) | 80.0 ± 1.0 | 2 " in text
    assert "DAM failed: Trainer: no memory left" in text


def test_controls_are_columns():
    controls = {
        "sound of other records": Control(0.61, (0.1, 0.15), 402),
        "pictures of other records": Control(0.71, (-0.004, 0.012), 400, note="Two left out"),
        "true category, model's relevance": Control(None, None, 0, is_oracle=True),
    }
    row = ResultRow("DAM", {}, result(0.72, controls=controls))
    text = markdown(change(rows=(ResultRow("Audio", {}), row)))
    head, _, audio, dam = (line for line in text.splitlines() if line.startswith("|"))
    cells = [[cell.strip() for cell in line.split("|")[4:7]] for line in (head, audio, dam)]
    assert cells == [
        [name.capitalize() for name in controls],
        ["–"] * 3,
        ["61.0 [+10.0, +15.0]", "= 71.0 [-0.4, +1.2]", "–"],
    ]
    assert "\nPictures of other records: Two left out.\n" in text
    assert "`=` marks what a row does not exceed." in text


def test_nothing_published_and_nothing_noted_take_no_space():
    table = change(rows=TABLE.rows[2:3], note="", trivial_baselines={}, yardsticks={})
    text = markdown(table)
    assert "published" not in text and "Without looking" not in text
    assert text.endswith("chosen on val.\n")


def test_intervals_of_few_records_come_with_a_warning():
    few = dataclasses.replace(result(0.7), num_records=29)
    text = markdown(change(rows=(ResultRow("Audio", {}), ResultRow("DAM", {}, few))))
    assert "chosen on val. Intervals are of only 29 records: the true interval is wider." in text


def test_files_hold_the_table(tmp_path):
    folder = tmp_path / "new" / "tables"
    write_table(TABLE, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["2.json", "2.md", "2.png"]
    assert (folder / "2.md").read_text(encoding="utf-8") == MARKDOWN
    read = json.loads((folder / "2.json").read_text())
    rows = read.pop("rows")
    assert read == {
        "key": "2",
        "title": "Table 2: Supervised event localization",
        "note": "A note.",
        "data": "simulated.",
        "caution": "From a simulation.",
        "settings": "ave.",
        "metrics": ["segment_accuracy", "category_accuracy"],
        "primary_metric": "segment_accuracy",
        "trivial_baselines": {"always background": 0.17786},
        "yardsticks": {"true category, always event": 0.8221},
        "x_label": None,
    }
    nothing = {"error": None, "failures": 0, "training": {}, "x": None}
    assert rows[0] == nothing | {
        "name": "Audio",
        "published": {"segment_accuracy": 59.5},
        "error": "Trainer: ValueError: a | b\nsecond line",
        "failures": 2,
    }
    assert rows[1] == nothing | {"name": "Visual", "published": {"segment_accuracy": 55.3}}
    assert rows[2]["difference"] == [-0.0512, 0.004]
    spread = {"standard_deviation": 0.0061, "runs": 3}
    assert rows[3] == nothing | {
        "name": "DAM",
        "published": {"segment_accuracy": 74.5},
        "training": {"seed": 0},
        "metrics": {
            "segment_accuracy": {"mean": 0.745} | spread,
            "category_accuracy": {"mean": 0.845} | spread,
        },
        "num_records": 402,
        "interval": [0.70049, 0.78951],
        "difference": None,
        "seconds": 61.7,
        "epochs": 12.4,
        "parameters": 1234567,
        "controls": {},
        "models": ["/models/1"],
    }


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        curve(),
        change(rows=TABLE.rows[:2], trivial_baselines={}),
        change(rows=TABLE.rows[2:3]),
        change(curve(), rows=curve().rows[:1]),
    ],
    ids=["bars", "curve", "no result yet", "one bar", "no point yet"],
)
def test_figures_are_not_empty(tmp_path, table):
    write_table(table, tmp_path)
    picture = matplotlib.image.imread(tmp_path / f"{table.key}.png")
    assert picture.shape[1:] == (960, 4) and picture.shape[0] > 200
    assert np.ptp(picture[..., :3]) > 0.9


def pixels_of(picture, color):
    """Returns the number of pixels with a color, and the last column that has it."""
    expected = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    found = np.abs(picture[..., :3] - expected).max(axis=-1) < 0.01
    return found.sum(), np.flatnonzero(found.any(axis=0)).max()


def test_bars_are_as_long_as_their_values(tmp_path):
    pictures = []
    for mean in (0.4, 0.8):
        write_table(change(rows=(ResultRow("DAM", {}, result(mean)),)), tmp_path)
        pictures.append(matplotlib.image.imread(tmp_path / "2.png"))
    areas = [pixels_of(picture[:120], result_figures.COLORS["here"])[0] for picture in pictures]
    assert areas[1] / areas[0] == pytest.approx(2, abs=0.05)


def test_a_curve_shows_the_best_trivial_baseline(tmp_path):
    write_table(curve(), tmp_path)
    picture = matplotlib.image.imread(tmp_path / "figure5.png")
    assert pixels_of(picture, result_figures.COLORS["trivial"])[1] > 800  # across the figure


def test_a_table_is_replaced_atomically(tmp_path, monkeypatch):
    write_table(TABLE, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(table, path, names):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("avel_tf.reporting.result_tables.draw", fail)
    with pytest.raises(OSError, match="disk full"):
        write_table(change(note="Another note."), tmp_path)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert after.keys() == before.keys()
    assert after["2.png"] == before["2.png"]
    assert b"Another note." in after["2.md"]
