"""Training on TFRecords: reproducible by seed, resumable, with the best epoch chosen on val."""

import dataclasses
import hashlib
import inspect
import logging
import math
import pathlib
import shutil

import keras
import tensorflow as tf

from avel_tf.configuration import TrainingConfig
from avel_tf.errors import DeviceError, InputError
from avel_tf.models import SYSTEMS
from avel_tf.models.inputs import pools_maps
from avel_tf.records import (
    Description,
    batch_arrays,
    check_split,
    read_batches,
    read_split,
    segments_of,
    shard_paths,
    unpack_shards,
)
from avel_tf.records.dataset_folder import DatasetFolder
from avel_tf.records.description import AVE
from avel_tf.serving.export import export_model
from avel_tf.serving.model_folder import ModelFolder
from avel_tf.serving.provenance import caution, describe_data, made_up
from avel_tf.training.checkpoints import Checkpoints
from avel_tf.training.fitting import (
    MONITOR,
    check_val,
    compile_model,
    fit_model,
    keras_batches,
    make_repeatable,
    warn_of_late_starts,
)
from avel_tf.training.result import TrainingResult
from avel_tf.training.run_folder import RunFolder
from avel_tf.utils.atomic import whole_folder
from avel_tf.utils.digests import file_sha256

LABELS = ("event_relevance", "event_category", "segment_label")


def train(
    config: TrainingConfig,
    dataset: DatasetFolder,
    model_folder: ModelFolder,
    run_folder: RunFolder,
    working_dir: pathlib.Path,
) -> TrainingResult:
    """Trains a model and exports it as of the best epoch on val, or the last if that is kept.

    Args:
        config: `TrainingConfig`.
        dataset: `DatasetFolder`; the split test is not read.
        model_folder: `ModelFolder` to fill.
        run_folder: `RunFolder` to fill.
        working_dir: Folder of checkpoints, and of unpacked records unless they are kept in
            memory (2 GB for all of AVE); a rerun with the same folder resumes there.
    Raises:
        InputError: If weak supervision lacks the split `background`, no val record can rank
            epochs, or a shard is damaged.
        DeviceError: If a GPU is required and there is none, or several devices cannot share the
            batches.
    """
    checkpoints = Checkpoints(working_dir / "checkpoints", MONITOR, config.patience)
    initial_epoch = len(checkpoints.history)
    metadata = dataset.metadata()
    num_records, description = metadata["num_records"], dataset.description()
    if config.supervision == "weak":
        num_records = _with_background(num_records)
    annotations = dataset.annotations()
    check_val(config.task, annotations["val"])
    num_examples = dict(num_records)
    if config.examples == "segments":
        num_examples["train"] = sum(len(item.event_relevance) for item in annotations["train"])
    steps = _num_batches(config, num_examples["train"])
    make_repeatable(config)
    strategy = distribution_strategy(config.devices)
    _check_shares(config, num_records, strategy.num_replicas_in_sync)
    source = metadata["source"]
    with strategy.scope():
        if initial_epoch:
            logging.getLogger(__name__).warning("Training resumes after epoch %d.", initial_epoch)
            model = checkpoints.resume()
        else:
            model = compiled_model(config, steps, description)
    if initial_epoch < config.epochs and not checkpoints.is_finished:
        epochs = range(initial_epoch, config.epochs)
        fit_model(
            model,
            _batches(config, model, dataset, working_dir, "train", num_examples, epochs),
            _batches(config, model, dataset, working_dir, "val", num_examples),
            epochs,
            [checkpoints, keras.callbacks.TensorBoard(working_dir / "logs", profile_batch=0)],
            describe_data(source),
        )
    is_last_kept = config.kept_epoch == "last"
    kept_epoch = len(checkpoints.history) - 1 if is_last_kept else checkpoints.best_epoch
    kept = checkpoints.load(kept_epoch)
    warn_of_late_starts(kept)
    kept.trained_on = {"source": source, "description": dataclasses.asdict(description)}
    model_folder.keras_path.parent.mkdir()
    kept.save(model_folder.keras_path)
    export_model(kept, model_folder.serving_path, source, description)
    model_folder.write_configuration(dataclasses.asdict(config))
    run_folder.write_history(checkpoints.history)
    shutil.copytree(working_dir / "logs", run_folder.logs_path(config.run_name, made_up(source)))
    return TrainingResult(
        best_epoch=kept_epoch + 1,
        val_accuracy=checkpoints.history[kept_epoch][MONITOR],
        epochs=len(checkpoints.history),
        seconds=checkpoints.seconds,
        data=describe_data(source),
        parameters=sum(math.prod(weight.shape) for weight in kept.trainable_weights),
        caution=caution(source),
    )


