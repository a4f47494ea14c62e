"""Settings of each step, validated when made; imports nothing heavy."""

import dataclasses
import itertools
import pathlib

from avel_tf.arguments import (
    check_choice,
    check_fraction,
    check_positive,
    check_positive_integer,
)

TASKS = ("sel", "cml")
# What `avel_tf.models.SYSTEMS` makes. "dam" is the paper's own, the others its baselines.
SYSTEMS = {
    "sel": (
        "dam",
        "audio",
        "visual",
        "audio_visual",
        "audio_visual_attention",
        "avsdn",
        "ed_tcn",
    ),
    "cml": ("dam", "avdln", "dcca"),
}
WEAK_SYSTEMS = ("dam", "audio", "visual", "audio_visual", "audio_visual_attention")
EMBEDDINGS = ("self_attention", "rnn", "lstm", "gru", "blstm", "average", "max")
MATCHINGS = ("cross", "self", "none")
SUPERVISIONS = ("full", "weak")
OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine", "drop")
DEVICES = ("auto", "cpu", "gpu", "mirrored")
PRECISIONS = ("float32", "mixed_bfloat16")
SECONDS_A_DAY = 86400
ENCODING_PRECISIONS = ("auto", "float32", "bfloat16")


@dataclasses.dataclass(frozen=True)
class MediaLimits:
    """What a media file may cost; one that would cost more is rejected.

    Args:
        max_pixels: Integer. Pixels of one picture.
        max_duration_seconds: Float. Length of a file.
        max_read_seconds: Float. Time it may take to decode one clip of ten seconds; at
            most a day.
    Raises:
        ValueError: If a limit is not positive, or the last one over a day.
    """

    max_pixels: int = 8192 * 4320
    max_duration_seconds: float = 3600.0
    max_read_seconds: float = 60.0

    def __post_init__(self):
        check_positive_integer("max_pixels", self.max_pixels)
        check_positive("max_duration_seconds", self.max_duration_seconds)
        check_positive("max_read_seconds", self.max_read_seconds)
        if self.max_read_seconds > SECONDS_A_DAY:  # waiting counts milliseconds in 32 bits
            raise ValueError(
                f"`max_read_seconds` must be at most {SECONDS_A_DAY}. "
                f"Received: max_read_seconds={self.max_read_seconds!r}."
            )


@dataclasses.dataclass(frozen=True)
class EncodingConfig:
    """How media files become segment features.

    Args:
        visual_weights: String. `"imagenet"`, `"random"` or a weights file for VGG-19.
        audio_weights: String. `"random"` or a `.weights.h5` file for VGGish.
        frames_per_segment: Integer. Frames averaged for each second; 16 in the published
            features.
        encoder_precision: String. Of VGG-19: `"float32"`, `"bfloat16"`, or `"auto"` for bfloat16
            where it is faster and its features agree.
        limits: `MediaLimits`.
    Raises:
        ValueError: If a value is out of range.
    """

    visual_weights: str = "imagenet"
    audio_weights: str = ""
    frames_per_segment: int = 16
    encoder_precision: str = "auto"
    limits: MediaLimits = MediaLimits()

    def __post_init__(self):
        check_positive_integer("frames_per_segment", self.frames_per_segment)
        check_choice("encoder_precision", self.encoder_precision, ENCODING_PRECISIONS)

    @property
    def weights_paths(self) -> list[pathlib.Path]:
        """The weights files."""
        names = (self.visual_weights, self.audio_weights)
        return [pathlib.Path(name) for name in names if name not in ("imagenet", "random", "")]


