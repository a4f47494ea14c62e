"""Journal of each record's outcome, written with a shard and read by the progress bar."""

import collections
import contextlib
import json
import pathlib
import threading
from collections.abc import Iterator

from avel_tf.utils.progress import Progress


def read_journal(path: pathlib.Path) -> tuple[list[dict], dict]:
    """Reads the entries of a finished journal, and the source's metadata from its last line."""
    *entries, last = (json.loads(line) for line in path.read_text().splitlines())
    return entries, last["source"]


def _count_records(path: pathlib.Path) -> int:
    """Records in a journal that may be growing: a line that has no end yet does not count."""
    lines = path.read_text().split("\n")[:-1]
    return sum("record_id" in json.loads(line) for line in lines)


@contextlib.contextmanager
def show_progress(working_dir: pathlib.Path, total: int) -> Iterator[None]:
    """Shows records done, rate and time left, from the journals of all workers."""
    finished = threading.Event()

    def done() -> int:
        counts = collections.Counter()
        for path in working_dir.glob("journal/*"):
            shard = path.name.partition(".gz")[0]
            with contextlib.suppress(FileNotFoundError):  # renamed just now: whole
                # Several attempts at a shard count once.
                counts[shard] = max(counts[shard], _count_records(path))
        return counts.total()

    def watch(bar: Progress) -> None:
        while not finished.wait(1.0):
            bar.update(done() - bar.n)

    with Progress(total=total, initial=done(), unit="record", desc="Extracting") as bar:
        thread = threading.Thread(target=watch, args=(bar,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()
            bar.update(done() - bar.n)
