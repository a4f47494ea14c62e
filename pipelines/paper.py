"""The rows of the paper's tables: what is trained, and what was published. Values only."""

import dataclasses

from avel_tf.configuration import ModelConfig, TrainingConfig
from pipelines.configs import system_training

DIRECTIONS = ("audio_to_visual_accuracy", "visual_to_audio_accuracy", "average_accuracy")
MATCHES = (*DIRECTIONS, "average_overlap")
SEGMENTS = ("segment_accuracy", "category_accuracy", "relevance_accuracy")
FULL_BLOCK = "DAM, whole Transformer block"
FULL_BLOCK_NOTE = (
    "The paper's equations have attention alone, its text the default structure of Vaswani et al.: "
    "both are here."
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Args:
        name: String. As the paper names it.
        published: Dict from metric to percent; a metric the paper does not give is missing.
        training: `TrainingConfig`, for the first seed.
    """

    name: str
    published: dict[str, float]
    training: TrainingConfig


@dataclasses.dataclass(frozen=True)
class Table:
    """One table of the paper.

    Args:
        key: String. What a command line calls it.
        title: String.
        task: String. `"sel"` or `"cml"`.
        metrics: Tuple of strings. Columns, the primary metric among them.
        rows: Tuple of `Row`; the others are compared with the last one.
        note: String. What a reader must know.
    """

    key: str
    title: str
    task: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""


def tables(settings: str) -> dict[str, Table]:
    """Tables 1 to 5 and Figure 5, by their key.

    Args:
        settings: String. `"ave"` or `"faithful"`, see `configs.system_training`.
    """
    sel, cml = _variants("sel", settings), _variants("cml", settings)
    return {
        table.key: table
        for table in (
            Table(
                "1",
                "Cross-modality localization",
                "cml",
                MATCHES,
                (
                    *(
                        Row(
                            name,
                            _directions(*published),
                            system_training("cml", system, settings),
                        )
                        for name, published, system in (
                            ("DCCA", (34.1, 34.8, 34.5), "dcca"),
                            ("AVDLN", (35.6, 44.8, 40.2), "avdln"),
                        )
                    ),
                    Row("DAM", _directions(47.1, 48.5, 47.8), cml()),
                ),
            ),
            Table(
                "2",
                "Supervised event localization",
                "sel",
                SEGMENTS,
                (
                    *(
                        Row(
                            name,
                            _segments(published),
                            system_training("sel", system, settings),
                        )
                        for name, published, system in (
                            ("ED-TCN", 46.9, "ed_tcn"),
                            ("Audio", 59.5, "audio"),
                            ("Visual", 55.3, "visual"),
                            ("Audio-visual", 71.4, "audio_visual"),
                            ("AVSDN", 72.6, "avsdn"),
                            ("Audio-visual + attention", 72.7, "audio_visual_attention"),
                        )
                    ),
                    Row("DAM", _segments(74.5), sel()),
                ),
            ),
            Table(
                "3",
                "Sequence embeddings of dual attention matching",
                "cml",
                MATCHES,
                tuple(
                    Row(name, published and _directions(*published), cml(**variant))
                    for name, published, variant in (
                        ("DAM, RNN", (47.9, 41.8, 44.9), {"embedding": "rnn"}),
                        ("DAM, average pooling", (46.1, 46.0, 46.1), {"embedding": "average"}),
                        ("DAM, max pooling", (46.2, 45.8, 46.0), {"embedding": "max"}),
                        ("DAM, LSTM", (48.1, 43.5, 45.8), {"embedding": "lstm"}),
                        ("DAM, GRU", (47.4, 45.5, 46.5), {"embedding": "gru"}),
                        ("DAM, BLSTM", (48.1, 44.2, 46.2), {"embedding": "blstm"}),
                        (FULL_BLOCK, {}, {"block": "full"}),
                        ("DAM, self-attention", (48.5, 47.1, 47.8), {}),
                    )
                ),
                "The paper's Tables 1 and 3 name the two directions differently: compare averages. "
                + FULL_BLOCK_NOTE,
            ),
            Table(
                "4",
                "Matching, cross-modality localization",
                "cml",
                MATCHES,
                (
                    Row("DAM, self-matching", _directions(29.8, 28.6, 29.2), cml(matching="self")),
                    Row("DAM, cross-matching", _directions(48.5, 47.1, 47.8), cml()),
                ),
                "The paper's Tables 1 and 4 name the two directions differently: compare averages.",
            ),
            Table(
                "5",
                "Matching, supervised event localization",
                "sel",
                SEGMENTS,
                tuple(
                    Row(name, published, sel(**variant))
                    for name, published, variant in (
                        ("DAM, without matching", _segments(70.7), {"matching": "none"}),
                        ("DAM, self-matching", _segments(74.2), {"matching": "self"}),
                        (FULL_BLOCK, {}, {"block": "full"}),
                        ("DAM, cross-matching", _segments(74.5), {}),
                    )
                ),
                "Without matching every segment is taken for the event. " + FULL_BLOCK_NOTE,
            ),
            Table(
                "figure5",
                "Weight of the category's loss",
                "sel",
                SEGMENTS,
                tuple(
                    Row(
                        f"λ = {tenths / 10:.1f}",
                        _segments(74.5) if tenths == 5 else {},
                        # Learning the category alone is to have no matching, as in Table 5.
                        sel(matching="none")
                        if tenths == 10
                        else dataclasses.replace(sel(), event_category_weight=tenths / 10),
                    )
                    for tenths in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 5)
                ),
                "Of the paper's curve only the best point is given as a number. λ = 1 is without "
                "matching.",
            ),
            Table(
                "weak",
                "Weakly supervised event localization",
                "sel",
                SEGMENTS,
                tuple(
                    Row(name, {}, system_training("sel", system, settings, "weak"))
                    for name, system in (
                        ("Audio", "audio"),
                        ("Visual", "visual"),
                        ("Audio-visual", "audio_visual"),
                        ("Audio-visual + attention", "audio_visual_attention"),
                        ("DAM", "dam"),
                    )
                ),
                "Not in the paper. Val, which chooses the epoch, has labels of segments.",
            ),
        )
    }


def _directions(audio_to_visual: float, visual_to_audio: float, average: float) -> dict:
    return dict(zip(DIRECTIONS, (audio_to_visual, visual_to_audio, average), strict=True))


def _segments(accuracy: float) -> dict:
    return {"segment_accuracy": accuracy}


def _variants(task: str, settings: str):
    """Makes variants of dual attention matching by fields of `ModelConfig`."""
    training = system_training(task, "dam", settings)

    def variant(**fields: str) -> TrainingConfig:
        model: ModelConfig = dataclasses.replace(training.model, **fields)
        return dataclasses.replace(training, model=model)

    return variant
