"""What of a drawing can be told without looking at it: its parts, in their places."""

import xml.etree.ElementTree

import numpy as np
import pytest

from avel_tf.time_line import time_line

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


def test_labels_alone_are_neither_right_nor_wrong():
    assert boxes(drawn(LABELS, {"event": [0.1, 0.9, 0.9, 0.1]})) == [
        (0, 83, "background plain"),
        (84, 167, "event plain"),
        (252, 83, "background plain"),
    ]


def test_right_and_wrong_are_told_apart_within_a_run():
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


def test_curves_have_a_point_a_segment_at_its_middle():
    drawing = drawn(LABELS, {"event": [0, 0.5, 1, 0], "audio": [1] * 4, "visual": [0] * 4})
    curves = {line.get("class"): line.get("points") for line in drawing.iter("polyline")}
    assert list(curves) == ["event-curve", "audio", "visual"]
    assert curves["event-curve"] == "42.0,83.0 126.0,42.0 210.0,1.0 294.0,83.0"
    names = [text.text or text.find("tspan").text for text in drawing.iter("text")][:4]
    assert names == ["Relevance", "event", "audio", "visual"]


def test_sound_and_pictures_lie_on_the_same_axis():
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


def test_names_are_escaped():
    assert drawn(["<b>&"], {"event": [1]}).find(".//rect/..//text").text == "<b>&"
