"""What can go wrong during ingest. Every message names model, run, lead and URL where they are known."""

from __future__ import annotations


class IngestError(Exception):
    """Root of everything ingest raises on purpose."""


class MessageError(IngestError, ValueError):
    """Bytes are not the GRIB message that was asked for: framing, length or identity is wrong."""


class InventoryError(IngestError, ValueError):
    """An index is empty, malformed, or lies about its file."""


class MirrorError(IngestError, OSError):
    """One mirror could not deliver: refused, absent, throttled, stalled or short."""


class NoMirrorLeft(MirrorError):
    """Every mirror was tried until the deadline."""


class NoRunFound(IngestError, LookupError):
    """No mirror holds a complete run among the candidates."""


class IncompleteRun(IngestError, LookupError):
    """Required variables or leads are missing."""


class DecodeError(IngestError, ValueError):
    """A message could not be decoded, or messages of one run disagree about their grid."""


class CheckFailed(IngestError, ValueError):
    """A finished store read back differs from its messages."""


class DiskFull(IngestError, OSError):
    """The scratch folder or the bucket has no room left."""
