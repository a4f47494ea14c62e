"""Events of a clip as files that players and annotation programs open."""

import html

from avel_tf.prediction.events import Localization


def web_vtt(found: Localization, caution: str = "") -> str:
    """Formats events as WebVTT captions, which players show over the video.

    Args:
        found: The clip's localization.
        caution: String. What to note at the top; empty for nothing.
    """
    note = f"NOTE\n{html.escape(caution, quote=False)}\n\n" if caution else ""
    cues = (
        f"{_clock(event.start_seconds)} --> {_clock(event.end_seconds)}\n"
        f"{html.escape(event.category, quote=False)} {event.confidence:.0%}\n"
        for event in found.events
    )
    return f"WEBVTT\n\n{note}" + "\n".join(cues)


def audacity_labels(found: Localization) -> str:
    """Formats events as labels for Audacity: start, end and category, separated by tabs.

    ELAN reads it as tab-delimited text.
    """
    return "".join(
        f"{event.start_seconds:.6f}\t{event.end_seconds:.6f}\t{' '.join(event.category.split())}\n"
        for event in found.events
    )


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.000"
