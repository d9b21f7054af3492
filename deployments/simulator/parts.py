"""The messages of one file: what the model wants, in its own words, and what lies beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from deployments.simulator.encode import Identity
from deployments.simulator.producers import Decoy, Producer, Span
from flows.model import Model
from storage.variables import Statistic
from tasks.wanted import Bucket, Product, Wanted


@dataclass(frozen=True)
class Part:
    """One message of a file: its identity and its name in the index.

    Its values are `scale` x those of `wanted`'s variable over `span` + `shift`. `digits`: decimal places that are kept,
    in the message's units.
    """

    wanted: Wanted
    identity: Identity
    span: Span
    name: str
    level_text: str
    level_type: str
    digits: int
    scale: float = 1.0
    shift: float = 0.0

    @property
    def level_list(self) -> str | None:
        """ECMWF's levelist: hPa of a pressure level."""
        value = self.identity.level.value
        return f"{value / 100:g}" if self.level_type == "pl" and value is not None else None

    def interval(self, lead: int, previous: int, bucket_hours: int) -> tuple[int, int]:
        """(start, end) hours after init_time at `lead`, where `previous` is the run's lead before it."""
        match self.span:
            case Span.INSTANT:
                return lead, lead
            case Span.BUCKET:
                return (lead - 1) // bucket_hours * bucket_hours, lead
            case Span.SINCE_START:
                return 0, lead
            case Span.STEP:
                return previous, lead

    def is_in(self, lead: int) -> bool:
        """Whether the file of `lead` has it: nothing has happened yet at the start of a run."""
        return lead >= self.wanted.from_lead and (lead > 0 or self.span is Span.INSTANT)


class Message(NamedTuple):
    """A message of one file. interval: (start, end) hours after init_time."""

    product: Product
    part: Part
    interval: tuple[int, int]


def messages_of(model: Model, producer: Producer, init_time: datetime, lead: int) -> list[Message]:
    """The messages of all files of a lead, file by file."""
    published = model.leads(init_time)
    previous = published[max(published.index(lead) - 1, 0)]
    return [
        Message(product, part, part.interval(lead, previous, producer.bucket_hours))
        for product in model.products
        for part in parts_of(model, product, producer)
        if part.is_in(lead)
    ]


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
        identity=Identity(wanted.parameters[0], wanted.level, wanted.statistic, producer.second.get(wanted.name)),
        span=_span(wanted),
        name=name,
        level_text=level_text,
        level_type="sfc",
        digits=producer.digits.get(wanted.name, max(0, math.ceil(-math.log10(wanted.variable.precision) - 1e-9))),
    )


def _span(wanted: Wanted) -> Span:
    if wanted.statistic is Statistic.INSTANT:
        return Span.INSTANT
    return {Bucket.INTERVAL: Span.BUCKET, Bucket.SINCE_START: Span.SINCE_START, Bucket.NONE: Span.STEP}[wanted.bucket]


def _decoy_part(beside: Part, decoy: Decoy) -> Part:
    parameter, level, _, _ = beside.identity
    return Part(
        wanted=beside.wanted,
        identity=Identity(decoy.parameter or parameter, decoy.level or level, decoy.statistic, decoy.second),
        span=decoy.span,
        name=decoy.name,
        level_text=decoy.level_text or beside.level_text,
        level_type=decoy.level_type or beside.level_type,
        digits=beside.digits,
        scale=decoy.scale,
        shift=decoy.shift,
    )
