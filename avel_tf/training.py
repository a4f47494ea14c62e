"""Training on TFRecords: reproducible by seed, resumable, best epoch chosen on val."""

import csv
import dataclasses
import json
import logging
import pathlib
import shutil

import keras
import numpy as np
import tensorflow as tf
import tqdm

from avel_tf import losses, metrics
from avel_tf.ave import DataError
from avel_tf.checkpoints import Checkpoints
from avel_tf.configuration import TrainingConfig
from avel_tf.export import export_model
from avel_tf.extraction.tables import read_records
from avel_tf.models import SYSTEMS
from avel_tf.models.inputs import pools_maps
from avel_tf.records import input_dataset, memory_dataset, read_split, unpack_shards

LABELS = ("event_relevance", "event_category", "segment_label")
MONITOR = "val_accuracy"
DROP_STEPS = 15_000  # of the published audio-visual baselines


class DeviceError(ValueError):
    """The devices that were asked for are not there or cannot do the work."""


class ValAccuracy(keras.callbacks.Callback):
    """Adds `val_accuracy` to the logs: the task's primary metric on val."""

    def on_epoch_end(self, epoch, logs=None):
        names = metrics.monitored_logs(self.model.output)
        logs[MONITOR] = sum(logs[f"val_{name}"] for name in names) / len(names)


class ProgressLine(keras.callbacks.Callback):
    """One line: epoch, loss, accuracy on val, time left."""

    def __init__(self, epochs: int, steps: int, initial_epoch: int):
        super().__init__()
        self._bar = tqdm.tqdm(
            total=epochs * steps,
            initial=initial_epoch * steps,
            desc="Training",
            unit="step",
            mininterval=1,
        )

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update()

    def on_epoch_end(self, epoch, logs=None):
        self._bar.set_postfix(
            epoch=epoch + 1,
            loss=f"{logs['loss']:.4f}",
            val_accuracy=f"{logs[MONITOR]:.4f}",
            refresh=False,
        )

    def on_train_end(self, logs=None):
        self._bar.close()


def train(
    config: TrainingConfig,
    examples: pathlib.Path,
    model_folder: pathlib.Path,
    run_folder: pathlib.Path,
    working_dir: pathlib.Path,
) -> dict:
    """Trains a model and exports that of the best epoch on val.

    Args:
        config: `TrainingConfig`.
        examples: Folder with `Split-train`, `Split-val` and `dataset.json`.
        model_folder: Gets `Format-Keras/model.keras`, `Format-Serving/` and `configuration.json`.
        run_folder: Gets `history.csv` and TensorBoard's logs.
        working_dir: Folder of checkpoints, and of unpacked records unless they are kept in
            memory (2 GB for all of AVE); a rerun with the same folder resumes there.
    Returns:
        Dict with the best epoch (from 1), its accuracy on val, the epochs trained, and the seconds
        they took, those before a kill included.
    Raises:
        DataError: If weak supervision lacks the split `background`, or no val record could tell
            one epoch from another.
        DeviceError: If a GPU is asked for and there is none, or several devices cannot share the
            batches.
    """
    checkpoints = Checkpoints(working_dir / "checkpoints", MONITOR, config.patience)
    initial_epoch = len(checkpoints.history)
    dataset = json.loads((examples / "dataset.json").read_text())
    num_records = dataset["num_records"]
    if config.supervision == "weak":
        num_records = _with_background(num_records)
    if config.task == "cml":
        _check_val(examples)
    steps = _num_batches(config, num_records["train"])
    keras.utils.set_random_seed(config.seed)
    if not config.xla:  # which Keras would leave out
        tf.config.experimental.enable_op_determinism()
    strategy = distribution_strategy(config.devices)
    _check_shares(config, num_records, strategy.num_replicas_in_sync)
    with strategy.scope():
        if initial_epoch:
            logging.getLogger(__name__).warning("Training resumes after epoch %d.", initial_epoch)
            model = checkpoints.resume()
        else:
            model = compiled_model(config, steps)
    if initial_epoch < config.epochs and not checkpoints.is_finished:
        epochs = range(initial_epoch, config.epochs)
        model.fit(
            _dataset(config, model, examples, working_dir, "train", num_records, epochs),
            validation_data=_dataset(config, model, examples, working_dir, "val", num_records),
            epochs=config.epochs,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps,
            shuffle=False,  # the dataset is
            callbacks=[
                ValAccuracy(),
                checkpoints,
                keras.callbacks.TensorBoard(working_dir / "logs", profile_batch=0),
                ProgressLine(config.epochs, steps, initial_epoch),
            ],
            verbose=0,
        )
    best = checkpoints.load(checkpoints.best_epoch)
    (model_folder / "Format-Keras").mkdir()
    best.save(model_folder / "Format-Keras" / "model.keras")
    export_model(best, model_folder / "Format-Serving", dataset["source"])
    (model_folder / "configuration.json").write_text(
        json.dumps(dataclasses.asdict(config), indent=2)
    )
    _write_history(checkpoints.history, run_folder / "history.csv")
    shutil.copytree(working_dir / "logs", run_folder, dirs_exist_ok=True)
    return {
        "best_epoch": checkpoints.best_epoch + 1,
        "val_accuracy": checkpoints.history[checkpoints.best_epoch][MONITOR],
        "epochs": len(checkpoints.history),
        "seconds": checkpoints.seconds,
    }


