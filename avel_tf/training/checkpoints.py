"""Checkpoints from which a killed training run resumes, and the best epoch on val."""

import json
import pathlib
import time

import keras


class Checkpoints(keras.callbacks.Callback):
    """Saves the model after each epoch, keeps the best on val, and stops when it stays best.

    `progress.json` is the commit point: it is replaced atomically once the epoch's model is
    complete, so that a kill at any moment leaves the last finished epoch. Only the models of the
    best and of the last epoch are kept.

    Args:
        folder: Folder for `progress.json` and `epoch-<n>.keras`, n from 0.
        monitor: String. The log to maximize, such as `"val_accuracy"`.
        patience: Integer. Number of epochs without improvement after which training stops.
    """

    def __init__(self, folder: pathlib.Path, monitor: str, patience: int):
        super().__init__()
        self._folder = folder
        self._monitor = monitor
        self._patience = patience
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0  # of all runs, until the end of the last epoch
        self._random_states: list[list[int]] = []
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "progress.json"
        if path.exists():
            progress = json.loads(path.read_text())
            self.history, self._random_states = progress["history"], progress["random_states"]
            self.seconds = progress["seconds"]
        self._started = time.monotonic() - self.seconds

    @property
    def best_epoch(self) -> int:
        """Number of the epoch with the largest monitored value, the first if several tie."""
        values = [logs[self._monitor] for logs in self.history]
        return values.index(max(values))

    @property
    def is_finished(self) -> bool:
        """True if the last `patience` epochs brought no improvement."""
        return len(self.history) - 1 - self.best_epoch >= self._patience if self.history else False

    def load(self, epoch: int) -> keras.Model:
        """Loads the model as it was after the best or the last epoch, with its optimizer."""
        return keras.saving.load_model(self._path(epoch))

    def resume(self) -> keras.Model:
        """Loads the model of the last epoch, ready to continue training as if never saved."""
        model = self.load(len(self.history) - 1)
        for state, value in zip(_random_states(model), self._random_states, strict=True):
            state.assign(value)
        return model

    def on_epoch_end(self, epoch, logs=None):
        # One process at a time writes here: under fixed names a kill leaves one of each at most.
        partial = self._folder / "partial.keras"
        self.model.save(partial)
        partial.rename(self._path(epoch))
        self.history.append({name: float(value) for name, value in logs.items()})
        states = [
            keras.ops.convert_to_numpy(state).tolist() for state in _random_states(self.model)
        ]
        self.seconds = time.monotonic() - self._started
        progress = {"history": self.history, "random_states": states, "seconds": self.seconds}
        partial = self._folder / "progress.json.partial"
        partial.write_text(json.dumps(progress))
        partial.rename(self._folder / "progress.json")
        kept = {self._path(epoch), self._path(self.best_epoch)}
        for path in set(self._folder.glob("epoch-*.keras")) - kept:
            path.unlink()
        self.model.stop_training = self.is_finished

    def _path(self, epoch: int) -> pathlib.Path:
        return self._folder / f"epoch-{epoch:05d}.keras"


def _random_states(model: keras.Model) -> list[keras.Variable]:
    """Returns the random states of dropout, which Keras does not save with a model."""
    return [each for each in model.variables if each.path.endswith("seed_generator_state")]
