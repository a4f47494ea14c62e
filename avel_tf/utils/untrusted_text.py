"""Names of files and events on their way to a terminal or a spreadsheet, which would obey them."""

import re

# Escape sequences move the cursor or rename the window; others reverse the text that follows.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Ids such as "-5bUk4gWIQk" and negative numbers call nothing, and stay as they are.
FORMULA = re.compile(r"[=@\t\r]|[+-](?![\w.\-/ ]*$)")


def visible(text: str) -> str:
    r"""Shows control characters as escapes, such as `\x1b`; line ends and tabs stay."""
    return CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def to_cell(text: str) -> str:
    """Prepends an apostrophe to what a spreadsheet would take for a formula."""
    return f"'{text}" if _is_formula(text) else text


def from_cell(cell: str) -> str:
    """Undoes `to_cell`."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    return FORMULA.match(text.lstrip("'")) is not None
