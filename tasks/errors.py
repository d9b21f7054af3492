"""What can go wrong during ingest. Every message names model, run, lead and URL where they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.wanted import StagedMessage


class IngestError(Exception):
    """Root of everything ingest raises on purpose."""


class MessageError(IngestError, ValueError):
    """Bytes are not the GRIB message that was asked for: framing, length or identity is wrong."""


class InventoryError(IngestError, ValueError):
    """An index is empty, malformed, or lies about its file."""


class MirrorError(IngestError, OSError):
    """One mirror could not deliver: refused, absent, throttled, stalled or short.

    `passing`: whether asking the same again later may help.
    """

    passing = False


class Absent(MirrorError):
    """The file is not on the mirror: not yet, or never (404)."""

    passing = True


class Refused(MirrorError):
    """The mirror does not give the file away: aged out or forbidden (403 and kin), or nobody vouches for it (TLS)."""


class Unfit(MirrorError):
    """The file ends before the bytes that its index promises (416)."""


class RangeIgnored(MirrorError):
    """The mirror answered a range with the whole file."""


class Throttled(MirrorError):
    """The mirror asks for patience: a bot wall's redirect, 429, 5xx. `retry_after`: seconds, where it said so."""

    passing = True

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Interrupted(MirrorError):
    """The connection failed, stalled, crept, or ended early."""

    passing = True


class OutOfTime(Interrupted):
    """The deadline passed while a mirror was answering."""


class NoMirrorLeft(MirrorError):
    """Every mirror was tried until the deadline. It is passing where what any of them said is."""

    def __init__(self, message: str, passing: bool = True) -> None:
        super().__init__(message)
        self.passing = passing


class NoRunFound(IngestError, LookupError):
    """No mirror holds a complete run among the candidates."""


class IncompleteRun(IngestError, LookupError):
    """Required variables or leads are missing."""


class DecodeError(IngestError, ValueError):
    """A message could not be decoded, or messages of one run disagree about their grid.

    `message`: the staged message that is to blame, where it is one.
    """

    def __init__(self, text: str, message: StagedMessage | None = None) -> None:
        super().__init__(text)
        self.message = message


class CheckFailed(IngestError, ValueError):
    """A finished store read back differs from its messages."""


class GateFailed(IngestError, ValueError):
    """Too much of a run looks wrong to publish it."""


class RefusedBefore(GateFailed):
    """The gate refused this run, and no mirror has other bytes of it since."""


class OtherBytes(IngestError):
    """A mirror has other bytes of what the gate doubts: they are staged, and the run is to be written anew."""


class DiskFull(IngestError, OSError):
    """The scratch folder or the bucket has no room left."""
