"""A window of a longer video as a record."""

import dataclasses

EVENT, NO_EVENT = "x", "."


@dataclasses.dataclass(frozen=True)
class Window:
    """A window of a video, with at most one category of event in it.

    It has what `avel_tf.ave.Annotation` has for a record of AVE, where the window is the video.

    Args:
        row: Integer. Position in the dataset, from 0; identifies the record.
        category: String. Category of its event, or `BACKGROUND_NAME`.
        video_id: String. Path of the video in its folder.
        start_segment: Integer. First second of the window in the video.
        relevance: String. One character for each second of the window: `x` with the event, `.`
            without.
    Raises:
        ValueError: If `relevance` is empty or has other characters.
    """

    row: int
    category: str
    video_id: str
    start_segment: int
    relevance: str

    def __post_init__(self):
        if not self.relevance or set(self.relevance) - {EVENT, NO_EVENT}:
            raise ValueError(
                f"`relevance` must consist of '{EVENT}' and '{NO_EVENT}'. "
                f"Received: {self.relevance!r}."
            )

    @property
    def num_segments(self) -> int:
        """Seconds in the window."""
        return len(self.relevance)

    @property
    def event_length(self) -> int:
        """Seconds with the event."""
        return self.relevance.count(EVENT)

    @property
    def event_relevance(self) -> list[float]:
        """1.0 for each second with the event, 0.0 for others."""
        return [float(second == EVENT) for second in self.relevance]

    @property
    def is_searchable(self) -> bool:
        """Tells whether the event is one part of the window, for the other modality to find."""
        length = self.event_length
        return 0 < length < self.num_segments and EVENT * length in self.relevance
