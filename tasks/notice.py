"""What people read: incidents that began or ended, in words and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from storage.run_time import run_time
from tasks.incidents import Kind, Record

AT_MOST = 20
"""Incidents told line by line in one notice; the rest is counted."""

WORDS = {
    Kind.FAILED: "failed",
    Kind.CRASHED: "crashed",
    Kind.LATE: "late",
    Kind.STALE: "stale",
    Kind.PARTIAL: "incomplete",
    Kind.WITHHELD: "with fields withheld",
    Kind.DISK: "nearly full",
    Kind.SYNC: "not in sync",
    Kind.PENDING: "waiting for a worker",
    Kind.BUCKET: "out of reach",
}


class Notice(BaseModel):
    """One message. `title` is one line, `text` begins with it; `fields` go beside them into a webhook's JSON."""

    model_config = ConfigDict(frozen=True)

    title: str
    text: str
    fields: dict[str, Any]


def compose(opened: Sequence[Record], ended: Sequence[Record], now: datetime) -> Notice:
    """One notice of all that began and all that ended; at least one of either.

    What began and ended before anybody could be told belongs into `opened`.
    """
    rows = [*opened, *ended]
    told = {record.id for record in opened}
    headlines = _headlines(opened, False) + _headlines(ended, True)
    title = f"windlass: {'; '.join(headlines)}"
    lines = [title]
    for record in rows[:AT_MOST]:
        lines += _began(record, len(rows) > 1, now) if record.id in told else _ended(record, len(rows) > 1)
    if len(rows) > AT_MOST:
        lines.append(f"and {len(rows) - AT_MOST} more: see incidents/ in the bucket")
    facts = [_facts(record, "recovered" if record.ended else record.incident.kind.value) for record in rows]
    return Notice(title=title, text="\n".join(lines), fields={**_merged(facts), "incidents": facts})


def joined(notices: Sequence[Notice]) -> Notice:
    """Several notices that could not be delivered, as one."""
    if len(notices) == 1:
        return notices[0]
    title = f"windlass: {len(notices)} notices held back until now: " + "; ".join(
        notice.title.removeprefix("windlass: ") for notice in notices[:AT_MOST]
    )
    facts = [fact for notice in notices for fact in notice.fields.get("incidents", ())]
    text = "\n".join([title, *(notice.text for notice in notices)])
    return Notice(title=title, text=text, fields={**_merged(facts), "incidents": facts})


def in_words(span: timedelta) -> str:
    """A span of time to the minute: 12 h 45 min."""
    minutes = int(span.total_seconds() // 60)
    days, hours = minutes // 1440, minutes // 60
    if hours >= 48:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60:02d} min" if hours else f"{minutes} min"


def _headlines(records: Sequence[Record], over: bool) -> list[str]:
    """Models by what befell them: `gfs, ifs late`."""
    by_word: dict[str, list[str]] = {}
    for record in records:
        word = WORDS[record.incident.kind]
        by_word.setdefault(f"no longer {word}" if over else word, []).append(record.incident.model)
    return [f"{', '.join(dict.fromkeys(models))} {word}" for word, models in by_word.items()]


def _began(record: Record, one_of_many: bool, now: datetime) -> list[str]:
    incident = record.incident
    over = f" (over since {_time(record.ended.at)}: {record.ended.how})" if record.ended else ""
    what = f"{incident.run or incident.model} {WORDS[incident.kind]} since {_time(incident.since)}"
    lines = [f"{what}: {incident.reason}{over}"]
    if incident.served:
        age = in_words(timedelta(minutes=incident.served.age_minutes))
        lines.append(f"still served: {incident.served.run}, {age} old, {incident.served.state}")
    elif incident.generation == 0:
        lines.append("still served: nothing")
    if incident.expected_next:
        word = "is" if incident.expected_next > now else "was"
        lines.append(f"next run {word} due: {_time(incident.expected_next)}")
    if incident.link or incident.flow_run:
        lines.append(f"flow run: {incident.link or incident.flow_run}")
    return _listed(lines) if one_of_many else lines


def _ended(record: Record, one_of_many: bool) -> list[str]:
    incident = record.incident
    assert record.ended
    lasted = in_words(record.ended.at - incident.since)
    word = WORDS[incident.kind]
    lines = [f"{incident.model} recovered, was {word} since {_time(incident.since)} for {lasted}: {record.ended.how}"]
    if record.ended.link:
        lines.append(f"flow run: {record.ended.link}")
    return _listed(lines) if one_of_many else lines


def _listed(lines: list[str]) -> list[str]:
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _facts(record: Record, state: str) -> dict[str, Any]:
    incident = record.incident.model_dump(mode="json", exclude={"cause", "generation"})
    ended = record.ended.model_dump(mode="json") if record.ended else None
    return {"state": state, **incident, "run": record.incident.run or record.incident.model, "ended": ended}


def _merged(facts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The fields of one incident as they are, of several joined: what a simple receiver looks at."""
    if len(facts) == 1:
        return dict(facts[0])
    return {
        name: ", ".join(dict.fromkeys(str(fact[name]) for fact in facts)) for name in ("model", "run", "state", "kind")
    }


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}Z"


def run_name(model: str, init_time: datetime) -> str:
    """How a run is called everywhere: gfs 2026-04-20T00Z."""
    return f"{model} {run_time(init_time)}"


def trial_notice(now: datetime) -> Notice:
    """What `windlass notify-test` sends."""
    title = f"windlass: a test notice, sent {_time(now)}"
    text = f"{title}\nIf you read this, this address is told of incidents. Nothing is wrong."
    return Notice(title=title, text=text, fields={"state": "test", "incidents": []})