def compiled_model(
    config: TrainingConfig, steps_per_epoch: int, description: Description = AVE
) -> keras.Model:
    """Makes a new model of the system for records of a dataset, ready to fit."""
    system = SYSTEMS[config.task][config.system]
    variant = dataclasses.asdict(config.model) if config.system == "dam" else {}
    taken = inspect.signature(system).parameters
    sizes = {name: size for name, size in description.sizes.items() if name in taken}
    model = system(**variant, **sizes, dtype=config.precision)
    compile_model(model, config, steps_per_epoch)
    return model


def distribution_strategy(devices: str) -> tf.distribute.Strategy:
    """Returns the strategy for a value of `TrainingConfig.devices`."""
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    if devices == "gpu" and not gpus:
        raise DeviceError(
            "`devices` is 'gpu', but TensorFlow sees no GPU. Install the extra `avel_tf[gpu]` and "
            "NVIDIA's driver, or choose 'auto'."
        )
    if devices == "cpu":
        return tf.distribute.OneDeviceStrategy("/cpu:0")
    if devices == "mirrored" or len(gpus) > 1:
        cpus = [device.name for device in tf.config.list_logical_devices("CPU")]
        return tf.distribute.MirroredStrategy(gpus or cpus)
    return tf.distribute.get_strategy()


def _check_shares(config: TrainingConfig, num_records: dict[str, int], num_devices: int) -> None:
    # Keras averages the shares of a first batch to learn its shape.
    for split in ("train", "val"):
        if min(config.batch_size, num_records[split]) % num_devices:
            raise DeviceError(
                f"`batch_size` must be a multiple of the {num_devices} devices, and no larger than "
                f"{split}, which has {num_records[split]} records. "
                f"Received: batch_size={config.batch_size}."
            )


def _with_background(num_records: dict[str, int]) -> dict[str, int]:
    if "background" not in num_records:
        raise InputError(
            "`supervision` 'weak' needs clips without an event, and this dataset has no split "
            "`background`. Extract it from a features folder with audio_feature_noisy.h5 and "
            "visual_feature_noisy.h5."
        )
    return {**num_records, "train": num_records["train"] + num_records["background"]}


def _num_batches(config: TrainingConfig, num_examples: int) -> int:
    return -(-num_examples // config.batch_size)


def _batches(
    config: TrainingConfig,
    model: keras.Model,
    dataset: DatasetFolder,
    working_dir: pathlib.Path,
    split: str,
    num_examples: dict[str, int],
    epochs: range | None = None,
) -> tf.data.Dataset:
    inputs, description = tuple(model.input), dataset.description()
    names = tuple(sorted({*inputs, *LABELS}))
    order = {"epochs": epochs, "seed": config.seed}
    is_weak = config.supervision == "weak" and split == "train"
    if config.in_memory or pools_maps(model) or is_weak:
        arrays = read_split(dataset, split, names, pools_maps(model), with_background=is_weak)
        if config.examples == "segments" and split == "train":
            arrays = segments_of(arrays)
        batches = batch_arrays(arrays, config.batch_size, **order)
    else:
        unpacked = _unpacked_split(dataset, split, working_dir / "records" / split)
        batches = read_batches(unpacked, config.batch_size, names, description=description, **order)
    count = _num_batches(config, num_examples[split]) * (1 if epochs is None else len(epochs))
    return keras_batches(batches, model, count)


def _unpacked_split(dataset: DatasetFolder, split: str, home: pathlib.Path) -> pathlib.Path:
    """Returns a checked and unpacked copy of a split, which every epoch reads faster than it.

    The copy is named by the content of the shards: one of other shards is never taken for it.
    """
    folder = dataset.split_path(split)
    digests = "".join(file_sha256(pathlib.Path(path)) for path in shard_paths(folder))
    copy = home / hashlib.sha256(digests.encode()).hexdigest()
    if not copy.exists():
        shutil.rmtree(home, ignore_errors=True)  # of other shards, or left by a killed run
        check_split(dataset, split)
        with whole_folder(copy) as partial:
            unpack_shards(folder, partial)
    return copy
