"""Byte ranges that bring several messages at once, and the cutting of the messages out of what arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tasks.entry import Entry
from tasks.errors import MessageError
from tasks.grib import HEAD, message_length


@dataclass(frozen=True)
class Span:
    """One message in its file, and the entries that are its fields. `length`: at most; None where unknown."""

    offset: int
    length: int | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class ByteRange:
    """One request: spans in the file's order that do not overlap."""

    spans: tuple[Span, ...]

    @property
    def start(self) -> int:
        return self.spans[0].offset

    @property
    def end(self) -> int | None:
        """None where the last message's length is unknown."""
        last = self.spans[-1]
        return None if last.length is None else last.offset + last.length

    def without(self, offsets: Iterable[int]) -> ByteRange | None:
        """What is left of it when the messages at `offsets` are there."""
        spans = tuple(span for span in self.spans if span.offset not in set(offsets))
        return ByteRange(spans) if spans else None


def spans_of(entries: Iterable[Entry]) -> list[Span]:
    """The messages of entries, by offset: fields of one message come together."""
    groups: dict[int, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.offset, []).append(entry)
    return [Span(offset, groups[offset][0].length, tuple(groups[offset])) for offset in sorted(groups)]


def merge(spans: Iterable[Span], gap: float) -> list[ByteRange]:
    """Neighbours with at most `gap` bytes between them share a request; overlapping ones never do."""
    merged: list[list[Span]] = []
    for span in spans:
        last = merged[-1][-1] if merged else None
        if last is not None and last.length is not None and 0 <= span.offset - last.offset - last.length <= gap:
            merged[-1].append(span)
        else:
            merged.append([span])
    return [ByteRange(tuple(group)) for group in merged]


class Piece(NamedTuple):
    """Bytes of a message: `block` lies `at` bytes behind its start. `whole`: with them it is complete."""

    span: Span
    at: int
    block: memoryview
    whole: bool


class Cutter:
    """Cuts the messages of a range out of its bytes as they come; `done` when the rest is not needed."""

    def __init__(self, wanted: ByteRange) -> None:
        self._spans = list(reversed(wanted.spans))
        self._position = wanted.start
        self._head = b""
        self._length = 0

    @property
    def done(self) -> bool:
        return not self._spans

    def feed(self, block: bytes) -> Iterator[Piece]:
        """The parts of messages in it; raises MessageError for a head that is not what its span promises."""
        rest = memoryview(block)
        while rest and self._spans:
            span = self._spans[-1]
            ahead = span.offset - self._position
            if ahead > 0:
                rest, self._position = rest[ahead:], self._position + min(ahead, len(rest))
                continue
            if len(self._head) < HEAD:
                self._frame(span, bytes(rest[: HEAD - len(self._head)]))
            goal = self._length or HEAD
            piece = rest[: goal + ahead]
            rest, self._position = rest[len(piece) :], self._position + len(piece)
            whole = len(piece) - ahead == self._length
            if whole:
                self._spans.pop()
                self._head, self._length = b"", 0
            yield Piece(span, -ahead, piece, whole)

    def _frame(self, span: Span, more: bytes) -> None:
        """The head says how long the message is, before the rest of it is waited for."""
        self._head += more
        if len(self._head) == HEAD:
            self._length = message_length(self._head)
            if span.length is not None and self._length > span.length:
                raise MessageError(f"a message of {self._length} bytes where {span.length} were expected")
