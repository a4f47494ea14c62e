"""Datasets as arrays, whatever the source of their features."""

import dataclasses
import functools
import logging
import os
import pathlib
import weakref
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
import tqdm

from avel_tf.ave import Annotation
from avel_tf.choices import TASKS
from avel_tf.configuration import EncodingConfig, ExtractionConfig, OwnEventsConfig
from avel_tf.errors import InputError, MediaError
from avel_tf.models.inputs import pools_maps
from avel_tf.notebook.html import table
from avel_tf.records import DatasetFolder, Description, Window, batch_arrays, read_split
from avel_tf.records.description import AVE
from avel_tf.records.example import FEATURES
from avel_tf.serving.provenance import describe_data
from avel_tf.simulation import FeatureSimulationConfig
from avel_tf.sources import Reader, Source, read_release, simulated_release
from avel_tf.training.fitting import keras_batches
from avel_tf.utils.arguments import check_choice, check_positive_integer

LABELS = ("event_category", "event_relevance", "segment_label")
ARRAYS = ("record_id", *FEATURES, *LABELS)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split:
    """The records of one split as NumPy arrays, such as `split["audio_features"]`.

    N: records, T: segments. Features have half precision, as in the records of the pipeline.

    Args:
        annotations: N annotations.
        arrays: Dict of `record_id` (N,), `audio_features` (N, T, 128), `visual_features`
            (N, T, 7, 7, 512), `event_category` (N,), `event_relevance` (N, T) and `segment_label`
            (N, T).
        rejected: Errors of the records that have no features.
    """

    annotations: Sequence[Annotation | Window]
    arrays: Mapping[str, np.ndarray]
    rejected: Sequence[MediaError] = ()

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self.arrays.items())
        return f"Split of {len(self)} records: {shapes}"

    def batches(
        self,
        model: keras.Model,
        batch_size: int = 64,
        *,
        epochs: int | None = None,
        seed: int = 0,
    ) -> tf.data.Dataset:
        """Makes pairs of inputs and targets for a model's `fit`, `evaluate` and `predict`.

        Args:
            model: Keras model with inputs and outputs by name.
            batch_size: Integer. Records per batch; the last batch of an epoch may have fewer.
            epochs: Integer. Epochs to yield one after another, each in its own order; or None for
                one pass in the order of the arrays.
            seed: Integer. Seed of the epochs' orders.
        Raises:
            ValueError: If an argument is out of range, or the model takes other inputs.
        """
        check_positive_integer("batch_size", batch_size)
        if epochs is not None:
            check_positive_integer("epochs", epochs)
        arrays = self.arrays_for(model)
        batches = batch_arrays(
            {name: arrays[name] for name in {*LABELS, *model.input}},
            batch_size,
            epochs=None if epochs is None else range(epochs),
            seed=seed,
        )
        return keras_batches(batches, model, len(batches))

    def arrays_for(self, model: keras.Model) -> Mapping[str, np.ndarray]:
        """Returns the arrays after checking that a model can take them.

        If the model sees only the means of the maps, visual features are these, as maps of one
        region.

        Args:
            model: Keras model with inputs and outputs by name.
        Raises:
            ValueError: If its inputs or outputs have no names, or the records lack an input.
        """
        inputs, outputs = getattr(model, "input", None), getattr(model, "output", None)
        if not (isinstance(inputs, dict) and isinstance(outputs, dict)):
            raise ValueError(
                "`model` must be a functional Keras model with a dict of inputs and a dict of "
                f"outputs. Received: model={model!r}."
            )
        if unknown := sorted(inputs.keys() - self.arrays.keys()):
            raise ValueError(
                f"`model` takes {unknown}, which the records lack: they have {[*self.arrays]}."
            )
        pooled = "visual_features" in inputs and pools_maps(model)
        return self._pooled if pooled else self.arrays

    @functools.cached_property
    def _pooled(self) -> dict[str, np.ndarray]:
        """The arrays with the mean of each map as a map of one region, as some models need."""
        means = self["visual_features"].mean(axis=(2, 3), dtype=np.float32, keepdims=True)
        return {**self.arrays, "visual_features": means}


class Dataset:
    """The splits of one task; `dataset["train"]` is a `Split`, read on first use.

    Splits that were read are kept as long as the dataset: 0.5 MB per record.

    Args:
        task: String. `"sel"` or `"cml"`.
        source: JSON-able description of how the features were made.
        num_records: Dict from split to its number of records, including those without features.
        read: Function from the name of a split to the `Split`.
        description: What the records are.
    """

    def __init__(
        self,
        task: str,
        source: dict,
        num_records: Mapping[str, int],
        read: Callable[[str], Split],
        description: Description = AVE,
    ) -> None:
        self.task = task
        self.source = source
        self.num_records = dict(num_records)
        self.description = description
        self._read = functools.cache(read)

    def __getitem__(self, split: str) -> Split:
        if split not in self.num_records:
            raise KeyError(f"The dataset has the splits {[*self.num_records]}, not {split!r}.")
        return self._read(split)

    def __repr__(self) -> str:
        counts = ", ".join(f"{split} {count}" for split, count in self.num_records.items())
        return f"Dataset for {self.task} from {describe_data(self.source)}: {counts} records"

    def _repr_html_(self) -> str:
        title = f"Task {self.task}, source: {describe_data(self.source)}"
        return table(title, ("split", "records"), self.num_records.items())