def _check_val(examples: pathlib.Path) -> None:
    """Of cross-modality localization: an event as long as its record has but one window."""
    val = read_records(examples / "records.csv")["val"]
    if not any(0 < sum(item.event_relevance) < len(item.event_relevance) for item in val):
        raise DataError(
            f"None of the {len(val)} val records has an event that is shorter than the record: no "
            "epoch would be better than another. Use a dataset with such records in val."
        )


def compiled_model(config: TrainingConfig, steps_per_epoch: int) -> keras.Model:
    """A new model of the system, ready to fit."""
    variant = dataclasses.asdict(config.model) if config.system == "dam" else {}
    model = SYSTEMS[config.task][config.system](**variant, dtype=config.precision)
    loss, loss_weights = losses.localization_losses(
        model.output,
        config.relevance_loss,
        config.event_category_weight,
        config.segment_loss,
        config.supervision,
    )
    learning_rate = config.learning_rate
    if config.schedule == "cosine":
        learning_rate = keras.optimizers.schedules.CosineDecay(
            learning_rate, config.epochs * steps_per_epoch
        )
    elif config.schedule == "drop":
        learning_rate = keras.optimizers.schedules.PiecewiseConstantDecay(
            [DROP_STEPS], [learning_rate, 0.1 * learning_rate]
        )
    if config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(learning_rate)
    else:
        optimizer = keras.optimizers.SGD(learning_rate, momentum=0.9)
    model.compile(
        optimizer=optimizer,
        loss=loss,
        loss_weights=loss_weights,
        metrics=metrics.localization_metrics(model.output),
        jit_compile=config.xla,
    )
    return model


def distribution_strategy(devices: str) -> tf.distribute.Strategy:
    """The strategy for a `devices` of `TrainingConfig`."""
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
        raise DataError(
            "`supervision` 'weak' needs clips without event, and this dataset has no split "
            "`background`. Extract it from a features folder with audio_feature_noisy.h5 and "
            "visual_feature_noisy.h5."
        )
    return {**num_records, "train": num_records["train"] + num_records["background"]}


def _num_batches(config: TrainingConfig, num_records: int) -> int:
    return -(-num_records // config.batch_size)


def _dataset(
    config: TrainingConfig,
    model: keras.Model,
    examples: pathlib.Path,
    working_dir: pathlib.Path,
    split: str,
    num_records: dict[str, int],
    epochs: range | None = None,
) -> tf.data.Dataset:
    inputs = tuple(model.input)
    names = tuple(sorted({*inputs, *LABELS}))
    folder, order = examples / f"Split-{split}", {"epochs": epochs, "seed": config.seed}
    is_weak = config.supervision == "weak" and split == "train"
    if config.in_memory or pools_maps(model) or is_weak:
        arrays = read_split(folder, names, pools_maps(model))
        if is_weak:
            more = read_split(examples / "Split-background", names, pools_maps(model))
            arrays = {name: np.concatenate([arrays[name], more[name]]) for name in names}
        batches = memory_dataset(arrays, config.batch_size, **order)
    else:
        unpacked = working_dir / "records" / split
        unpack_shards(folder, unpacked)  # read in every epoch, faster than they unpack
        batches = input_dataset(unpacked, config.batch_size, names, **order)
    batches = batches.map(
        lambda batch: (
            {name: batch[name] for name in inputs},
            losses.localization_targets(model.output, batch),
        )
    )
    # Keras takes the end of a dataset of unknown size for a mistake.
    count = _num_batches(config, num_records[split]) * (1 if epochs is None else len(epochs))
    return batches.apply(tf.data.experimental.assert_cardinality(count))


def _write_history(history: list[dict[str, float]], path: pathlib.Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["epoch", *history[0]])
        writer.writeheader()
        writer.writerows({"epoch": epoch, **logs} for epoch, logs in enumerate(history, start=1))