@dataclasses.dataclass(frozen=True)
class ExtractionConfig:
    """What to turn into a dataset; give `data_root`, `features_dir` or both.

    Args:
        task: String. `"sel"` or `"cml"`: which official split.
        data_root: String. Folder with `Annotations.txt`, the split's files and `AVE/*.mp4`.
        features_dir: String. Folder with the official HDF5 features, used instead of the clips.
            Annotations and split files are looked for here first, then in `data_root`.
        encoding: `EncodingConfig`, for the clips.
        records_per_shard: Integer. Records in one TFRecord file, which one worker makes.
    Raises:
        ValueError: If no folder is given or a value is out of range.
    """

    task: str
    data_root: str = ""
    features_dir: str = ""
    encoding: EncodingConfig = EncodingConfig()
    records_per_shard: int = 32

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        check_positive_integer("records_per_shard", self.records_per_shard)
        if not self.data_root and not self.features_dir:
            raise ValueError(
                "`data_root` or `features_dir` must be given: the folder of the AVE videos, or "
                "that of the official HDF5 features."
            )
        if not self.features_dir and not self.encoding.audio_weights:
            raise ValueError(
                "`audio_weights` must be given to encode videos: AudioSet's VGGish weights as a "
                ".weights.h5 file, or 'random' to try the pipeline out."
            )

    @property
    def folders(self) -> list[pathlib.Path]:
        """The given folders, that of the features first."""
        return [pathlib.Path(folder) for folder in (self.features_dir, self.data_root) if folder]

    @property
    def input_paths(self) -> list[pathlib.Path]:
        """Files and folders that are read: of the folders only that, for results may lie there."""
        patterns = ("Annotations.txt", "*Set.txt", "*_order.h5", "*_order_match.h5")
        paths = [
            path
            for folder in self.folders
            for name in patterns
            for path in sorted(folder.glob(name))
        ]
        if self.features_dir:
            names = [f"*_feature{suffix}.h5" for suffix in ("", "_noisy")]
            features = [pathlib.Path(self.features_dir).glob(name) for name in names]
            return [*paths, *sorted(itertools.chain(*features))]
        return [*paths, pathlib.Path(self.data_root, "AVE"), *self.encoding.weights_paths]


