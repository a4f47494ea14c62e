"""The box on a page that says that its numbers are made up."""

import html

STYLE = "background: #fdf3d8; border-left: 4px solid #b45309; color: #222; padding: 0.4em 0.8em"


def caution_box(caution: str) -> str:
    """Makes a paragraph that stands out, without a style sheet; empty for an empty text."""
    return f'<p style="{STYLE}">{html.escape(caution)}</p>' if caution else ""
