"""The page has every number, under its name, and no markup from outside."""

import html.parser
import re

import pytest

from avel_tf.ave import CATEGORIES
from avel_tf.report import comparison, intervals, percent, write_report
from tests import browser


def scores(value, count=12.0):
    return {
        "example_count": count,
        "segment_accuracy": value,
        "category_accuracy": 0.9,
        "relevance_accuracy": 0.8125,
        "relevance_f1": None,
    }


@pytest.fixture
def result():
    return {
        "task": "sel",
        "primary_metric": "segment_accuracy",
        "metrics": scores(0.7438),
        "trivial_baselines": {"always background": 0.1779, "most common label": 0.1234},
        "yardsticks": {"true category, always event": 0.8221},
        "baseline_metrics": scores(0.7777),
        "interval": [0.7012, 0.7849],
        "difference": [-0.0512, 0.004],
        "slices": {
            "category": {"Bark": scores(0.5, 1.0), "<b>Cat & dog</b>": scores(0.25)},
            "event_length": {"10": scores(0.3), "9": scores(0.2), "2": scores(None)},
        },
        "baseline_slices": {
            "category": {"Bark": scores(0.75, 1.0), "<b>Cat & dog</b>": scores(None)},
            "event_length": {"10": scores(0.6), "9": scores(0.5), "2": scores(0.4)},
        },
        "confusion": None,
        "examples": {"best": [], "worst": []},
        "blessed": False,
        "reasons": ["Too low: 74.38% < 77.77%."],
    }


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
def page(result, tmp_path):
    write_report(result, tmp_path / "report.html")
    return Page((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_comparison(result):
    assert comparison(result) == [
        ("this model", 0.7438, "model"),
        ("last blessed model", 0.7777, "baseline model"),
        ("always background", 0.1779, "trivial"),
        ("most common label", 0.1234, "trivial"),
        ("true category, always event", 0.8221, "yardstick"),
    ]
    result["baseline_metrics"] = result["difference"] = None
    assert [kind for _, _, kind in comparison(result)] == ["model", "trivial", "trivial"] + [
        "yardstick"
    ]


def test_intervals(result, page):
    of_both = (
        "95 % interval 70.12% to 78.49%; difference to the last blessed model -5.12% to +0.40%"
    )
    assert intervals(result) == of_both
    assert of_both in page.text
    result["difference"] = None
    assert intervals(result) == "95 % interval 70.12% to 78.49%"
    result["interval"] = None
    assert intervals(result) == ""


def test_percent():
    assert [percent(value) for value in (0.47012, 1.0, None)] == ["47.01%", "100.00%", "–"]


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


def test_verdict_and_its_reasons(page, result, tmp_path):
    assert "The model is not blessed. Too low: 74.38% < 77.77%." in page.text
    result |= {"blessed": True, "reasons": []}
    write_report(result, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<b class="blessed">blessed</b>' in text and "not blessed" not in text


def test_a_model_without_a_number(result, tmp_path):
    result["metrics"] = dict.fromkeys(result["metrics"]) | {"example_count": 12.0}
    write_report(result, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.tables["Segment accuracy on the test split"][0][:2] == ["this model", "–"]
    assert page.lines[-1] is None


def test_confused_labels(result, tmp_path):
    counts = [[0] * 29 for _ in range(29)]
    counts[0][0], counts[0][28], counts[28][28], counts[28][3] = 6, 2, 10, 1
    write_report({**result, "confusion": counts}, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    table = text[text.index('<table class="confusion">') :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")])
    cells = [re.findall(r"<td [^>]*>(.*?)</td>", row) for row in rows[1:]]
    assert cells == [["6", "", "2"], ["", "", ""], ["", "1", "10"]]  # what never occurs is left out
    assert 'title="Church bell taken for Background: 2 of 8"' in table
    assert "rgba(180, 35, 24, 0.21)" in table  # a quarter of the darkest


EXAMPLE = {
    "video_id": "a<b",
    "category": "Bark",
    "accuracy": 0.5,
    "drawings": [
        {
            "title": "audio to visual",
            "labels": ["Bark", "Background"],
            "truth": ["Bark", "Bark"],
            "curves": {"visual": [1.0, 0.0]},
        }
    ],
}


def test_best_and_worst_records_are_drawn(result, tmp_path):
    examples = {"best": [], "worst": [EXAMPLE] * 2}
    write_report({**result, "examples": examples}, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    worst = text[text.index("<h2>The worst records</h2>") :]
    assert worst.count("<h3>a&lt;b: Bark, 50.00%</h3>") == 2
    assert worst.count('class="event right"') == worst.count('class="background wrong"') == 2


@pytest.mark.slow
@pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed")
def test_everything_fits_on_the_page(result, tmp_path):
    """The largest page: all labels confused, drawings of ten seconds."""
    drawing = {"title": "", "labels": ["Bark"] * 10, "truth": ["Bark"] * 10}
    drawing["curves"] = {name: [0.5] * 10 for name in ("event", "audio", "visual")}
    examples = {"best": [{**EXAMPLE, "drawings": [drawing]}], "worst": []}
    slices = {"category": {name: scores(0.5) for name in CATEGORIES}, "event_length": {}}
    page = {**result, "confusion": [[100] * 29] * 29, "examples": examples}
    page |= {"slices": slices, "baseline_slices": None}
    write_report(page, tmp_path / "report.html")
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