@dataclasses.dataclass(frozen=True)
class ValidationConfig:
    """What a dataset must have beside the schema.

    Args:
        categories: Tuple of strings. Names of the categories each split must have.
        allowed_anomalies: Tuple of strings. Names of anomalies to report but accept; `*` stands
            for anything.
        max_rejected_share: Float in [0, 1]. Largest share of records without features, because
            their clips could not be read, that is accepted.
    Raises:
        ValueError: If the share is out of range.
    """

    categories: tuple[str, ...]
    allowed_anomalies: tuple[str, ...] = ()
    max_rejected_share: float = 0.02

    def __post_init__(self):
        check_fraction("max_rejected_share", self.max_rejected_share)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Dual attention matching's variants, and what the paper leaves open about it.

    See `SupervisedEventLocalizer`. Checked here too, since the model is made hours after the
    flags were read.
    """

    units: int = 256
    num_heads: int = 4
    block: str = "plain"
    dropout: float = 0.0
    normalization: str = "none"
    embedding: str = "self_attention"
    matching: str = "cross"

    def __post_init__(self):
        check_positive_integer("units", self.units)
        check_positive_integer("num_heads", self.num_heads)
        check_choice("block", self.block, ("plain", "full"))
        check_fraction("dropout", self.dropout)
        check_choice("normalization", self.normalization, ("none", "batch"))
        check_choice("embedding", self.embedding, EMBEDDINGS)
        check_choice("matching", self.matching, MATCHINGS)
        parts = {EMBEDDINGS[0]: self.num_heads, "blstm": 2}.get(self.embedding, 1)
        if self.units % parts:
            raise ValueError(
                f"`units` must be divisible by {parts} for this embedding. Received: "
                f"embedding={self.embedding!r}, units={self.units}, num_heads={self.num_heads}."
            )


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Args:
        task: String. `"sel"` or `"cml"`.
        system: String. One of `SYSTEMS` of the task.
        model: `ModelConfig` of the system `"dam"`; the others have the sizes published.
        relevance_loss: String. `"mean"` (Eq. 7, as in the paper) or `"each"`, see
            `avel_tf.losses`; for `"dam"` alone.
        event_category_weight: Float in [0, 1]. λ of Eq. 8; for `"dam"` and `sel` alone.
        segment_loss: String. `"cross_entropy"` or `"soft_margin"`, see `avel_tf.losses`; for the
            baselines of `sel` alone.
        supervision: String. `"full"`, or `"weak"` for `sel` from each record's label alone, with
            the background records of `Split-background` added.
        optimizer: String. `"adam"`, or `"sgd"` with momentum 0.9.
        learning_rate: Float. At the start.
        schedule: String. `"constant"`, or `"cosine"` to let the learning rate fall to zero over
            all `epochs`, or `"drop"` to a tenth after 15,000 steps.
        batch_size: Integer. Records a step, over all devices.
        epochs: Integer. At most so many.
        patience: Integer. Epochs without a better val accuracy after which training stops.
        seed: Integer. Of weights, order of records and dropout.
        precision: String. `"float32"` or `"mixed_bfloat16"`.
        xla: Boolean. Whether to compile the step with XLA. On a GPU two runs of one seed may then
            differ in the last digits.
        devices: String. `"auto"` (all GPUs there are, else the CPU), `"cpu"`, `"gpu"` (fails
            without one) or `"mirrored"` (all GPUs, else all logical CPUs).
        in_memory: Boolean. Whether to read the records once and keep them: 2 GB for all of AVE.
            Systems that see the mean of the map alone keep that, 0.1 GB, in any case.
    Raises:
        ValueError: If a value is out of range, or concerns another system.
    """

    task: str
    system: str = "dam"
    model: ModelConfig = ModelConfig()
    relevance_loss: str = "mean"
    event_category_weight: float = 0.5
    segment_loss: str = "cross_entropy"
    supervision: str = "full"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    batch_size: int = 64
    epochs: int = 100
    patience: int = 20
    seed: int = 0
    precision: str = "float32"
    xla: bool = False
    devices: str = "auto"
    in_memory: bool = False

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        check_choice("system", self.system, SYSTEMS[self.task])
        check_choice("relevance_loss", self.relevance_loss, ("mean", "each"))
        check_choice("segment_loss", self.segment_loss, ("cross_entropy", "soft_margin"))
        check_choice("supervision", self.supervision, SUPERVISIONS)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("schedule", self.schedule, SCHEDULES)
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
        self._check_system()

    def _check_system(self):
        is_dam = self.system == "dam"
        for name, concerns, whom in (
            ("model", is_dam, "the system 'dam'"),
            ("relevance_loss", is_dam, "the system 'dam'"),
            ("event_category_weight", is_dam and self.task == "sel", "the system 'dam' of 'sel'"),
            (
                "segment_loss",
                not is_dam and self.task == "sel" and self.supervision == "full",
                "fully supervised baselines of 'sel'",
            ),
        ):
            default = TrainingConfig.__dataclass_fields__[name].default
            value = getattr(self, name)
            if value != default and not concerns:
                raise ValueError(
                    f"`{name}` concerns {whom} alone. Received: task={self.task!r}, "
                    f"system={self.system!r}, supervision={self.supervision!r}, {name}={value!r}."
                )
        if self.task == "cml" and self.model.matching == "none":
            raise ValueError(
                "`matching` 'none' finds nothing in cross-modality localization. "
                f"Received: task={self.task!r}, matching={self.model.matching!r}."
            )
        if self.supervision == "weak" and (
            self.task != "sel" or self.system not in WEAK_SYSTEMS or self.model.matching == "none"
        ):
            raise ValueError(
                f"`supervision` 'weak' is for supervised event localization by {WEAK_SYSTEMS}, "
                f"'dam' with matching. Received: task={self.task!r}, system={self.system!r}, "
                f"matching={self.model.matching!r}."
            )


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """When a model is blessed: better than each trivial baseline, not much worse than before.

    Both are asked of 95 % intervals over test records: chance neither blesses a model nor holds
    it back.

    Args:
        task: String. `"sel"` or `"cml"`.
        max_regression: Float in [0, 1]. How much less than the last blessed model's the primary
            metric may be, beyond what chance explains.
    Raises:
        ValueError: If a value is out of range.
    """

    task: str
    max_regression: float = 0.01

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        check_fraction("max_regression", self.max_regression)


@dataclasses.dataclass(frozen=True)
class InfraValidationConfig:
    """What serving a model may cost.

    Args:
        max_load_seconds: Float. Until the model is ready.
        max_request_seconds: Float. The slowest answer to a request of one record, warm-up
            included.
        max_memory_gib: Float. Peak of the process that serves it.
        max_process_seconds: Float. Until the whole check is given up.
    Raises:
        ValueError: If a limit is not positive.
    """

    max_load_seconds: float = 60.0
    max_request_seconds: float = 10.0
    max_memory_gib: float = 4.0
    max_process_seconds: float = 600.0

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            check_positive(name, value)
