"""The result of a training, as a value."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """The course of a training, in numbers.

    Args:
        best_epoch: Integer, from 1. Epoch of the model that is kept.
        val_accuracy: Float in [0, 1]. Its accuracy on val.
        epochs: Integer. Epochs trained.
        seconds: Float. Time that the epochs took, including those before a kill.
        data: String. Kind of the features, in words.
        parameters: Integer. Size of all weights that are trained.
        caution: String. What to say next to the accuracy if the features are made up; else empty.
    """

    best_epoch: int
    val_accuracy: float
    epochs: int
    seconds: float
    data: str
    parameters: int
    caution: str
