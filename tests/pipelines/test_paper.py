"""The rows of the paper's tables: each can be made, and says what was published."""

import dataclasses

import numpy as np
import pytest

from avel_tf.choices import BLOCKS, EMBEDDINGS, MATCHINGS, SYSTEMS
from avel_tf.metrics import PRIMARY_METRIC
from avel_tf.reporting.result_tables import SHORT_NAMES
from avel_tf.training.settings import SETTINGS, system_training
from pipelines import paper


def trainings(key, settings="ave"):
    """Configurations of a table's rows by name."""
    return {row.name: row.training(settings) for row in paper.rows_of(key)}


def published(key):
    """Numbers of the rows that the paper has, by name."""
    rows = [row for row in paper.rows_of(key) if row.published]
    assert len(paper.rows_of(key)) - len(rows) == {"3": 4, "5": 1}.get(key, 0)
    return {row.name: row.published_metrics() for row in rows}


def column(key, metric):
    return [numbers[metric] for numbers in published(key).values()]


def test_tables_match_the_paper():
    names = ["1", "2", "3", "4", "5", "figure5", "weak", "own", "followers"]
    assert list(paper.TABLES) == names
    assert {row.table for row in paper.ROWS} == set(paper.TABLES)
    assert column("1", "average_accuracy") == [34.5, 40.2, 47.8]
    assert column("2", "segment_accuracy") == [46.9, 59.5, 55.3, 71.4, 72.6, 72.7, 74.5]
    assert column("3", "average_accuracy") == [44.9, 46.1, 46.0, 45.8, 46.5, 46.2, 47.8]
    assert column("4", "average_accuracy") == [29.2, 47.8]
    assert column("5", "segment_accuracy") == [70.7, 74.2, 74.5]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("key", paper.TABLES)
def test_every_row_can_be_made(key, settings):
    table, rows = paper.TABLES[key], paper.rows_of(key)
    assert PRIMARY_METRIC[table.task] in table.metrics
    assert set(table.metrics) <= set(SHORT_NAMES)
    assert len({row.name for row in rows}) == len(rows)
    # The last row of Table 3 is one of the readings above it, but for `own`.
    is_repeated = key == "3" and settings != "own"
    assert len({row.training(settings) for row in rows}) == len(rows) - is_repeated
    for row in rows:
        assert row.training(settings).task == table.task
        assert len(row.published) in ((0, 3) if table.task == "cml" else (0, 1))
        assert all(0 < percent < 100 for percent in row.published)
        assert (row.category_weight is None) == (table.x_label is None)


@pytest.mark.parametrize("key", ["1", "3", "4"])
def test_published_averages_are_the_means_of_both_directions(key):
    for numbers in published(key).values():
        both = [numbers[f"{name}_accuracy"] for name in ("audio_to_visual", "visual_to_audio")]
        # All three are rounded.
        assert numbers["average_accuracy"] == pytest.approx(np.mean(both), abs=0.1001)


def test_published_directions_are_in_their_columns():
    """Rows whose two numbers differ by more than the tables disagree about their names."""
    columns = {
        key: {
            name: (numbers["audio_to_visual_accuracy"], numbers["visual_to_audio_accuracy"])
            for name, numbers in published(key).items()
        }
        for key in ("1", "3", "4")
    }
    assert columns["1"] == {"DCCA": (34.1, 34.8), "AVDLN": (35.6, 44.8), "DAM": (47.1, 48.5)}
    assert columns["3"]["DAM, RNN"] == (47.9, 41.8)
    assert columns["3"]["DAM, self-attention"] == (48.5, 47.1)
    assert columns["4"]["DAM, self-matching"] == (29.8, 28.6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_what_several_tables_have_is_one_training(settings):
    cml = {paper.rows_of(key)[-1].training(settings) for key in ("1", "3", "4")}
    sel = {paper.rows_of(key)[-1].training(settings) for key in ("2", "5", "figure5", "followers")}
    assert len(cml) == len(sel) == 1
    assert cml.pop() == system_training("cml", "dam", settings)
    assert sel.pop() == system_training("sel", "dam", settings)


def test_rows_differ_in_what_the_table_is_about():
    def differing(key):
        """Fields in which the rows of a table differ, those of the model among them."""
        fields = []
        for training in trainings(key).values():
            values = dataclasses.asdict(training)
            fields.append(values | values.pop("model"))
        return {name for name in fields[0] if len({values[name] for values in fields}) > 1}

    assert differing("3") == {"embedding", "block"}
    for settings in SETTINGS:
        assert {each.model.block for each in trainings("3", settings).values()} == set(BLOCKS)
    assert (differing("4"), differing("5")) == ({"matching"}, {"matching", "block"})
    assert differing("figure5") == {"event_category_weight", "matching"}
    assert {each.model.embedding for each in trainings("3").values()} == set(EMBEDDINGS)
    assert {each.model.matching for each in trainings("5").values()} == set(MATCHINGS)
    for keys, task in ((("1",), "cml"), (("2", "followers"), "sel")):
        shown = {each.system for key in keys for each in trainings(key).values()}
        assert shown == set(SYSTEMS[task])
    later = {each.system for each in trainings("followers", "own").values()}
    assert later < {each.system for each in trainings("own", "own").values()}
    assert {each.supervision for each in trainings("weak").values()} == {"weak"}


def test_figure_names_its_weights():
    rows = paper.rows_of("figure5")
    assert sorted(row.name for row in rows) == [f"λ = {tenths / 10:.1f}" for tenths in range(11)]
    for row in rows:
        training = row.training("ave")
        assert row.name == f"λ = {row.category_weight}"
        if row.category_weight == 1:  # only the category is learned: matching scores are random
            assert training == paper.rows_of("5")[0].training("ave")
        else:
            assert training.event_category_weight == row.category_weight
            assert training.model.matching == "cross"


def test_settings_reach_the_rows():
    for key, name in (
        *(("1", "AVDLN"), ("1", "DAM"), ("2", "Audio"), ("2", "DAM")),
        *(("5", "DAM, self-matching"), ("weak", "Audio")),
    ):
        ave, faithful = (trainings(key, settings)[name] for settings in ("ave", "faithful"))
        assert ave != faithful, (key, name)
