"""An address that can't be understood, and how a client's own text is shown to it."""

from __future__ import annotations


class BadRequest(ValueError):
    """The address can't be understood; the message says what to write."""


def shown(text: str, longest: int = 40) -> str:
    """A client's text, quoted, cut and in ASCII, fit for a message."""
    cut = text if len(text) <= longest else text[:longest] + "..."
    return repr(cut.encode("ascii", "backslashreplace").decode())
