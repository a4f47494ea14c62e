"""The rows of the paper's tables: each can be made, and says what was published."""

import dataclasses

import numpy as np
import pytest

from avel_tf.configuration import EMBEDDINGS, MATCHINGS, SYSTEMS
from avel_tf.metrics import PRIMARY_METRIC
from avel_tf.result_tables import SHORT_NAMES
from pipelines import paper
from pipelines.configs import SETTINGS, system_training

AVE = paper.tables("ave")


def published(key):
    """Rows that the paper has."""
    rows = [row for row in AVE[key].rows if row.name != paper.FULL_BLOCK]
    assert len(AVE[key].rows) - len(rows) == (key in ("3", "5"))
    return rows


def column(key, metric):
    return [row.published[metric] for row in published(key)]


def test_tables_are_those_of_the_paper():
    assert list(AVE) == ["1", "2", "3", "4", "5", "figure5", "weak"]
    assert column("1", "average_accuracy") == [34.5, 40.2, 47.8]
    assert column("2", "segment_accuracy") == [46.9, 59.5, 55.3, 71.4, 72.6, 72.7, 74.5]
    assert column("3", "average_accuracy") == [44.9, 46.1, 46.0, 45.8, 46.5, 46.2, 47.8]
    assert column("4", "average_accuracy") == [29.2, 47.8]
    assert column("5", "segment_accuracy") == [70.7, 74.2, 74.5]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("key", AVE)
def test_every_row_can_be_made(key, settings):
    table = paper.tables(settings)[key]
    assert table.key == key
    assert PRIMARY_METRIC[table.task] in table.metrics
    assert set(table.metrics) <= set(SHORT_NAMES)
    assert len({row.name for row in table.rows}) == len(table.rows)
    assert len({row.training for row in table.rows}) == len(table.rows)
    for row in table.rows:
        assert row.training.task == table.task
        assert set(row.published) <= set(table.metrics)
        assert all(0 < percent < 100 for percent in row.published.values())


@pytest.mark.parametrize("key", ["1", "3", "4"])
def test_published_averages_are_the_means_of_both_directions(key):
    for row in published(key):
        both = [
            row.published[f"{name}_accuracy"] for name in ("audio_to_visual", "visual_to_audio")
        ]
        # All three are rounded.
        assert row.published["average_accuracy"] == pytest.approx(np.mean(both), abs=0.1001)


def test_published_directions_are_in_their_columns():
    """Of rows whose two numbers differ by more than the tables disagree about their names."""
    columns = {
        key: {
            row.name: (
                row.published["audio_to_visual_accuracy"],
                row.published["visual_to_audio_accuracy"],
            )
            for row in published(key)
        }
        for key in ("1", "3", "4")
    }
    assert columns["1"] == {"DCCA": (34.1, 34.8), "AVDLN": (35.6, 44.8), "DAM": (47.1, 48.5)}
    assert columns["3"]["DAM, RNN"] == (47.9, 41.8)
    assert columns["3"]["DAM, self-attention"] == (48.5, 47.1)
    assert columns["4"]["DAM, self-matching"] == (29.8, 28.6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_what_several_tables_have_is_one_training(settings):
    tables = paper.tables(settings)
    cml = {tables[key].rows[-1].training for key in ("1", "3", "4")}
    sel = {tables[key].rows[-1].training for key in ("2", "5", "figure5")}
    assert len(cml) == len(sel) == 1
    assert cml.pop() == system_training("cml", "dam", settings)
    assert sel.pop() == system_training("sel", "dam", settings)


def test_rows_differ_in_what_the_table_is_about():
    def differing(key):
        """Fields in which the rows of a table differ, those of the model among them."""
        fields = []
        for row in AVE[key].rows:
            values = dataclasses.asdict(row.training)
            fields.append(values | values.pop("model"))
        return {name for name in fields[0] if len({values[name] for values in fields}) > 1}

    assert differing("3") == {"embedding", "block"}
    assert (differing("4"), differing("5")) == ({"matching"}, {"matching", "block"})
    assert differing("figure5") == {"event_category_weight", "matching"}
    assert {row.training.model.embedding for row in AVE["3"].rows} == set(EMBEDDINGS)
    assert {row.training.model.matching for row in AVE["5"].rows} == set(MATCHINGS)
    for key, task in (("1", "cml"), ("2", "sel")):
        assert {row.training.system for row in AVE[key].rows} == set(SYSTEMS[task])
    assert {row.training.supervision for row in AVE["weak"].rows} == {"weak"}


def test_figure_names_its_weights():
    rows = AVE["figure5"].rows
    assert sorted(row.name for row in rows) == [f"λ = {tenths / 10:.1f}" for tenths in range(11)]
    for row in rows:
        if row.name == "λ = 1.0":  # the category alone is learned: scores of matching are random
            assert row.training == AVE["5"].rows[0].training
        else:
            assert row.training.event_category_weight == pytest.approx(float(row.name[4:]))
            assert row.training.model.matching == "cross"


def test_settings_reach_the_rows():
    for key, name in (
        *(("1", "AVDLN"), ("1", "DAM"), ("2", "Audio"), ("2", "DAM")),
        *(("5", "DAM, self-matching"), ("weak", "Audio")),
    ):
        ave, faithful = (
            {row.name: row.training for row in paper.tables(settings)[key].rows}[name]
            for settings in ("ave", "faithful")
        )
        assert ave != faithful, (key, name)
