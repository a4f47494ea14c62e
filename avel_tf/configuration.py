"""Settings of every step, validated when they are made; imports nothing heavy."""

import dataclasses
import itertools
import pathlib
import re

from avel_tf.choices import (
    AUDIO_ENCODERS,
    BLOCKS,
    DEVICES,
    EMBEDDINGS,
    ENCODING_PRECISIONS,
    KEPT_EPOCHS,
    MATCHINGS,
    MODEL_SUFFIX,
    NAMED_WEIGHTS,
    NORMALIZATIONS,
    OPTIMIZERS,
    PRECISIONS,
    PROJECTIONS,
    RELEVANCE_LOSSES,
    RESIZES,
    SCHEDULES,
    SEGMENT_LOSSES,
    SEGMENT_SYSTEMS,
    SIMILARITIES,
    SUPERVISIONS,
    SYSTEMS,
    TASKS,
    TRAINING_EXAMPLES,
    VIDEO_SUFFIXES,
    VISUAL_ENCODERS,
    WEAK_SYSTEMS,
)
from avel_tf.errors import InputError
from avel_tf.utils.arguments import (
    check_choice,
    check_fraction,
    check_natural,
    check_positive,
    check_positive_integer,
)

SECONDS_A_DAY = 86400


@dataclasses.dataclass(frozen=True)
class MediaLimits:
    """Limits on the cost of a media file; one that exceeds them is rejected.

    Args:
        max_pixels: Integer. Pixels of one picture.
        max_duration_seconds: Float. Length of a file.
        max_read_seconds: Float. Time to decode one clip of ten seconds; at most a day.
    Raises:
        ValueError: If a limit is not positive, or the last one is over a day.
    """

    max_pixels: int = 8192 * 4320
    max_duration_seconds: float = 3600.0
    max_read_seconds: float = 60.0

    def __post_init__(self):
        check_positive_integer("max_pixels", self.max_pixels)
        check_positive("max_duration_seconds", self.max_duration_seconds)
        check_positive("max_read_seconds", self.max_read_seconds)
        if self.max_read_seconds > SECONDS_A_DAY:  # the wait counts milliseconds in 32 bits
            raise ValueError(
                f"`max_read_seconds` must be at most {SECONDS_A_DAY}. "
                f"Received: max_read_seconds={self.max_read_seconds!r}."
            )


def check_folders(settings: object, *names: str) -> None:
    """Checks that the folders in these attributes exist, as far as they are given.

    Raises:
        InputError: If one does not.
    """
    for name in names:
        folder = getattr(settings, name)
        if folder and not pathlib.Path(folder).is_dir():
            raise InputError(f"`{name}`: {folder} is not a folder. Give another one.")


@dataclasses.dataclass(frozen=True)
class EncodingConfig:
    """Settings that turn media files into segment features.

    Args:
        visual_weights: String. `"imagenet"`, `"random"` or a weights file; not for a model file,
            which has its own, here and below.
        audio_weights: String. `"audioset"`, `"random"` or a weights file.
        frames_per_segment: Integer. Frames averaged for each second; 16 in the published
            features.
        encoder_precision: String. Precision of the visual encoder: `"float32"`, `"bfloat16"`, or
            `"auto"`: for VGG-19 bfloat16 where it is faster and its features agree, for others
            float32.
        resize: String. `"bilinear"` as in the published extraction, whose pixels alias where
            pictures shrink, or `"antialiased"`.
        visual_encoder: String. One of `avel_tf.choices.VISUAL_ENCODERS`, or a Keras model file, see
            `FileVisualEncoder`.
        audio_encoder: String. One of `avel_tf.choices.AUDIO_ENCODERS`, or a Keras model file, see
            `FileAudioEncoder`.
        limits: `MediaLimits`.
    Raises:
        ValueError: If a value is out of range.
    """

    visual_weights: str = "imagenet"
    audio_weights: str = "audioset"
    frames_per_segment: int = 16
    encoder_precision: str = "auto"
    resize: str = "bilinear"
    visual_encoder: str = "vgg19"
    audio_encoder: str = "vggish"
    limits: MediaLimits = MediaLimits()

    def __post_init__(self):
        for name, names in (("visual", VISUAL_ENCODERS), ("audio", AUDIO_ENCODERS)):
            encoder = getattr(self, f"{name}_encoder")
            if not encoder.endswith(MODEL_SUFFIX) and encoder not in names:
                raise ValueError(
                    f"`{name}_encoder` must be one of {names} or a file ending in {MODEL_SUFFIX}. "
                    f"Received: {name}_encoder={encoder!r}."
                )
        check_positive_integer("frames_per_segment", self.frames_per_segment)
        check_choice("encoder_precision", self.encoder_precision, ENCODING_PRECISIONS)
        check_choice("resize", self.resize, RESIZES)

    @property
    def weights_paths(self) -> list[pathlib.Path]:
        """Weights files among the arguments."""
        return [*self._weights_files().values()]

    def check_weights(self) -> None:
        """Checks that weights files exist, before other weights are downloaded or loaded.

        Raises:
            InputError: If one does not.
        """
        for name, path in self._weights_files().items():
            if not path.is_file():
                raise InputError(f"`{name}`: {path} does not exist. Give another file.")

    def _weights_files(self) -> dict[str, pathlib.Path]:
        files = {}
        for kind in ("visual", "audio"):
            encoder, weights = getattr(self, f"{kind}_encoder"), getattr(self, f"{kind}_weights")
            if encoder.endswith(MODEL_SUFFIX):
                files[f"{kind}_encoder"] = pathlib.Path(encoder)
            elif weights not in NAMED_WEIGHTS:
                files[f"{kind}_weights"] = pathlib.Path(weights)
        return files


