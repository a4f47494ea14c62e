"""One's own videos and a list of their events, as records: reading, windows and splits."""

from avel_tf.own_events.events import Event, RejectedRow
from avel_tf.own_events.listing import Listing, read_events
from avel_tf.own_events.records import OwnRecords, make_records
from avel_tf.own_events.splits import choose_splits
from avel_tf.own_events.summary import summarize
from avel_tf.own_events.windows import Cut, cut_windows

__all__ = [
    "Cut",
    "Event",
    "Listing",
    "OwnRecords",
    "RejectedRow",
    "choose_splits",
    "cut_windows",
    "make_records",
    "read_events",
    "summarize",
]
