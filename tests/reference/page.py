"""Reads the fenced blocks of a page of the API reference, in order."""

import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "api"
FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages():
    """The files of the reference, in the order of their names."""
    return sorted(FOLDER.glob("*.md"))


def blocks(text):
    """Each fenced block as a match: group 1 is its language, 2 the word after the language, 3 its content."""
    return list(FENCE.finditer(text))
