"""The page has every number, under its name, and no markup from outside."""

import dataclasses
import html.parser
import json
import re

import pytest

from avel_tf.ave import CATEGORIES
from avel_tf.evaluation.results import (
    Control,
    Drawing,
    DrawnRecord,
    Evaluation,
    EvaluationDetails,
)
from avel_tf.records.description import AVE
from avel_tf.reporting.report import (
    ScoreKind,
    compare_scores,
    describe_controls,
    describe_intervals,
    format_percent,
    score_lines,
    write_report,
)
from avel_tf.reporting.run_description import RunDescription
from tests import browser


def scores(value, count=12.0):
    return {
        "example_count": count,
        "segment_accuracy": value,
        "category_accuracy": 0.9,
        "relevance_accuracy": 0.8125,
        "relevance_f1": None,
    }


EVALUATION = Evaluation(
    task="sel",
    primary_metric="segment_accuracy",
    metrics=scores(0.7438),
    trivial_baselines={"always background": 0.1779, "most common label": 0.1234},
    yardsticks={"true category, always event": 0.8221},
    previous_metrics=scores(0.7777),
    num_records=30,
    interval=(0.7012, 0.7849),
    trivial_difference=(0.5, 0.6123),
    difference=(-0.0512, 0.004),
    blessed=False,
    reasons=("Too low: 74.38% < 77.77%.",),
)
DETAILS = EvaluationDetails(
    slices={
        "category": {"Bark": scores(0.5, 1.0), "<b>Cat & dog</b>": scores(0.25)},
        "event_length": {"10": scores(0.3), "9": scores(0.2), "2": scores(None)},
    },
    previous_slices={
        "category": {"Bark": scores(0.75, 1.0), "<b>Cat & dog</b>": scores(None)},
        "event_length": {"10": scores(0.6), "9": scores(0.5), "2": scores(0.4)},
    },
    label_names=AVE.label_names,
    confusion=None,
    best_records=(),
    worst_records=(),
)
RUN = RunDescription(
    "sel", "avsdn", "<mine>", "full", 7, "simulated features", "From <simulated> features."
)


def change(values, **fields):
    return dataclasses.replace(values, **fields)


@pytest.fixture
def write(tmp_path):
    """Function that writes a report and returns its text."""

    def make(evaluation=EVALUATION, details=DETAILS, run=RUN):
        write_report(evaluation, details, run, tmp_path / "report.html")
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return make


