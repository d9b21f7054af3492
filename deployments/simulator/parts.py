"""The messages of one file: what the model wants, in its own words, and what lies beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from deployments.simulator.encode import Identity
from deployments.simulator.meaning import in_words
from deployments.simulator.producer import Decoy, Producer, Span
from flows.model import Model
from storage.variables import Statistic
from tasks.wanted import Bucket, Product, Wanted


@dataclass(frozen=True)
class Part:
    """One message of a file: its identity and its name in the index.

    Its values are `scale` x those of `wanted`'s variable over `span` + `shift`. `digits`, `binary`: multiples of
    10^-digits x 2^binary are kept, in the message's units. `tail`: what its line in NOAA's index ends with.
    """

    wanted: Wanted
    identity: Identity
    span: Span
    name: str
    level_text: str
    level_type: str
    digits: int
    binary: int = 0
    tail: str = ""
    scale: float = 1.0
    shift: float = 0.0

    @property
    def level_list(self) -> str | None:
        """ECMWF's levelist: hPa of a pressure level."""
        value = self.identity.level.value
        return f"{value / 100:g}" if self.level_type == "pl" and value is not None else None

    def interval(self, time: int, previous: int, bucket: int) -> tuple[int, int]:
        """(start, end) minutes after init_time of what ends at `time`, where `previous` is the time before it."""
        if self.wanted.over is not None and self.span is not Span.INSTANT:
            return time - 60 * self.wanted.over, time
        match self.span:
            case Span.INSTANT:
                return time, time
            case Span.BUCKET:
                return max(time - 1, 0) // bucket * bucket, time
            case Span.SINCE_START:
                return 0, time
            case Span.STEP:
                return previous, time
            case Span.FIVE_MINUTES:
                return max(time - 5, 0), time

    def is_in(self, init_time: datetime, time: int, from_nothing: bool) -> bool:
        """Whether a run has it at a time (minutes): nothing has happened yet at its start."""
        if self.span is Span.INSTANT or time > 0:
            return self.wanted.due(init_time, time)
        return from_nothing


class Message(NamedTuple):
    """A message of one file, whose product is a member's own where it has one. interval: (start, end) minutes after
    init_time. member: of an ensemble.
    """

    product: Product
    part: Part
    interval: tuple[int, int]
    member: int | None = None


def messages_of(model: Model, producer: Producer, init_time: datetime, lead: int) -> list[Message]:
    """The messages of all files of a lead, file by file."""
    published = model.leads(init_time)
    before = 60 * published[max(published.index(lead) - 1, 0)]
    found = []
    for product in model.products:
        parts = parts_of(model, product, producer)
        if lead == published[0]:
            parts += tuple(_wanted_part(row, producer) for row in model.static if row.product == product.name)
        for file in product.apart():
            for member in file.members or (None,):
                previous = before
                for time in file.times(lead):
                    found += [
                        Message(file, part, part.interval(time, previous, producer.bucket), member)
                        for part in parts
                        if part.is_in(init_time, time, producer.from_nothing)
                    ]
                    previous = time
    return found


def parts_of(model: Model, product: Product, producer: Producer) -> tuple[Part, ...]:
    """Every message of the product's files, each wanted one followed by what is easily taken for it."""
    parts: list[Part] = []
    for wanted in model.wanted:
        part = _wanted_part(wanted, producer)
        if wanted.product == product.name:
            parts.append(part)
        parts += [
            _decoy_part(part, decoy)
            for decoy in producer.decoys
            if decoy.of == wanted.name and (decoy.product or wanted.product) == product.name
        ]
    return tuple(parts)


def _wanted_part(wanted: Wanted, producer: Producer) -> Part:
    name, level_text = wanted.idx or (wanted.param or "", "")
    return Part(
        wanted=wanted,
        identity=Identity(
            wanted.parameters[0], wanted.level, wanted.statistic, producer.second.get(wanted.name), wanted.meaning
        ),
        span=_span(wanted),
        name=name,
        level_text=level_text,
        level_type="sfc",
        digits=producer.digits.get(wanted.name, 0 if wanted.name in producer.binary else _digits(wanted)),
        binary=producer.binary.get(wanted.name, 0),
        tail=in_words(wanted.meaning) or producer.tails.get(name, ""),
    )


def _digits(wanted: Wanted) -> int:
    """Decimal places, in the message's units, that hold the catalogue's precision."""
    return max(0, math.ceil(-math.log10(wanted.variable.precision / abs(wanted.factor)) - 1e-9))


def _span(wanted: Wanted) -> Span:
    if wanted.statistic is Statistic.INSTANT:
        return Span.INSTANT
    return {Bucket.INTERVAL: Span.BUCKET, Bucket.SINCE_START: Span.SINCE_START, Bucket.NONE: Span.STEP}[wanted.bucket]


def _decoy_part(beside: Part, decoy: Decoy) -> Part:
    parameter, level = beside.identity[:2]
    return Part(
        wanted=beside.wanted,
        identity=Identity(
            decoy.parameter or parameter, decoy.level or level, decoy.statistic, decoy.second, decoy.meaning
        ),
        span=decoy.span,
        name=decoy.name,
        level_text=decoy.level_text or beside.level_text,
        level_type=decoy.level_type or beside.level_type,
        digits=beside.digits,
        binary=beside.binary,
        tail=in_words(decoy.meaning),
        scale=decoy.scale,
        shift=decoy.shift,
    )
