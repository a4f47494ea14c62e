"""Tables for the output of a notebook's cell."""

import html
from collections.abc import Iterable, Sequence

# A notebook may be dark and stripe its tables; the drawings are made for a light page.
STYLE = """
.avel-tf { background: #fff; color: #222; padding: 0.6em; font: 14px/1.5 system-ui, sans-serif }
.avel-tf table { border-collapse: collapse } .avel-tf tr { background: none !important }
.avel-tf td, .avel-tf th { padding: 0.15em 1.2em 0.15em 0; text-align: left; color: inherit }
"""


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Makes a table under a title; text is escaped."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return paper(f"<p>{html.escape(title)}</p><table><tr>{head}</tr>{body}</table>")


def paper(content: str) -> str:
    """Wraps content with its style, which may be repeated, because all cells share a page."""
    return f'<div class="avel-tf"><style>{STYLE}</style>{content}</div>'
