"""The words that stand in data points: what falls, and icons. A column holds a word's number."""

from __future__ import annotations

from serving.derived import KIND_WORDS
from serving.icons import ICON_WORDS
from serving.options import Missing

# Contract version 1 knows no freezing rain and nothing mixed.
FIRST_KIND_WORDS = tuple("sleet" if word in ("ice", "mixed") else word for word in KIND_WORDS)

VOCABULARY = (*KIND_WORDS, *FIRST_KIND_WORDS, *ICON_WORDS)
"""Every word that a data point may hold."""


def first_word(column: str, version: int) -> int:
    """Where in the vocabulary the words of a column begin, for a version of the contract."""
    if column == "kind":
        return 0 if version >= 2 else len(KIND_WORDS)
    return len(KIND_WORDS) + len(FIRST_KIND_WORDS)


# Of a missing number and of a missing word. Who asks for -999 reads words as words.
NOTHING = {Missing.ABSENT: ("", ""), Missing.NULL: ("null", "null"), Missing.NUMBER: ("-999", '"none"')}
