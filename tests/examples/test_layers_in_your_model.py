"""Layers in a user's model: it trains, and loads with its trained weights."""

import pathlib
import re
import runpy

import keras
import pytest

from avel_tf.layers import AudioGuidedAttention, CrossMatching, EventMaskedSelfAttention

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "docs/examples/layers_in_your_model.py"

pytestmark = pytest.mark.slow


def test_trains_and_loads(tmp_path, monkeypatch, capsys):
    path = str(tmp_path / "model.keras")
    monkeypatch.setattr("sys.argv", [EXAMPLE.name, path])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    accuracy = re.search(r"has not seen: (.+)%$", capsys.readouterr().out.strip())[1]
    assert float(accuracy) > 90  # of the loaded model

    loaded = keras.saving.load_model(path)
    kinds = {type(layer) for layer in loaded.layers}
    assert {AudioGuidedAttention, CrossMatching, EventMaskedSelfAttention} <= kinds
