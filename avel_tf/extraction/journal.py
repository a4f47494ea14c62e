"""What became of each record, written while a shard is made and read by the progress line."""

import collections
import contextlib
import json
import pathlib
import threading
from collections.abc import Iterator

import tqdm


def read_journal(path: pathlib.Path) -> tuple[list[dict], dict]:
    """Entries of a whole journal, and the source's metadata in its last line."""
    *entries, last = (json.loads(line) for line in path.read_text().splitlines())
    return entries, last["source"]


@contextlib.contextmanager
def show_progress(working_dir: pathlib.Path, total: int) -> Iterator[None]:
    """A line with records done, rate and time left, from the journals of all workers."""
    finished = threading.Event()

    def done() -> int:
        counts = collections.Counter()
        for path in working_dir.glob("journal/*"):
            shard = path.name.partition(".gz")[0]
            with contextlib.suppress(FileNotFoundError):  # renamed just now: whole
                # The metadata line of a whole journal is no record, and of several attempts at a
                # shard one counts.
                counts[shard] = max(counts[shard], path.read_text().count('"record_id"'))
        return counts.total()

    def watch(bar: tqdm.tqdm) -> None:
        while not finished.wait(1.0):
            bar.update(done() - bar.n)

    with tqdm.tqdm(total=total, initial=done(), unit="record", desc="Extracting") as bar:
        thread = threading.Thread(target=watch, args=(bar,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()
            bar.update(done() - bar.n)
