"""A paragraph on the records of one's own videos."""

import collections

from avel_tf.ave import BACKGROUND_NAME, SPLITS
from avel_tf.own_events.records import OwnRecords


def summarize(records: OwnRecords) -> str:
    """Describes how many records there are of what, and all that was left out."""
    counts = {
        split: collections.Counter(window.category for window in windows)
        for split, windows in records.splits.items()
    }
    by_category = "; ".join(
        f"{name} {'/'.join(str(counts[split][name]) for split in SPLITS)}"
        for name in (*records.categories, BACKGROUND_NAME)
    )
    videos = {window.video_id for windows in records.splits.values() for window in windows}
    total = sum(map(len, records.splits.values()))
    sentences = [
        f"{total} records of {len(videos)} videos, in {'/'.join(SPLITS)}: {by_category}.",
        *(
            f"{text}: {number}."
            for text, number in (
                ("Windows divided between two categories", _sum(records, "num_divided")),
                ("Seconds that two categories could have had", _sum(records, "num_contested")),
                ("Events that got no second, as short or under another", _sum(records, "num_lost")),
                ("Windows left out because they may have an event", _sum(records, "num_unclear")),
                ("Windows without an event left out", records.num_background_left_out),
                ("Windows whose event is not one part of them left out", records.num_unsearchable),
            )
            if number
        ),
    ]
    if records.unlisted_files:
        first = records.unlisted_files[0]
        sentences.append(
            f"Videos left out because no row names them: {len(records.unlisted_files)}, the first "
            f"is {first!r}. If nothing happens in it, a row without an event makes it background, "
            f"in a CSV {first},,,."
        )
    if records.rejected:
        reasons = collections.Counter(row.reason for row in records.rejected).most_common()
        listed = ", ".join(f"{count} {reason}" for reason, count in reasons)
        sentences.append(f"Rows rejected: {listed}. The first: {records.rejected[0].message}")
    return " ".join(sentences)


def _sum(records: OwnRecords, name: str) -> int:
    return sum(getattr(cut, name) for cut in records.cuts)
