"""The parts of a drawing and their positions, as far as they can be checked unseen."""

import xml.etree.ElementTree

import numpy as np
import pytest

from avel_tf.reporting.time_line import clip_line, search_line, time_line

LABELS = ["Background", "Bark", "Bark", "Background"]


def drawn(*arguments, **settings):
    # Well-formed as XML: no label may break out of it.
    return xml.etree.ElementTree.fromstring(time_line(*arguments, **settings))


def boxes(drawing):
    return [
        (float(box.get("x")), float(box.get("width")), box.find("rect").get("class"))
        for box in drawing.iter("svg")
        if box.find("rect") is not None
    ]


def test_labels_without_truth_are_neither_right_nor_wrong():
    assert boxes(drawn(LABELS, {"event": [0.1, 0.9, 0.9, 0.1]})) == [
        (0, 83, "background plain"),
        (84, 167, "event plain"),
        (252, 83, "background plain"),
    ]


def test_right_and_wrong_are_drawn_apart_within_a_run():
    truth = [{"Background"}, {"Bark", "Flute"}, {"Background"}, {"Bark"}]
    drawing = drawn(LABELS, {"event": [0.5] * 4}, truth)
    truth_boxes, predicted = boxes(drawing)[:-4], boxes(drawing)[-4:]
    assert [style for *_, style in truth_boxes] == ["background plain", "event plain"] * 2
    assert predicted == [
        (0, 83, "background right"),
        (84, 83, "event right"),
        (168, 83, "event wrong"),
        (252, 83, "background wrong"),
    ]
    titles = [title.text for title in drawing.iter("title")]
    assert "1–2 s: Bark, right" in titles
    assert "1–2 s: Bark / Flute" in titles


def test_curves_have_a_point_per_segment_at_its_middle():
    drawing = drawn(LABELS, {"event": [0, 0.5, 1, 0], "audio": [1] * 4, "visual": [0] * 4})
    curves = {line.get("class"): line.get("points") for line in drawing.iter("polyline")}
    assert list(curves) == ["event-curve", "audio", "visual"]
    assert curves["event-curve"] == "42.0,83.0 126.0,42.0 210.0,1.0 294.0,83.0"
    names = [text.text or text.find("tspan").text for text in drawing.iter("text")][:4]
    assert names == ["Relevance", "event", "audio", "visual"]


def test_sound_and_thumbnails_share_the_time_axis():
    drawing = drawn(
        LABELS, {"event": [0] * 4}, peaks=np.array([0, 1, 0.5, 0] * 2), thumbnails=[b"\xff\xd8"] * 4
    )
    points = drawing.find(".//polygon").get("points").split()
    assert points[:3] == ["21.0,22.0", "63.0,0.0", "105.0,11.0"]
    pictures = [image.attrib for image in drawing.iter("image")]
    assert [picture["x"] for picture in pictures] == ["0", "84", "168", "252"]
    assert pictures[0]["href"] == "data:image/jpeg;base64,/9g="


@pytest.mark.parametrize(("seconds", "last"), [(25, "24"), (600, "9:55")])
def test_long_clips_are_wide(seconds, last):
    drawing = drawn(["Bark"] * seconds, {"event": [0.5] * seconds}, thumbnails=[b""] * seconds)
    width = int(drawing.get("data-width"))
    assert width >= 14
    assert int(drawing.find(".//svg[@class='drawing']").get("width")) == seconds * width + 1
    assert [text.text for text in drawing.iter("text")][-1] == last
    images = [float(image.get("x")) for image in drawing.iter("image")]
    assert min(np.diff(images)) >= 84
    assert max(np.diff(images)) < 84 + width


def styles(drawing):
    return [line.get("class") for line in drawing.iter("line")]


def test_scores_have_their_own_axis_and_the_seconds_of_the_query():
    truth = [{"Background"}, {"Bark"}, {"Bark"}, {"Background"}]
    drawing = drawn(LABELS, {"visual": [-3.25, 2, 1.5, -40]}, truth, query="audio")
    assert "threshold" not in styles(drawing)
    assert "threshold" in styles(drawn(LABELS, {"event": [0.5] * 4}))
    texts = [text.text or text.find("tspan").text for text in drawing.iter("text")]
    assert texts[:7] == ["Query", "Score", "visual", "-40", "2", "Truth", "Found"]
    # The largest score is at the top, the smallest at the bottom.
    assert drawing.find(".//polyline").get("points") == "42.0,11.2 126.0,1.0 210.0,2.0 294.0,83.0"
    assert boxes(drawing)[0] == (84, 167, "event plain")
    assert drawing.find(".//svg[@class='event']/title").text == "1–3 s: audio"
    assert drawn(LABELS, {"visual": [1] * 4}, truth, query="audio").find(".//polyline") is not None


def test_scores_of_windows_are_at_their_middles():
    drawing = drawn_search([0.0, 4.0, 1.0], [range(1, 3), range(3, 4)])
    # Windows of two of four seconds, at seconds 1, 2 and 3.
    assert drawing.find(".//polyline").get("points") == "84.0,83.0 168.0,1.0 252.0,62.5"
    assert boxes(drawing) == [(84, 167, "event plain"), (252, 83, "event plain")]
    assert [text.text for text in drawing.iter("text")][-6:-4] == ["1", "2"]
    (query, *_) = boxes(drawn_search([0.0, 4.0, 1.0], [range(1, 3)], range(0, 2)))
    assert query == (0, 167, "event plain")
    assert "threshold" not in styles(drawing)


def drawn_search(scores, windows, query=None):
    text = search_line(np.array(scores), "visual", windows, None, [b""] * 4, query)
    return xml.etree.ElementTree.fromstring(text)


def test_seconds_of_a_part_count_from_the_start_of_the_file():
    drawing = xml.etree.ElementTree.fromstring(clip_line(range(58, 62), np.zeros(80), []))
    assert drawing.get("data-first") == "58"
    assert [text.text for text in drawing.iter("text")][-4:] == ["58", "59", "1:00", "1:01"]


def test_names_are_escaped():
    assert drawn(["<b>&"], {"event": [1]}).find(".//rect/..//text").text == "<b>&"