def load_dataset(
    folder: str | os.PathLike[str],
    task: str = "sel",
    encoding: EncodingConfig | None = None,
    feature_store: str | os.PathLike[str] = "encoded_clips",
    events: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Opens a dataset, whose splits are read on first use.

    Args:
        folder: String or path. A dataset that the pipeline or `avel extract` made, with
            `dataset.json`; the official features (`audio_feature.h5`, `visual_feature.h5`,
            `Annotations.txt`, `*_order*.h5`); AVE's videos (`Annotations.txt`, `*Set.txt` or
            `*_order*.h5`, `AVE/<VideoID>.mp4`); or, with `events`, your own videos.
        task: String. `"sel"` or `"cml"`: whose splits.
        encoding: `EncodingConfig` of videos.
        feature_store: String or path. Folder that keeps the features of videos already encoded.
        events: String or path. A list of the events in your own videos, see docs/own_events.md.
    Raises:
        InputError: If the folder is none of these, or a file in it is malformed; on reading a
            split, if none of its videos can be read.
        ValueError: If `task` is neither, or the weights of an encoder are missing.
    """
    check_choice("task", task, TASKS)
    folder = pathlib.Path(folder).resolve()
    made = DatasetFolder(folder)
    if events is not None:
        config = ExtractionConfig(
            task,
            data_root=str(folder),
            encoding=encoding or EncodingConfig(),
            own_events=OwnEventsConfig(str(pathlib.Path(events).resolve())),
        )
    elif made.metadata_path.is_file():
        return _open_folder(made, task)
    elif (folder / "audio_feature.h5").is_file():
        config = ExtractionConfig(task, features_dir=str(folder))
    elif (folder / "Annotations.txt").is_file():
        config = ExtractionConfig(
            task, data_root=str(folder), encoding=encoding or EncodingConfig()
        )
    else:
        raise InputError(
            f"{folder} holds no dataset: neither dataset.json nor audio_feature.h5 nor "
            "Annotations.txt is there. Pass the folder of one of them."
        )
    release = read_release(config, pathlib.Path(feature_store).resolve())
    return _open_source(task, release.splits, release.source, release.description)


def simulate(task: str = "sel", num_records: int = 500, seed: int = 0) -> Dataset:
    """Simulates features with the statistics of AVE's, for use without the real ones.

    Results on them show how systems compare under the simulation's assumptions, not how they do on
    AVE; see docs/simulation.md.

    Args:
        task: String. `"sel"` or `"cml"`: whose splits.
        num_records: Integer. Records in all splits together; 4143 in AVE.
        seed: Integer. Same seed, same dataset.
    Raises:
        ValueError: If an argument is out of range.
    """
    check_choice("task", task, TASKS)
    config = FeatureSimulationConfig(num_records=num_records, seed=seed)
    return _open_source(task, *simulated_release(config, task), AVE)


def _open_folder(folder: DatasetFolder, task: str) -> Dataset:
    metadata = folder.metadata()
    if metadata.get("task") != task:
        found = metadata.get("task")
        raise InputError(
            f"{folder.path} holds a dataset for {found}, not for {task}. Give `task={found!r}`."
            if found
            else f"{folder.path} holds features without labels. Give a dataset made with `--task`."
        )

    description = folder.description()

    def read(split: str) -> Split:
        annotations = {each.row: each for each in folder.annotations()[split]}
        arrays = read_split(folder, split, ARRAYS, False)
        return Split([annotations[row] for row in arrays["record_id"]], arrays)

    return Dataset(task, metadata["source"], metadata["num_records"], read, description)


def _open_source(
    task: str,
    splits: Mapping[str, Sequence[Annotation | Window]],
    source: Source,
    description: Description,
) -> Dataset:
    reader = source.resolve().open()  # wrong files and missing weights fail here
    counts = {split: len(annotations) for split, annotations in splits.items()}
    metadata = reader.metadata()
    description = description.with_encoders(metadata)
    dataset = Dataset(
        task,
        metadata,
        counts,
        lambda split: _read(reader, splits[split], split, description),
        description,
    )
    weakref.finalize(dataset, reader.close)
    return dataset


def _read(
    reader: Reader,
    annotations: Sequence[Annotation | Window],
    split: str,
    description: Description,
) -> Split:
    arrays = {
        name: np.empty((len(annotations), *shape), np.float16)
        for name, shape in description.feature_shapes.items()
    }
    kept: list[Annotation | Window] = []
    rejected: list[MediaError] = []
    results = zip(annotations, reader.read(annotations), strict=True)
    # `disable=None`: no progress bar unless on a terminal.
    for annotation, result in tqdm.tqdm(
        results, f"Reading {split}", len(annotations), unit="record", disable=None
    ):
        if isinstance(result, MediaError):
            rejected.append(result)
            continue
        with np.errstate(over="ignore"):  # becomes infinite, as in the records
            for name, features in result.padded_features(description).items():
                arrays[name][len(kept)] = features
        kept.append(annotation)
    if rejected and not kept:
        raise InputError(
            f"None of the {len(annotations)} records of {split} can be read. The first: "
            f"{rejected[0]}"
        )
    if rejected:
        logging.getLogger(__name__).warning(
            "%d of %d records of %s were rejected. The first: %s",
            len(rejected),
            len(annotations),
            split,
            rejected[0],
        )
    arrays = {name: array[: len(kept)] for name, array in arrays.items()}
    labels = [description.labels(each) for each in kept]
    dtypes = {"event_category": np.int64, "event_relevance": np.float32, "segment_label": np.int64}
    return Split(
        kept,
        {"record_id": np.array([each.row for each in kept], np.int64)}
        | {name: np.array([each[name] for each in labels], dtypes[name]) for name in LABELS}
        | arrays,
        rejected,
    )
