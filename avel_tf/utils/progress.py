"""Progress on a terminal, and in a log file."""

import tqdm

NUM_LINES = 20  # in a log file, after the first


class Progress(tqdm.tqdm):
    """A bar that moves on a terminal; elsewhere a line every few percent, and one at the end.

    Arguments are those of `tqdm.tqdm`; `total` must be given.
    """

    def __init__(self, **settings) -> None:
        self._due, self._shown = -1, None  # lines due so far; done and total of the last line
        super().__init__(**settings)

    def display(self, msg: str | None = None, pos: int | None = None) -> bool | None:
        """Shows the state; tqdm calls it whenever that may have changed."""
        if self.fp.isatty():
            return super().display(msg, pos)
        due = NUM_LINES * self.n // self.total if self.total else 0
        if msg is None and due > self._due:
            self._write_line(due)
        return None

    def close(self) -> None:
        """Shows the final state."""
        if not (self.disable or self.fp.isatty()):
            if (self.n, self.total) != self._shown:
                self._write_line(NUM_LINES)
            self.leave = False  # or tqdm would add an empty line
        super().close()

    def _write_line(self, due: int) -> None:
        self._due, self._shown = due, (self.n, self.total)
        self.fp.write(f"{self}\n")
        self.fp.flush()
