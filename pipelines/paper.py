"""The rows of the paper's tables: what is trained, and what was published. Values only."""

import dataclasses
from collections.abc import Mapping

from avel_tf.configuration import TrainingConfig
from avel_tf.training.settings import read_settings, system_training

MATCHES = (
    "audio_to_visual_accuracy",
    "visual_to_audio_accuracy",
    "average_accuracy",
    "average_overlap",
)
OWN_EVENTS = "own"  # the table of videos and a list of events that are given
SEGMENTS = ("segment_accuracy", "category_accuracy", "relevance_accuracy")
BLOCK_NOTE = (
    "The paper's equations have attention only, its text the default structure of Vaswani et al.: "
    "both are here."
)


@dataclasses.dataclass(frozen=True)
class Table:
    """One table of the paper; its rows are those of `ROWS` that name it.

    Args:
        name: String. What readers call it.
        title: String.
        task: String. `"sel"` or `"cml"`.
        metrics: Tuple of strings. Columns, the primary metric among them.
        note: String. What a reader must know.
        x_label: String. What its rows vary, for a figure that is a curve; None for bars.
        settings: String. Name of the settings that its rows have unless others are given.
    """

    name: str
    title: str
    task: str
    metrics: tuple[str, ...]
    note: str = ""
    x_label: str | None = None
    settings: str = "ave"


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Args:
        table: String. A key of `TABLES`.
        name: String. As the paper names it.
        system: String. One of `avel_tf.choices.SYSTEMS` of the table's task.
        published: Tuple of percents, for the first metrics of the table; may be empty.
        model: Mapping. Fields of `ModelConfig` in which it differs from the system's settings.
        category_weight: Float. λ of Eq. 8, its place on a curve; None elsewhere.
        supervision: String. `"full"` or `"weak"`.
    """

    table: str
    name: str
    system: str
    published: tuple[float, ...] = ()
    model: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    category_weight: float | None = None
    supervision: str = "full"

    def published_metrics(self) -> dict[str, float]:
        """Percents by metric; metrics the paper does not give are missing."""
        return dict(zip(TABLES[self.table].metrics, self.published))

    def training(self, settings: str) -> TrainingConfig:
        """Configuration of the first seed.

        Args:
            settings: String. As for `avel_tf.training.settings.system_training`; a file only
            counts for rows of its own task, system and supervision, and others are set as `"ave"`.
        """
        task = TABLES[self.table].task
        if settings.endswith(".json"):
            given = read_settings(settings)
            if (given.task, given.system, given.supervision) != (
                task,
                self.system,
                self.supervision,
            ):
                settings = "ave"
        training = system_training(task, self.system, settings, self.supervision)
        if self.model:
            training = dataclasses.replace(
                training, model=dataclasses.replace(training.model, **self.model)
            )
        if self.category_weight is not None and training.model.matching != "none":
            training = dataclasses.replace(training, event_category_weight=self.category_weight)
        return training


TABLES = {
    "1": Table("Table 1", "Cross-modality localization", "cml", MATCHES),
    "2": Table("Table 2", "Supervised event localization", "sel", SEGMENTS),
    "3": Table(
        "Table 3",
        "Sequence embeddings of dual attention matching",
        "cml",
        MATCHES,
        "The paper's Tables 1 and 3 name the two directions differently: compare averages. "
        + BLOCK_NOTE,
    ),
    "4": Table(
        "Table 4",
        "Matching, cross-modality localization",
        "cml",
        MATCHES,
        "The paper's Tables 1 and 4 name the two directions differently: compare averages.",
    ),
    "5": Table(
        "Table 5",
        "Matching, supervised event localization",
        "sel",
        SEGMENTS,
        "Without matching every segment is taken for the event. " + BLOCK_NOTE,
    ),
    "figure5": Table(
        "Figure 5",
        "Weight of the category's loss",
        "sel",
        SEGMENTS,
        "The paper gives only the best point of its curve as a number. λ = 1 is without matching.",
        x_label="λ of Eq. 8",
    ),
    "weak": Table(
        "Weak setting",
        "Weakly supervised event localization",
        "sel",
        SEGMENTS,
        "Not in the paper. Val, which chooses the epoch, has labels of segments.",
    ),
    OWN_EVENTS: Table(
        "Own events",
        "Events in videos of one's own",
        "sel",
        SEGMENTS,
        "Not in the paper.",
        settings="own",
    ),
    "followers": Table(
        "Followers",
        "Later systems, supervised event localization",
        "sel",
        SEGMENTS,
        "Each second by itself is this package's own. "
        "Published numbers are of the followers' own papers, on VGG-19 and VGGish features; nearly "
        "all of their released checkpoints were chosen on test, ours on val. Users of the released "
        "code report 75.2 to 75.8 for PSP and 78.2 for CMBS. Of CACE-Net one seed was published, "
        "and 78.8 for its own baseline.",
    ),
}
OF_THE_PAPER = tuple(key for key in TABLES if key not in ("weak", OWN_EVENTS, "followers"))

# The other rows of a table are compared with its last one.
ROWS = (
    Row("1", "DCCA", "dcca", (34.1, 34.8, 34.5)),
    Row("1", "AVDLN", "avdln", (35.6, 44.8, 40.2)),
    Row("1", "DAM", "dam", (47.1, 48.5, 47.8)),
    Row("2", "ED-TCN", "ed_tcn", (46.9,)),
    Row("2", "Audio", "audio", (59.5,)),
    Row("2", "Visual", "visual", (55.3,)),
    Row("2", "Audio-visual", "audio_visual", (71.4,)),
    Row("2", "AVSDN", "avsdn", (72.6,)),
    Row("2", "Audio-visual + attention", "audio_visual_attention", (72.7,)),
    Row("2", "DAM", "dam", (74.5,)),
    Row("3", "DAM, RNN", "dam", (47.9, 41.8, 44.9), {"embedding": "rnn"}),
    Row("3", "DAM, average pooling", "dam", (46.1, 46.0, 46.1), {"embedding": "average"}),
    Row("3", "DAM, max pooling", "dam", (46.2, 45.8, 46.0), {"embedding": "max"}),
    Row("3", "DAM, LSTM", "dam", (48.1, 43.5, 45.8), {"embedding": "lstm"}),
    Row("3", "DAM, GRU", "dam", (47.4, 45.5, 46.5), {"embedding": "gru"}),
    Row("3", "DAM, BLSTM", "dam", (48.1, 44.2, 46.2), {"embedding": "blstm"}),
    # All readings (docs/decisions/0011-the-attention.md). The last row is that of the settings: the
    # residual in `ave` and one head in `faithful`.
    Row("3", "DAM, one head", "dam", model={"block": "equations"}),
    Row("3", "DAM, eight heads", "dam", model={"block": "plain", "num_heads": 8}),
    Row("3", "DAM, eight heads with residual", "dam", model={"block": "residual", "num_heads": 8}),
    Row("3", "DAM, whole Transformer block", "dam", model={"block": "full", "num_heads": 8}),
    Row("3", "DAM, self-attention", "dam", (48.5, 47.1, 47.8)),
    Row("4", "DAM, self-matching", "dam", (29.8, 28.6, 29.2), {"matching": "self"}),
    Row("4", "DAM, cross-matching", "dam", (48.5, 47.1, 47.8)),
    Row("5", "DAM, without matching", "dam", (70.7,), {"matching": "none"}),
    Row("5", "DAM, self-matching", "dam", (74.2,), {"matching": "self"}),
    # The last row has the whole Transformer block in `ave` and Eqs. 1 to 4 in `faithful`.
    Row("5", "DAM, attention only", "dam", model={"block": "plain", "num_heads": 8}),
    Row("5", "DAM, cross-matching", "dam", (74.5,)),
    Row("figure5", "λ = 0.0", "dam", category_weight=0.0),
    Row("figure5", "λ = 0.1", "dam", category_weight=0.1),
    Row("figure5", "λ = 0.2", "dam", category_weight=0.2),
    Row("figure5", "λ = 0.3", "dam", category_weight=0.3),
    Row("figure5", "λ = 0.4", "dam", category_weight=0.4),
    Row("figure5", "λ = 0.6", "dam", category_weight=0.6),
    Row("figure5", "λ = 0.7", "dam", category_weight=0.7),
    Row("figure5", "λ = 0.8", "dam", category_weight=0.8),
    Row("figure5", "λ = 0.9", "dam", category_weight=0.9),
    # Training the category only is the same as no matching, as in Table 5.
    Row("figure5", "λ = 1.0", "dam", model={"matching": "none"}, category_weight=1.0),
    Row("figure5", "λ = 0.5", "dam", (74.5,), category_weight=0.5),
    Row("weak", "Audio", "audio", supervision="weak"),
    Row("weak", "Visual", "visual", supervision="weak"),
    Row("weak", "Audio-visual", "audio_visual", supervision="weak"),
    Row("weak", "Audio-visual + attention", "audio_visual_attention", supervision="weak"),
    Row("weak", "Each second by itself", "per_segment", supervision="weak"),
    Row("weak", "DAM", "dam", supervision="weak"),
    Row(OWN_EVENTS, "Audio", "audio"),
    Row(OWN_EVENTS, "Visual", "visual"),
    Row(OWN_EVENTS, "Audio-visual", "audio_visual"),
    Row(OWN_EVENTS, "Audio-visual + attention", "audio_visual_attention"),
    Row(OWN_EVENTS, "PSP", "psp"),
    Row(OWN_EVENTS, "CPSP", "cpsp"),
    Row(OWN_EVENTS, "CMBS", "cmbs"),
    Row(OWN_EVENTS, "CACE-Net", "cace"),
    Row(OWN_EVENTS, "Each second by itself", "per_segment"),
    Row(OWN_EVENTS, "DAM, without matching", "dam", model={"matching": "none"}),
    Row(OWN_EVENTS, "DAM", "dam"),
    Row("followers", "PSP", "psp", (77.8,)),
    Row("followers", "CPSP", "cpsp"),
    Row("followers", "CMBS", "cmbs", (79.3,)),
    Row("followers", "CACE-Net", "cace", (80.8,)),
    Row("followers", "Each second by itself", "per_segment"),
    Row("followers", "DAM", "dam", (74.5,)),
)


def rows_of(table: str) -> tuple[Row, ...]:
    """Rows of a table, in its order.

    Args:
        table: String. A key of `TABLES`.
    """
    return tuple(row for row in ROWS if row.table == table)