class Page(html.parser.HTMLParser):
    """Rows of cells by heading, widths of bars, and the text outside of tables."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.widths, self.lines, self.text, self.open = {}, [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.open.append(tag)
        if tag == "h2":
            self.heading = ""
        elif tag == "table":
            self.tables[self.heading] = []
            self.lines.append(attributes.get("style"))
        elif tag == "tr":
            self.tables[self.heading].append([])
        elif tag == "td":
            self.tables[self.heading][-1].append("")
        elif tag == "div":
            self.widths.append(attributes["style"])

    def handle_endtag(self, tag):
        while self.open.pop() != tag:  # <meta> has no end
            pass

    def handle_data(self, data):
        if "td" in self.open:
            self.tables[self.heading][-1][-1] += data
        elif "h2" in self.open:
            self.heading += data
        elif "style" not in self.open:
            self.text += data


@pytest.fixture
def page(write):
    return Page(write())


def test_scores_that_are_compared():
    rows = compare_scores(EVALUATION)
    assert [(row.name, row.value, row.kind) for row in rows] == [
        ("this model", 0.7438, ScoreKind.MODEL),
        ("last blessed model", 0.7777, ScoreKind.LAST_BLESSED),
        ("always background", 0.1779, ScoreKind.TRIVIAL),
        ("most common label", 0.1234, ScoreKind.TRIVIAL),
        ("true category, always event", 0.8221, ScoreKind.YARDSTICK),
    ]
    assert [row.note for row in rows] == ["", "", "trivial", "trivial", "yardstick"]
    alone = change(EVALUATION, previous_metrics=None, difference=None)
    assert [row.kind for row in compare_scores(alone)] == [
        ScoreKind.MODEL,
        *(ScoreKind.TRIVIAL, ScoreKind.TRIVIAL, ScoreKind.YARDSTICK),
    ]


def test_intervals(page):
    of_all = (
        "95 % interval 70.12% to 78.49%; difference to 'always background' +50.00% to +61.23%; "
        "difference to the last blessed model -5.12% to +0.40%"
    )
    assert describe_intervals(EVALUATION) == of_all
    assert of_all in page.text
    few = change(EVALUATION, num_records=29)
    assert describe_intervals(few) == f"{of_all}; of only 29 records: the true interval is wider"
    alone = change(EVALUATION, trivial_difference=None, difference=None)
    assert describe_intervals(alone) == "95 % interval 70.12% to 78.49%"
    assert describe_intervals(change(alone, interval=None)) == ""


def test_controls_are_shown_and_those_not_exceeded_are_called_so(write):
    controls = {
        "sound of other records": Control(0.61, (0.1, 0.15), 30),
        "pictures of <others>": Control(0.73, (-0.004, 0.012), 29, note="1 record is left out"),
        "true category": Control(0.8, (-0.1, -0.05), 30, is_oracle=True),
        "nothing": Control(None, None, 0),
    }
    evaluation = change(EVALUATION, controls=controls)
    rows = compare_scores(evaluation)[-4:]
    assert [row.note for row in rows] == [
        "control, +10.00% to +15.00%",
        "control, not exceeded, -0.40% to +1.20%",
        "oracle, -10.00% to -5.00%",
        "control",
    ]
    sentences = [
        "segment_accuracy is within the interval of its control 'pictures of <others>', or below "
        "it: the difference is -0.40% to +1.20%.",
        "Control 'pictures of <others>': 1 record is left out.",
    ]
    assert describe_controls(evaluation) == sentences
    page = Page(write(evaluation))
    assert all(sentence in page.text for sentence in sentences)
    assert page.tables["Segment accuracy on the test split"][-3][0] == "pictures of <others>"
    lines = score_lines(evaluation, "")
    assert [f"  {sentence}" for sentence in sentences] == lines[-3:-1]
    again = Evaluation.from_json(json.loads(json.dumps(dataclasses.asdict(evaluation))))
    assert again == evaluation
    before = {
        name: each for name, each in dataclasses.asdict(evaluation).items() if name != "controls"
    }
    assert Evaluation.from_json(before) == EVALUATION  # of an earlier version


def test_percent():
    assert [format_percent(value) for value in (0.47012, 1.0, None)] == ["47.01%", "100.00%", "–"]


def test_the_page_names_its_run(write):
    text = write()
    title = "Supervised event localization: avsdn, full supervision, seed 7"
    assert f"<title>{title}</title>" in text and f"<h1>{title}</h1>" in text
    assert "Settings: &lt;mine&gt;. Data: simulated features." in text


def test_made_up_numbers_are_said_to_be_so_before_they_are_shown(write):
    text = write()
    assert text.index("From &lt;simulated&gt; features.") < text.index("not blessed")
    assert "background: #fdf3d8" not in write(run=change(RUN, caution=""))
    lines = score_lines(EVALUATION, RUN.caution)
    assert lines[1] == "  From <simulated> features."
    assert score_lines(EVALUATION, "") == [lines[0], *lines[2:]]


def test_every_number_is_there(page):
    assert page.tables == {
        "Segment accuracy on the test split": [
            ["this model", "74.38%", "", ""],
            ["last blessed model", "77.77%", "", ""],
            ["always background", "17.79%", "trivial", ""],
            ["most common label", "12.34%", "trivial", ""],
            ["true category, always event", "82.21%", "yardstick", ""],
        ],
        "All metrics": [
            ["Segment accuracy", "74.38%", "", ""],
            ["Category accuracy", "90.00%", "", ""],
            ["Relevance accuracy", "81.25%", "", ""],
            ["Relevance f1", "–", "", ""],
        ],
        "Segment accuracy by category": [
            ["<b>Cat & dog</b>", "25.00%", "12 records, before –", ""],
            ["Bark", "50.00%", "1 record, before 75.00%", ""],
        ],
        "Segment accuracy by event length": [
            ["2 s", "–", "12 records, before 40.00%", ""],
            ["9 s", "20.00%", "12 records, before 50.00%", ""],
            ["10 s", "30.00%", "12 records, before 60.00%", ""],
        ],
    }


def test_bars_are_as_long_as_the_numbers_say(page):
    numbers = [row[1] for rows in page.tables.values() for row in rows]
    widths = [re.fullmatch(r"width:(.*)", style)[1] for style in page.widths]
    assert widths == [number.replace("–", "0.00%") for number in numbers]
    # The best trivial baseline, nothing, all records twice.
    assert page.lines == ["--line:17.79%", None, "--line:74.38%", "--line:74.38%"]


def test_verdict_and_its_reasons(page, write):
    assert "The model is not blessed. Too low: 74.38% < 77.77%." in page.text
    text = write(change(EVALUATION, blessed=True, reasons=()))
    assert '<b class="blessed">blessed</b>' in text and "not blessed" not in text


def test_a_model_without_a_number(write):
    metrics = dict.fromkeys(EVALUATION.metrics) | {"example_count": 12.0}
    page = Page(write(change(EVALUATION, metrics=metrics)))
    assert page.tables["Segment accuracy on the test split"][0][:2] == ["this model", "–"]
    assert page.lines[-1] is None


def test_confused_labels(write):
    counts = [[0] * 29 for _ in range(29)]
    counts[0][0], counts[0][28], counts[28][28], counts[28][3] = 6, 2, 10, 1
    text = write(details=change(DETAILS, confusion=counts))
    table = text[text.index('<table class="confusion">') :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")])
    cells = [re.findall(r"<td [^>]*>(.*?)</td>", row) for row in rows[1:]]
    assert cells == [["6", "", "2"], ["", "", ""], ["", "1", "10"]]  # what never occurs is left out
    assert 'title="Church bell taken for Background: 2 of 8"' in table
    assert "rgba(180, 35, 24, 0.21)" in table  # a quarter of the darkest


RECORD = DrawnRecord(
    video_id="a<b",
    category="Bark",
    accuracy=0.5,
    drawings=[
        Drawing(
            title="audio to visual",
            labels=["Bark", "Background"],
            truth=["Bark", "Bark"],
            curves={"visual": [1.0, 0.0]},
        )
    ],
)


def test_best_and_worst_records_are_drawn(write):
    text = write(details=change(DETAILS, worst_records=[RECORD] * 2))
    worst = text[text.index("<h2>The worst records</h2>") :]
    assert worst.count("<h3>a&lt;b: Bark, 50.00%</h3>") == 2
    assert worst.count('class="event right"') == worst.count('class="background wrong"') == 2
    assert text.index("<h2>The best records</h2>") < text.index("<h2>The worst records</h2>")


@pytest.mark.slow
@pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed")
def test_everything_fits_on_the_page(write, tmp_path):
    """Checks the largest page: all labels confused, drawings of ten seconds."""
    curves = {name: [0.5] * 10 for name in ("event", "audio", "visual")}
    record = change(RECORD, drawings=[Drawing("", ["Bark"] * 10, ["Bark"] * 10, curves)])
    details = EvaluationDetails(
        slices={"category": {name: scores(0.5) for name in CATEGORIES}, "event_length": {}},
        previous_slices=None,
        label_names=AVE.label_names,
        confusion=[[100] * 29] * 29,
        best_records=[record],
        worst_records=[],
    )
    write(details=details)
    script = """
    const wide = [...document.querySelectorAll("*")].filter((each) =>
      each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display === "block");
    const cells = [...document.querySelectorAll(".confusion td")];
    return {
      wide: wide.map((each) => each.outerHTML.slice(0, 80)), cells: cells.length,
      page: document.documentElement.scrollWidth - window.innerWidth,
      heights: new Set(cells.map((cell) => cell.offsetHeight)).size,
    };
    """
    seen, errors = browser.evaluate(tmp_path / "report.html", script, tmp_path / "profile")
    assert not errors
    assert seen["wide"] == [] and seen["page"] <= 0
    assert (seen["cells"], seen["heights"]) == (29 * 29, 1)