@dataclasses.dataclass(frozen=True)
class OwnEventsConfig:
    """Settings that turn videos and a list of their events into records.

    Args:
        events: String. The list of events, see `avel_tf.own_events.rows`; empty for AVE.
        window_seconds: Integer. Length of a record; longer videos are cut.
        min_overlap: Float in (0, 1]. Part of a second that an event must cover to be its label.
        max_background_share: Float in [0, 1]. Largest share of records without an event in each
            split; more are left out at random.
        split_seed: Integer. Seed of splits that the list does not give, and of what is left out.
    Raises:
        ValueError: If a value is out of range.
    """

    events: str = ""
    window_seconds: int = 10
    min_overlap: float = 0.5
    max_background_share: float = 0.2
    split_seed: int = 0

    def __post_init__(self):
        check_positive_integer("window_seconds", self.window_seconds)
        check_positive("min_overlap", self.min_overlap)
        check_fraction("min_overlap", self.min_overlap)
        check_fraction("max_background_share", self.max_background_share)
        check_natural("split_seed", self.split_seed)


@dataclasses.dataclass(frozen=True)
class ExtractionConfig:
    """Settings of an extraction from `data_root`, `features_dir` or both.

    Args:
        task: String. `"sel"` or `"cml"`, which have different official splits.
        data_root: String. Folder with `Annotations.txt`, the split's files and `AVE/*.mp4`; or,
            with a list of events, of the videos.
        features_dir: String. Folder with the official HDF5 features, used instead of the clips.
            Annotations and split files are read from here if it has them, or from `data_root`.
        encoding: `EncodingConfig` of the clips.
        own_events: `OwnEventsConfig`, for videos of one's own.
        records_per_shard: Integer. Records per TFRecord file, the unit of work of one worker.
    Raises:
        ValueError: If neither folder is given or a value is out of range.
    """

    task: str
    data_root: str = ""
    features_dir: str = ""
    encoding: EncodingConfig = EncodingConfig()
    own_events: OwnEventsConfig = OwnEventsConfig()
    records_per_shard: int = 32

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        if self.own_events.events and self.features_dir:
            raise ValueError(
                "`events` is for videos, not for `features_dir`. "
                f"Received: features_dir={self.features_dir!r}."
            )
        check_positive_integer("records_per_shard", self.records_per_shard)
        if not self.data_root and not self.features_dir:
            raise ValueError(
                "`data_root` or `features_dir` must be given: the folder of the AVE videos, or "
                "that of the official HDF5 features."
            )

    @property
    def folders(self) -> list[pathlib.Path]:
        """Given folders, that of the features first."""
        return [pathlib.Path(folder) for folder in (self.features_dir, self.data_root) if folder]

    def check_paths(self) -> None:
        """Checks that the given folders and weights files exist.

        Raises:
            InputError: If one does not.
        """
        check_folders(self, "features_dir", "data_root")
        if self.own_events.events and not pathlib.Path(self.own_events.events).is_file():
            raise InputError(
                f"`events`: {self.own_events.events} does not exist. Give the list of events."
            )
        if not self.features_dir:
            self.encoding.check_weights()

    @property
    def input_paths(self) -> list[pathlib.Path]:
        """Files and folders that are read, and no others: the given folders may hold results."""
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
        if self.own_events.events:
            files = pathlib.Path(self.data_root).rglob("*")
            videos = sorted(file for file in files if file.suffix.lower() in VIDEO_SUFFIXES)
            paths = [pathlib.Path(self.own_events.events), *videos]
        else:
            paths.append(pathlib.Path(self.data_root, "AVE"))
        return [*paths, *self.encoding.weights_paths]


@dataclasses.dataclass(frozen=True)
class ValidationConfig:
    """Requirements of a dataset beyond the schema.

    Args:
        categories: Tuple of strings. Names of the categories that each split must have.
        allowed_anomalies: Tuple of strings. Names of anomalies to report but accept; `*` stands
            for anything.
        max_rejected_share: Float in [0, 1]. Largest accepted share of records without features,
            because their clips could not be read.
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


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """Settings of the gate.

    A model is blessed if it is better than each trivial baseline and not much worse than the
    model that was blessed last. Both are decided by 95 % intervals over test records, so that
    chance neither blesses a model nor holds it back.

    Args:
        task: String. `"sel"` or `"cml"`.
        max_regression: Float in [0, 1]. How far the primary metric may fall below that of the last
            blessed model, beyond what chance explains.
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
    """Limits on the cost of serving a model.

    Args:
        max_load_seconds: Float. Time until the model is ready.
        max_request_seconds: Float. Slowest answer to a request of one record, warm-up included.
        max_memory_gib: Float. Peak memory of the process that serves it.
        max_process_seconds: Float. Time after which the whole check is given up.
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
