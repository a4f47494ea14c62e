"""Griffe extension: sections of docstrings need no blank line above them, as in Keras's own."""

import re

import griffe

SECTION = re.compile(r"(?<!\n)\n(?=(?:Args|Call arguments|Returns|Yields|Raises|Example):\n)")
REFERENCE = re.compile(r"(?<!\n)\n(?=Reference: )")


class DocstringSections(griffe.Extension):
    """Adds the blank lines that the parser asks for."""

    def on_instance(self, *, obj: griffe.Object, **_) -> None:
        """Edits the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = REFERENCE.sub("\n\n", SECTION.sub("\n\n", obj.docstring.value))
