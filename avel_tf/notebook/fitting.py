"""Training of a Keras model on a dataset of arrays."""

import dataclasses

import keras
import numpy as np

from avel_tf.configuration import TrainingConfig
from avel_tf.errors import InputError
from avel_tf.models import SYSTEMS
from avel_tf.models.localizer import Localizer
from avel_tf.notebook.dataset import Dataset, Split
from avel_tf.serving.provenance import describe_data
from avel_tf.training.fitting import (
    MONITOR,
    check_val,
    compile_model,
    fit_model,
    make_repeatable,
    warn_of_late_starts,
)


def fit(
    model: keras.Model,
    dataset: Dataset,
    *,
    epochs: int = 100,
    patience: int = 20,
    batch_size: int = 64,
    optimizer: str = "adam",
    learning_rate: float = 1e-3,
    schedule: str = "constant",
    relevance_loss: str = "each",
    event_category_weight: float = 0.5,
    segment_loss: str = "cross_entropy",
    supervision: str = "full",
    seed: int = 0,
    xla: bool = False,
) -> keras.callbacks.History:
    """Trains a model as the pipeline does, and leaves it with the weights of its best epoch on val.

    Recompiles the model but keeps its weights, so that a trained one is trained further. `seed`
    sets the order of the records. Initial weights and the seed of dropout are drawn when the model
    is made; to make everything repeatable, call `keras.utils.set_random_seed` before that.
    Operations are deterministic from then on in the whole process, a setting of TensorFlow.

    Args:
        model: A system of `avel_tf.models`, or any functional Keras model with some of its inputs
            and outputs by name; see `avel_tf.losses.localization_losses` for their losses.
        dataset: `Dataset`, with the splits `train` and `val`.
        epochs: As in `TrainingConfig`, like all other arguments.
    Returns:
        Keras's `History`; `history["val_accuracy"]` has the task's primary metric on val, which
        is largest in the best epoch.
    Raises:
        ValueError: If an argument is out of range or for other models, or the model is not for the
            dataset's task.
        InputError: If weak supervision lacks the split `background`, or no val record can rank
            epochs.
    """
    config = TrainingConfig(
        task=dataset.task,
        system=_system(model, dataset.task),
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        relevance_loss=relevance_loss,
        event_category_weight=event_category_weight,
        segment_loss=segment_loss,
        supervision=supervision,
        seed=seed,
        xla=xla,
    )
    check_task(model, dataset.task)
    train = dataset["train"] if supervision == "full" else _with_background(dataset)
    check_val(config.task, dataset["val"].annotations)
    make_repeatable(config)
    train_batches = train.batches(model, batch_size, epochs=epochs, seed=seed)
    compile_model(model, config, len(train_batches) // epochs)
    best = keras.callbacks.EarlyStopping(
        MONITOR, patience=patience, mode="max", restore_best_weights=True
    )
    history = fit_model(
        model,
        train_batches,
        dataset["val"].batches(model, batch_size),
        range(epochs),
        [best],
        describe_data(dataset.source),
    )
    warn_of_late_starts(model)
    if isinstance(model, Localizer):
        description = dataclasses.asdict(dataset.description)
        model.trained_on = {"source": dataset.source, "description": description}
    return history


def check_task(model: keras.Model, task: str) -> None:
    """Raises ValueError if a model's outputs are not those of a task."""
    found = "sel" if "segment_label" in model.output else "cml"
    if found != task:
        raise ValueError(
            f"The dataset is for {task}, but the model for {found}: its outputs are "
            f"{[*model.output]}. Load the dataset with `task={found!r}`, or use another model."
        )


def _system(model: keras.Model, task: str) -> str:
    """Returns the name of a model's system; any other model is trained like `dam`."""
    for name, kind in SYSTEMS[task].items():
        if isinstance(model, getattr(kind, "func", kind)):  # of a partial
            return name
    return "dam"


def _with_background(dataset: Dataset) -> Split:
    if "background" not in dataset.num_records:
        raise InputError(
            "`supervision` 'weak' needs clips without an event, and this dataset has no split "
            "`background`. Load one from a features folder with audio_feature_noisy.h5 and "
            "visual_feature_noisy.h5."
        )
    train, more = dataset["train"], dataset["background"]
    return dataclasses.replace(
        train,
        annotations=[*train.annotations, *more.annotations],
        arrays={name: np.concatenate([train[name], more[name]]) for name in train.arrays},
    )
