"""Steps of training that do not depend on where the records are."""

import logging
from collections.abc import Sequence

import keras
import tensorflow as tf

from avel_tf import losses, metrics
from avel_tf.ave import Annotation
from avel_tf.configuration import TrainingConfig
from avel_tf.errors import InputError
from avel_tf.layers.late_start import LateStart
from avel_tf.optimizers import PytorchAdam
from avel_tf.records import Window
from avel_tf.utils.progress import Progress

MONITOR = "val_accuracy"
DROP_STEPS = 15_000  # as for the published audio-visual baselines
# Epochs after which the learning rate is multiplied: as for the published CMBS, and for PSP.
STEPS = {"halves": ((10, 20, 30), 0.5), "fifths": ((60, 120), 0.8)}


class ValAccuracy(keras.callbacks.Callback):
    """Adds `val_accuracy`, the task's primary metric on val, to the logs."""

    def on_epoch_end(self, epoch, logs=None):
        names = metrics.monitored_logs(self.model.output)
        logs[MONITOR] = sum(logs[f"val_{name}"] for name in names) / len(names)


class LateStarts(keras.callbacks.Callback):
    """Opens each `LateStart` of a model when its epoch begins, in a resumed training too."""

    def on_epoch_begin(self, epoch, logs=None):
        for layer in _late_starts(self.model):
            layer.is_open.assign(epoch + 1 >= layer.epoch)


class ProgressLine(keras.callbacks.Callback):
    """Shows one line of progress: epoch, loss, accuracy on val, time left."""

    def __init__(self, epochs: int, steps: int, initial_epoch: int, data: str):
        super().__init__()
        self._bar = Progress(
            total=epochs * steps,
            initial=initial_epoch * steps,
            desc=f"Training on {data}",
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
        self._bar.total = self._bar.n  # fewer than planned if training stopped early
        self._bar.close()


def check_val(task: str, val: Sequence[Annotation | Window]) -> None:
    """Raises InputError if each val record of `cml` has only one window, so that epochs tie."""
    if task == "cml" and not any(
        0 < sum(item.event_relevance) < len(item.event_relevance) for item in val
    ):
        raise InputError(
            f"None of the {len(val)} val records has an event that is shorter than the record, so "
            "no epoch would be better than another. Use a dataset with such records in val."
        )


def warn_of_late_starts(model: keras.Model) -> None:
    """Warns if the epoch that was kept of a model is one before a part of it came in."""
    for layer in _late_starts(model):
        if not keras.ops.convert_to_numpy(layer.is_open):
            logging.getLogger(__name__).warning(
                "The model is of an epoch before %d, with which its %s begins: it has none. A "
                "larger patience gives it time.",
                layer.epoch,
                layer.name.removesuffix("_start"),
            )


def _late_starts(model: keras.Model) -> list[LateStart]:
    return [layer for layer in model.layers if isinstance(layer, LateStart)]


def make_repeatable(config: TrainingConfig) -> None:
    """Seeds everything random in this process, and makes operations deterministic."""
    keras.utils.set_random_seed(config.seed)
    if not config.xla:  # Keras would not use XLA with deterministic operations
        tf.config.experimental.enable_op_determinism()


def compile_model(model: keras.Model, config: TrainingConfig, steps_per_epoch: int) -> None:
    """Compiles a model with the optimizer, losses and metrics of a configuration.

    Args:
        model: Keras model with outputs by name, see `avel_tf.losses.localization_losses`.
        config: `TrainingConfig`.
        steps_per_epoch: Integer. Batches per epoch, for the schedule of the learning rate.
    """
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
    elif config.schedule in STEPS:
        epochs, factor = STEPS[config.schedule]
        learning_rate = keras.optimizers.schedules.PiecewiseConstantDecay(
            [epoch * steps_per_epoch for epoch in epochs],
            [learning_rate * factor**number for number in range(len(epochs) + 1)],
        )
    clip_norm = config.clip_norm or None
    if config.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(learning_rate, momentum=0.9, global_clipnorm=clip_norm)
    else:
        kind = PytorchAdam if config.optimizer == "pytorch_adam" else keras.optimizers.Adam
        optimizer = kind(learning_rate, global_clipnorm=clip_norm)
    model.compile(
        optimizer=optimizer,
        loss=loss,
        loss_weights=loss_weights,
        metrics=metrics.localization_metrics(model.output),
        jit_compile=config.xla,
    )


def fit_model(
    model: keras.Model,
    train_batches: tf.data.Dataset,
    val_batches: tf.data.Dataset,
    epochs: range,
    callbacks: Sequence[keras.callbacks.Callback],
    data: str,
) -> keras.callbacks.History:
    """Trains a compiled model, with a line of progress.

    Args:
        model: Model that `compile_model` compiled.
        train_batches: Batches of all epochs, one after another; see `keras_batches`.
        val_batches: Batches of val.
        epochs: Range of the epochs' numbers, counted from 0, with step 1.
        callbacks: Callbacks that choose the best epoch by the log `MONITOR`.
        data: String. Kind of the features, in words.
    """
    steps = len(train_batches) // len(epochs)
    progress = ProgressLine(epochs.stop, steps, epochs.start, data)
    _create_variables(model, *next(iter(val_batches)))
    if model.distribute_strategy.num_replicas_in_sync == 1:
        # One device has nothing to sum, and TensorFlow would keep the gradient of that sum, and
        # with it the traced step, as long as the process lives.
        model.optimizer._all_reduce_sum_gradients = list
    return model.fit(
        train_batches,
        validation_data=val_batches,
        epochs=epochs.stop,
        initial_epoch=epochs.start,
        steps_per_epoch=steps,
        shuffle=False,  # the dataset is already shuffled
        callbacks=[LateStarts(), ValAccuracy(), *callbacks, progress],
        verbose=0,
    )


def _create_variables(
    model: keras.Model, inputs: dict[str, tf.Tensor], targets: dict[str, tf.Tensor]
) -> None:
    """Creates the variables of the optimizer, the losses and the metrics.

    Keras would create them while it traces the first step, and trace that step a second time. For
    several devices it creates them in advance itself.
    """
    if model.distribute_strategy != tf.distribute.get_strategy():
        return
    outputs = model(inputs, training=False)
    model.compute_loss(inputs, targets, outputs, training=False)
    model.compute_metrics(inputs, targets, outputs)
    model.optimizer.build(model.trainable_variables)


def keras_batches(
    batches: tf.data.Dataset, model: keras.Model, num_batches: int
) -> tf.data.Dataset:
    """Turns batches of features and labels by name into inputs and targets for `Model.fit`."""
    inputs, outputs = tuple(model.input), tuple(model.output)
    batches = batches.map(
        lambda batch: (
            {name: batch[name] for name in inputs},
            losses.localization_targets(outputs, batch),
        )
    )
    # Keras warns when a dataset of unknown size ends.
    return batches.apply(tf.data.experimental.assert_cardinality(num_batches))
