"""Addresses made of pieces of good ones and of odd characters, given to the parsers of a request.

    python -m deployments.fuzz.addresses --seconds 60

An address is understood or refused with a reason; whatever else the parsers do is a defect.
"""

from __future__ import annotations

import enum
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Annotated, NamedTuple

import typer

from serving.ask import Request, parse_request
from serving.bad_request import BadRequest
from serving.cities import UnknownCity
from serving.moments import EARLIEST
from serving.parameters import TABLE

BATCH = 1000
LONGEST_REASON = 500
NOW = datetime(2026, 11, 24, 8, 42, 17, tzinfo=UTC)

_TIMES = (
    "1700000000", "-3600", "-36h", "-7D", "2026-11-24T08:00:00", "2026-03-29T02:30:00", "2026-11-24T08:00:00Z",
    "2026-11-24T08:00:00+01:00", "0", "+1h", "0001-01-01T00:00:00", "9999-12-31T23:59:59-2359", "9" * 30,
)  # fmt: skip
_PIECES = (",", ",", " ", "/", "-", "+", ".", "e", "e99", "nan", "90", "360", ":", "T", "Z", "h")
_ODD = ("", "\0", "\n", "%", "+", "é", "٣", "🌧", "\udcff", "&", "=", ";", "[", "]", "'", "x" * 300)

app = typer.Typer(add_completion=False)
Parser = Callable[[str, bytes, datetime], Request]


class Verdict(enum.Enum):
    """What became of an address."""

    UNDERSTOOD = "understood"
    REFUSED = "refused with a reason"
    MISTAKEN = "understood as what it cannot be"
    MUTE = "refused, but the reason cannot be told"
    RAISED = "raised something else than BadRequest"


BAD = frozenset({Verdict.MISTAKEN, Verdict.MUTE, Verdict.RAISED})
"""Verdicts that are defects of the parsers."""


class Outcome(NamedTuple):
    """The verdict over one address of a seed, and why."""

    location: str
    query: bytes
    verdict: Verdict
    why: str


def address(chance: Random) -> tuple[str, bytes]:
    """(location, query): half of the locations and most of the parameters are good."""
    location = f"{chance.uniform(-90, 90):.{chance.randrange(6)}f},{chance.uniform(-180, 360):.4f}"
    if not chance.randrange(3):
        location += "," + chance.choice(_TIMES)
    if chance.randrange(2):
        at = chance.randint(0, len(location))
        wild = "".join(chance.choice((*_TIMES, *_PIECES, *_ODD)) for _ in range(chance.randint(1, 4)))
        location = location[:at] + wild + location[at + chance.randrange(3) :]
    query = "&".join(_parameter(chance) for _ in range(chance.choice((0, 1, 1, 2, 5))))
    return location, query.encode("utf-8", "surrogateescape")


def _parameter(chance: Random) -> str:
    row = chance.choice(TABLE)
    if chance.randrange(4):
        return f"{row.name}={chance.choice((*row.choices, row.example))}"
    words = (*row.choices, row.example, "", "0", "-1", "1,1,2", "1e3", "9" * 30, chance.choice(_ODD))
    value = ",".join(chance.choice(words) for _ in range(chance.choice((1, 1, 2, 5))))
    return chance.choice((row.name, row.name, chance.choice(_ODD))) + chance.choice(("=", "=", "", "%3D")) + value


def trials(seed: str, numbers: range, parse: Parser = parse_request) -> Iterator[Outcome]:
    """The verdicts over some addresses of a seed, in order."""
    for number in numbers:
        location, query = address(Random(f"{seed}/{number}"))
        yield Outcome(location, query, *_judged(location, query, parse))


def _judged(location: str, query: bytes, parse: Parser) -> tuple[Verdict, str]:
    try:
        place, options = parse(location, query, NOW)
    except (BadRequest, UnknownCity) as error:
        told = str(error)
        return (Verdict.REFUSED if told.isascii() and 0 < len(told) < LONGEST_REASON else Verdict.MUTE), told
    except Exception as error:  # noqa: BLE001 - any other is what is looked for
        return Verdict.RAISED, f"{type(error).__name__}: {error}"
    right = -90 <= place.lat <= 90 and -180 <= place.lon <= 180 and options.version in (1, 2)
    if options.at is not None:
        right &= EARLIEST <= options.at <= NOW
    return (Verdict.UNDERSTOOD if right else Verdict.MISTAKEN), f"{place} {options}"


@app.command()
def fuzz(
    seconds: Annotated[float, typer.Option(help="Go on for so long.")] = 60,
    seed: Annotated[str, typer.Option(help="The same seed makes the same addresses.")] = "1",
) -> None:
    """Give the parsers of a request addresses at random; exits with 1 where they have a defect."""
    counts: Counter[Verdict] = Counter()
    start, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for outcome in trials(seed, range(start, start + BATCH)):
            counts[outcome.verdict] += 1
            if outcome.verdict in BAD:
                typer.echo(f"{outcome.verdict.value}: {outcome.location!a} {outcome.query!r}: {outcome.why!a}")
        start += BATCH
    for verdict, count in counts.most_common():
        typer.echo(f"{count:9,d}  {verdict.value}")
    typer.echo(f"{counts.total():9,d}  addresses; seed {seed}")
    raise typer.Exit(1 if BAD & counts.keys() else 0)


if __name__ == "__main__":
    app()
