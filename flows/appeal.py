"""The appeal of an ingest against its gate: what the gate doubts is asked for again of other mirrors, within bounds.

Bits rot on one mirror, not on all of them. Only where other bytes come is anything decoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from flows.staging import exchange
from tasks.again import Key, Source, again, digest, marks_of
from tasks.errors import OtherBytes
from tasks.meter import Meter
from tasks.verdict import Verdict, in_hours
from tasks.wanted import Mirror, StagedMessage

PROBES = 4
"""Leads that stand for all that are doubted: where their bytes are the same, those of the others are taken to be."""

Staged = Mapping[Key, StagedMessage]


@dataclass
class Appeal:
    """One run's. A field that is to be withheld is asked for once, of one other mirror; before a run is refused, all
    mirrors are asked, and the bytes of each are tried once.

    `count` is told what each question cost. `inputs_of`: the wanted variables that a judged one is made of. `known`:
    field -> sha256 of the bytes that were refused, of the fields that stand for the others. `marks`: mirror -> path ->
    mark of its files while it gave those bytes. `doubted`, `refused`: of the last verdict.
    """

    source: Source
    mirrors: Sequence[Mirror]
    say: Callable[[str], None]
    count: Callable[[Meter], None]
    inputs_of: Callable[[str], tuple[str, ...]] = lambda name: (name,)
    known: dict[Key, set[str]] = field(default_factory=dict)
    marks: dict[str, dict[str, str]] = field(default_factory=dict)
    doubted: frozenset[Key] = frozenset()
    refused: str = ""
    _heard: set[Key] = field(default_factory=set)
    _taken: set[str] = field(default_factory=set)

    def against(self, messages: Iterable[StagedMessage]) -> Callable[[Verdict], None]:
        """What hears the verdicts on these messages; it raises OtherBytes once a mirror's other bytes are staged."""
        return partial(self._hear, {(message.variable, message.lead): message for message in messages})

    def _hear(self, staged: Staged, verdict: Verdict) -> None:
        doubted = {(name, lead) for made, lead in verdict.doubted for name in self.inputs_of(made)}
        self.doubted = frozenset(doubted & staged.keys())
        self.refused = verdict.refused
        if verdict.refused:
            self._ask_all(staged)
        elif new := {key: staged[key] for key in sorted(self.doubted - self._heard)}:
            self._heard.update(new)
            self._ask_one(new)

    def _ask_one(self, doubted: Staged) -> None:
        probes = probes_of(doubted)
        for mirror in self.mirrors:
            answer = self.again(mirror, (key for key in probes if doubted[key].mirror != mirror.name))
            if answer:
                if any(digest(message) != digest(doubted[key]) for key, message in answer.items()):
                    self._take(mirror, answer, doubted)
                self.say(f"{_in_words(doubted)}: {mirror.name} has the same bytes of what the gate doubts")
                return

    def _ask_all(self, staged: Staged) -> None:
        if not self.known.keys() & staged.keys():
            self.known |= {key: set() for key in probes_of(self.doubted)}
        probes = sorted(self.known.keys() & staged.keys())
        for key in probes:
            self.known[key].add(digest(staged[key]))
        # What was staged is judged by now, whatever its mirrors have become meanwhile.
        self._taken |= {staged[key].mirror for key in probes}
        self.marks = {}
        for mirror in self.mirrors:
            # A file that changes while it is fetched has another mark next time.
            marks = marks_of(self.source, mirror, probes)
            answer = self.again(mirror, probes)
            if len(answer) < len(probes):
                self.say(f"{mirror.name} does not deliver again what the gate doubts")
            elif self.is_known(answer):
                self.marks[mirror.name] = marks
            elif mirror.name not in self._taken:
                self._taken.add(mirror.name)
                self._take(mirror, answer, {key: staged[key] for key in sorted(self.doubted | set(probes))})

    def again(self, mirror: Mirror, fields: Iterable[Key]) -> dict[Key, StagedMessage]:
        """Those of the fields that a mirror delivers now. Raises DiskFull."""
        meter = Meter()
        try:
            return again(self.source, mirror, fields, meter)
        finally:
            self.count(meter)

    def is_known(self, answer: Staged) -> bool:
        """Whether all of it was refused before."""
        return all(digest(message) in self.known[key] for key, message in answer.items())

    def _take(self, mirror: Mirror, answer: Staged, doubted: Staged) -> None:
        """Stage a mirror's bytes in place of those that are doubted: `answer` first, which came already."""
        exchange((doubted[key], message) for key, message in answer.items())
        rest = [key for key in doubted if key not in answer and doubted[key].mirror != mirror.name]
        if rest:
            exchange((doubted[key], message) for key, message in self.again(mirror, rest).items())
        raise OtherBytes(f"{_in_words(doubted)}: {mirror.name} has other bytes of what the gate doubts")


def probes_of(fields: Iterable[Key]) -> list[Key]:
    """Of the fields those at a few leads, from the first to the last."""
    fields = list(fields)
    leads = sorted({lead for _, lead in fields})
    chosen = {leads[at * (len(leads) - 1) // max(PROBES - 1, 1)] for at in range(PROBES)}
    return sorted(key for key in fields if key[1] in chosen)


def _in_words(fields: Iterable[Key]) -> str:
    fields = list(fields)
    names = sorted({name for name, _ in fields})
    return (
        f"{', '.join(names[:3])}{' and others' if names[3:] else ''} at lead {in_hours({lead for _, lead in fields})}"
    )
