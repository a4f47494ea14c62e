"""Prediction of a video's events, with a model in memory or in a file."""

import dataclasses
import html
import os
import pathlib

import keras
import numpy as np

from avel_tf.configuration import EncodingConfig
from avel_tf.errors import InputError
from avel_tf.notebook.dataset import Dataset
from avel_tf.notebook.html import paper
from avel_tf.prediction.clips import EncodedClip, load_reader
from avel_tf.prediction.events import Event, Localization, localize
from avel_tf.prediction.page import time_line_and_events
from avel_tf.prediction.system import read_system, signatures_of, threshold_of
from avel_tf.records import Description
from avel_tf.reporting import time_line
from avel_tf.reporting.caution_box import caution_box
from avel_tf.serving.provenance import caution, encoded_like
from avel_tf.utils.arguments import check_fraction


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """Events of a video, drawn over time in a notebook. N: segments, K: event categories.

    Args:
        clip: `EncodedClip`: path, segment features, thumbnails and sound to draw.
        localization: `Localization`.
        caution: String. That the numbers say nothing about real videos, and why; empty if the
            features of clip and training are real.
    """

    clip: EncodedClip
    localization: Localization
    caution: str

    @property
    def events(self) -> list[Event]:
        """Category, start, end and confidence of each event, in temporal order."""
        return self.localization.events

    @property
    def labels(self) -> np.ndarray:
        """Integer array (N,), positions in the categories; K for background."""
        return self.localization.labels

    @property
    def probabilities(self) -> np.ndarray:
        """float32 array (N, K + 1)."""
        return self.localization.probabilities

    @property
    def relevance(self) -> dict[str, np.ndarray]:
        """Probability that each segment is of the event, (N,) each: `event`, `audio`, `visual`."""
        return self.localization.relevance

    def __repr__(self) -> str:
        return f"Prediction of {self.clip.path}: {self.events} {self.caution}".rstrip()

    def _repr_html_(self) -> str:
        return paper(
            f"<style>{time_line.STYLE}</style><p>{html.escape(str(self.clip.path))}</p>"
            f"{caution_box(self.caution)}"
            f"{time_line_and_events(self.clip, self.localization)}"
        )


def predict(
    model: keras.Model | str | os.PathLike[str],
    video: str | os.PathLike[str],
    encoding: EncodingConfig | None = None,
    trained_on: Dataset | None = None,
    threshold: float | None = None,
) -> Prediction:
    """Finds the events of a video of any length.

    The features must be made in the same way as the model's training data, or its predictions are
    meaningless. This is checked if the origin of that data is known; otherwise a warning is logged.

    Args:
        model: A system for the task `sel`, or a file or folder that holds one: `.keras`, a
            SavedModel, or the folder to which the pipeline pushes its versions.
        video: String or path. The media file, with video and sound.
        encoding: `EncodingConfig`; by default that of the training data, as far as it is known.
        trained_on: `Dataset` that a model in memory was trained on, unless `fit` trained it; a file
            records it itself.
        threshold: Float from 0 to 1. Lowest relevance at which a segment belongs to an event: the
            mean of what is heard and what is seen. By default the system's own rule decides, for
            those that decide by relevance the threshold kept with them, 0.5.
    Raises:
        ValueError: If `threshold` is out of range.
        MediaError: If the video cannot be read.
        InputError: If the model is not a system for the task, or weights are missing or differ
            from those of the training data.
    """
    if threshold is not None:
        check_fraction("threshold", threshold)
    if isinstance(model, keras.Model):
        source, description = _trained_on(model, trained_on)
        signatures, own_threshold = signatures_of(model, description), threshold_of(model)
    else:
        system = read_system(pathlib.Path(model))
        signatures, source, description = system.signatures, system.source, system.description
        own_threshold = system.threshold
    if "localize_event" not in signatures:
        raise InputError(
            f"`model` has {sorted(signatures)}, but not localize_event. Pass a system for the task "
            "sel that takes segment features."
        )
    reader = load_reader(encoding or encoded_like(source), source)
    path = pathlib.Path(video)
    clip = reader.read(path, range(reader.count_segments(path)))
    found = localize(
        signatures["localize_event"],
        **clip.features,
        threshold=threshold,
        description=description,
        own_threshold=own_threshold,
    )
    return Prediction(clip, found, caution(source, reader.metadata()))


def _trained_on(model: keras.Model, dataset: Dataset | None) -> tuple[dict | None, Description]:
    """Returns how a model's training features were made, and what its records were."""
    if dataset:
        return dataset.source, dataset.description
    known = getattr(model, "trained_on", None) or {}
    return known.get("source"), Description.from_json(known.get("description"))
