"""Settings of a model and its training."""

import dataclasses
import re

from avel_tf.choices import (
    BLOCKS,
    DEVICES,
    EMBEDDINGS,
    KEPT_EPOCHS,
    MATCHINGS,
    NORMALIZATIONS,
    OPTIMIZERS,
    PRECISIONS,
    PROJECTIONS,
    RELEVANCE_LOSSES,
    SCHEDULES,
    SEGMENT_LOSSES,
    SEGMENT_SYSTEMS,
    SIMILARITIES,
    SUPERVISIONS,
    SYSTEMS,
    TASKS,
    TRAINING_EXAMPLES,
    WEAK_SYSTEMS,
)
from avel_tf.utils.arguments import (
    check_choice,
    check_fraction,
    check_positive,
    check_positive_integer,
)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Variant of dual attention matching, and what the paper leaves open about it.

    See `SupervisedEventLocalizer`. Values are checked here too, because the model is made hours
    after the flags are read.
    """

    units: int = 256
    num_heads: int = 4
    block: str = "plain"
    dropout: float = 0.0
    normalization: str = "none"
    embedding: str = "self_attention"
    matching: str = "cross"
    projection: str = "relu"
    similarity: str = "dot"

    def __post_init__(self):
        check_positive_integer("units", self.units)
        check_positive_integer("num_heads", self.num_heads)
        check_choice("block", self.block, BLOCKS)
        check_fraction("dropout", self.dropout)
        check_choice("normalization", self.normalization, NORMALIZATIONS)
        check_choice("embedding", self.embedding, EMBEDDINGS)
        check_choice("matching", self.matching, MATCHINGS)
        check_choice("projection", self.projection, PROJECTIONS)
        check_choice("similarity", self.similarity, SIMILARITIES)
        num_heads = 1 if self.block == "equations" else self.num_heads
        parts = {"self_attention": num_heads, "blstm": 2}.get(self.embedding, 1)
        if self.units % parts:
            raise ValueError(
                f"`units` must be divisible by {parts} for this embedding. Received: "
                f"embedding={self.embedding!r}, units={self.units}, num_heads={num_heads}."
            )


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training.

    Args:
        task: String. `"sel"` or `"cml"`.
        system: String. One of the task's `avel_tf.choices.SYSTEMS`.
        model: `ModelConfig` of the system `"dam"`; the others have their published sizes.
        relevance_loss: String. `"each"` direction, or `"mean"` (Eq. 7, as in the paper), see
            `avel_tf.losses`; only for `"dam"`.
        event_category_weight: Float in [0, 1]. λ of Eq. 8; only for `"dam"` and `sel`.
        segment_loss: String. `"cross_entropy"` or `"soft_margin"`, see `avel_tf.losses`; only for
            systems that label each segment by itself, `avel_tf.choices.SEGMENT_SYSTEMS`.
        supervision: String. `"full"`, or for `sel` `"weak"`: training on each record's label only,
            with the background records of `Split-background` added.
        optimizer: String. `"adam"`, `"pytorch_adam"` with PyTorch's smaller epsilon, see
            `avel_tf.optimizers`, or `"sgd"` with momentum 0.9.
        learning_rate: Float. Initial learning rate.
        schedule: String. `"constant"`, `"cosine"` to let the learning rate fall to zero over all
            `epochs`, `"drop"` to let it fall to a tenth after 15,000 steps, `"halves"` to halve it
            after 10, 20 and 30 epochs, or `"fifths"` to take off a fifth after 60 and 120.
        clip_norm: Float. Largest norm of all gradients together, longer ones are scaled down; 0 for
            no limit.
        batch_size: Integer. Examples per step, on all devices together.
        examples: String. What an example is in training: one of `"records"`, or of `"segments"`,
            whichever record they are of; that only for `"avdln"`, which looks at one at a time.
        epochs: Integer. Largest number of epochs.
        patience: Integer. Epochs without a better val accuracy after which training stops.
        kept_epoch: String. `"best"` on val, or `"last"`, as some published code has it.
        seed: Integer. Seed of weights, order of records and dropout.
        precision: String. `"float32"` or `"mixed_bfloat16"`.
        xla: Boolean. Whether to compile the step with XLA. On a GPU two runs with one seed may
            then differ in the last digits.
        devices: String. `"auto"` (all GPUs, or the CPU if there is none), `"cpu"`, `"gpu"` (fails
            without one) or `"mirrored"` (all GPUs, or all logical CPUs if there is none).
        in_memory: Boolean. Whether to keep all records in memory, 2 GB for AVE. Systems that only
            use the mean of the map always keep that, 0.1 GB.
        settings_name: String. Name of the settings that the values come from, for titles and
            lists of runs; single values may differ from them.
    Raises:
        ValueError: If a value is out of range, or does not apply to the system.
    """

    task: str
    system: str = "dam"
    model: ModelConfig = ModelConfig()
    relevance_loss: str = "each"
    event_category_weight: float = 0.5
    segment_loss: str = "cross_entropy"
    supervision: str = "full"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    clip_norm: float = 0.0
    batch_size: int = 64
    examples: str = "records"
    epochs: int = 100
    patience: int = 20
    kept_epoch: str = "best"
    seed: int = 0
    precision: str = "float32"
    xla: bool = False
    devices: str = "auto"
    in_memory: bool = False
    settings_name: str = "custom"

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        check_choice("system", self.system, SYSTEMS[self.task])
        check_choice("relevance_loss", self.relevance_loss, RELEVANCE_LOSSES)
        check_choice("segment_loss", self.segment_loss, SEGMENT_LOSSES)
        check_choice("supervision", self.supervision, SUPERVISIONS)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("examples", self.examples, TRAINING_EXAMPLES)
        check_choice("kept_epoch", self.kept_epoch, KEPT_EPOCHS)
        check_choice("devices", self.devices, DEVICES)
        check_choice("precision", self.precision, PRECISIONS)
        check_positive_integer("batch_size", self.batch_size)
        check_positive_integer("epochs", self.epochs)
        check_positive_integer("patience", self.patience)
        check_fraction("event_category_weight", self.event_category_weight)
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**32:
            raise ValueError(
                f"`seed` must be an integer from 0 to 2**32 - 1. Received: seed={self.seed!r}."
            )
        check_positive("learning_rate", self.learning_rate)
        if self.clip_norm:
            check_positive("clip_norm", self.clip_norm)
        if not re.fullmatch(r"[\w.-]+", self.settings_name):  # part of folder names
            raise ValueError(
                "`settings_name` must consist of letters, digits, '.', '_' and '-'. "
                f"Received: settings_name={self.settings_name!r}."
            )
        self._check_system()

    @property
    def run_name(self) -> str:
        """System, task, settings, supervision and seed, as the name of a folder."""
        parts = (self.system, self.task, self.settings_name, self.supervision, f"seed{self.seed}")
        return "-".join(parts)

    def _check_system(self):
        is_dam = self.system == "dam"
        for name, applies, to_whom in (
            ("model", is_dam, "the system 'dam'"),
            ("relevance_loss", is_dam, "the system 'dam'"),
            ("event_category_weight", is_dam and self.task == "sel", "the system 'dam' of 'sel'"),
            ("segment_loss", self.system in SEGMENT_SYSTEMS, f"the systems {SEGMENT_SYSTEMS}"),
            ("examples", self.system == "avdln", "the system 'avdln'"),
        ):
            default = TrainingConfig.__dataclass_fields__[name].default
            value = getattr(self, name)
            if value != default and not applies:
                raise ValueError(
                    f"`{name}` only applies to {to_whom}. Received: task={self.task!r}, "
                    f"system={self.system!r}, supervision={self.supervision!r}, {name}={value!r}."
                )
        if self.task == "cml" and self.model.matching == "none":
            raise ValueError(
                "`matching` must be 'cross' or 'self' in cross-modality localization. "
                f"Received: task={self.task!r}, matching={self.model.matching!r}."
            )
        if self.supervision == "weak" and (
            self.task != "sel" or self.system not in WEAK_SYSTEMS or self.model.matching == "none"
        ):
            raise ValueError(
                f"`supervision` 'weak' needs the task 'sel', a system of {WEAK_SYSTEMS} and, for "
                f"'dam', a `matching`. Received: task={self.task!r}, system={self.system!r}, "
                f"matching={self.model.matching!r}."
            )
