"""Reading a page of the API reference: its fenced blocks, in order."""

import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "api"
FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages():
    """The files of the reference, in the order of their names."""
    return sorted(FOLDER.glob("*.md"))


def blocks(text):
    """Each fenced block as a match: 1 its language, 2 the word behind it, 3 its content."""
    return list(FENCE.finditer(text))
