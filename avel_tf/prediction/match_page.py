"""Page of a search across modalities, which needs no other files than the clips it plays."""

import pathlib

from avel_tf.prediction.matches import Search
from avel_tf.prediction.page import document, section
from avel_tf.reporting import time_line

IN_WORDS = {"audio": "sound", "visual": "pictures"}


def match_page(search: Search, model: pathlib.Path, caution: str, folder: pathlib.Path) -> str:
    """Makes the page of a search.

    Args:
        search: `Search`.
        model: Path that the system was read from.
        caution: As for `avel_tf.prediction.page.document`.
        folder: Folder that the page will be in; its links to the clips are relative to it.
    Returns:
        String. The page.
    """
    query, seconds, searched = search.query, search.query_seconds, search.searched
    modality = "visual" if searched.thumbnails else "audio"
    windows = [range(match.start_seconds, match.end_seconds) for match in search.matches]
    drawing = time_line.search_line(
        search.scores,
        modality,
        windows,
        searched.peaks,
        searched.thumbnails,
        seconds if query.path == searched.path else None,
    )
    rows = "".join(
        f'<tr><td class="number">{rank}</td><td class="number">{match.start_seconds}</td>'
        f'<td class="number">{match.end_seconds}</td><td class="number">{match.score:.4g}</td></tr>'
        for rank, match in enumerate(search.matches, start=1)
    )
    head = "<tr><th>rank</th><th>from s</th><th>to s</th><th>score</th></tr>"
    asked = "sound" if modality == "visual" else "pictures"
    sections = [
        section(
            query.path,
            time_line.clip_line(seconds, query.peaks, query.thumbnails),
            folder,
            f"Searched for: the {asked} of seconds {seconds.start} to {seconds.stop} of ",
        ),
        section(
            searched.path,
            f"{drawing}<table>{head}{rows}</table>",
            folder,
            f"Searched: the {IN_WORDS[modality]} of ",
        ),
    ]
    note = (
        "A score is the sum over a window as long as the query, drawn at the window's middle; it "
        "compares windows of this search and nothing else. Click a time line to play from there."
    )
    return document("Cross-modality search", model, caution, note, sections)
