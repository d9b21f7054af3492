"""What a published run lacks, as far as its publisher said what it has and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.bucket import Bucket
from storage.freshness import cut_short
from storage.manifest import Manifest
from tasks.incidents import Kind, find_incident

TAIL = "leads"
"""Stands among the names of missing variables for leads that never came."""


@dataclass(frozen=True)
class Gap:
    """One kind of gap. `names`: what is missing, by which the same gap is known again; `reason`: why, in words.

    Names without a reason: what the run before lacked, and this one may lack or not.
    """

    kind: Kind
    names: frozenset[str]
    reason: str


def gaps_of(bucket: Bucket, manifest: Manifest, now: datetime) -> Iterator[Gap]:
    """The gaps of the published run, by its manifest; those without names are none. Raises BucketError, ManifestError.

    A run that is still arriving does not tell whether its last leads will come: where those of the run before did not,
    nothing is known yet.
    """
    if manifest.missing is not None or manifest.whole is not None:
        names = {line.partition(":")[0] for line in manifest.missing or ()}
        reasons = [f"published without {'; '.join(manifest.missing)}"] if manifest.missing else []
        if cut_short(manifest, now):
            names.add(TAIL)
            reasons.append(tail_in_words(manifest))
        elif manifest.whole and manifest.leads < manifest.whole.leads:
            before = find_incident(bucket, manifest.model, Kind.PARTIAL)
            names |= {TAIL} & set(before.cause.split(",") if before else ())
        yield Gap(Kind.PARTIAL, frozenset(names), "; ".join(reasons))
    if manifest.withheld is not None:
        words = "; ".join(f"{name}, {why}" for name, why in manifest.withheld.items())
        yield Gap(Kind.WITHHELD, frozenset(manifest.withheld), f"withheld {words}")


def tail_in_words(manifest: Manifest) -> str:
    """What of a run came, and until when the rest was waited for; raises ValueError where nobody said what it has."""
    if manifest.whole is None:
        raise ValueError(f"{manifest.key}: nobody said how many leads it comes to")
    by = manifest.init_time + timedelta(minutes=manifest.whole.within)
    return (
        f"{manifest.leads} of its {manifest.whole.leads} leads are published, up to {manifest.last_lead / 60:g} h; the "
        f"others were waited for until {by:%Y-%m-%d %H:%M}Z"
    )
