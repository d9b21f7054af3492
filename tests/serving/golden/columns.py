"""Answers as they are kept for comparison: of a block that is a list each field is one line, a value an entry.

null stands where an entry has not got the field. Nothing of an answer is lost: `told` makes its bytes again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).with_name("answers")
INDENT = "  "


def path_of(case: str, version: str) -> Path:
    """Where an answer is kept."""
    return FOLDER / f"{case}.{version}.json"


def kept(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with its lists of points as columns. Raises ValueError where points differ in the order of fields."""
    told = dict(answer)
    for block, body in answer.items():
        if isinstance(body, dict) and "data" in body:
            told[block] = {**body, "data": _columns(body["data"])}
    return told


def _columns(points: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names: list[str] = []
    for point in points:
        at = 0
        for name in point:
            if name in names:
                if names.index(name) < at:
                    raise ValueError(f"{name} stands before others in one point and behind them in another")
                at = names.index(name) + 1
            else:
                names.insert(at, name)
                at += 1
    return {name: [point.get(name) for point in points] for name in names}


def told(kept_answer: dict[str, Any]) -> bytes:
    """The bytes of an answer, from what is kept of it."""
    answer = dict(kept_answer)
    for block, body in kept_answer.items():
        if isinstance(body, dict) and "data" in body:
            columns = body["data"]
            count = max(map(len, columns.values()), default=0)
            rows = [
                {name: column[n] for name, column in columns.items() if column[n] is not None} for n in range(count)
            ]
            answer[block] = {**body, "data": rows}
    return orjson.dumps(answer)


def page(kept_answer: dict[str, Any]) -> str:
    """JSON for people: a line a field."""
    return "{\n" + ",\n".join(_lines(kept_answer, 1)) + "\n}\n"


def _lines(body: dict[str, Any], depth: int) -> Iterator[str]:
    for name, value in body.items():
        key = INDENT * depth + json.dumps(name) + ": "
        if isinstance(value, dict) and value:
            yield key + "{\n" + ",\n".join(_lines(value, depth + 1)) + "\n" + INDENT * depth + "}"
        else:
            yield key + json.dumps(value, ensure_ascii=False)


def differences(was: dict[str, Any], now: dict[str, Any], where: str = "") -> Iterator[str]:
    """In words, a line a field: `hourly.data.temperature[7]: 4.85 -> 4.86 (and 2 more)`."""
    for name in dict.fromkeys((*was, *now)):
        at = f"{where}{name}"
        if name not in now:
            yield f"{at}: is gone, was {_short(was[name])}"
        elif name not in was:
            yield f"{at}: is new, {_short(now[name])}"
        elif isinstance(was[name], dict) and isinstance(now[name], dict):
            yield from differences(was[name], now[name], at + ".")
        elif isinstance(was[name], list) and isinstance(now[name], list):
            yield from _of_lists(was[name], now[name], at)
        elif was[name] != now[name] or type(was[name]) is not type(now[name]):
            yield f"{at}: {_short(was[name])} -> {_short(now[name])}"
    shared = [name for name in was if name in now]
    if shared != [name for name in now if name in was]:
        yield f"{where or 'the answer'}: its fields come in another order"


def _of_lists(was: list[Any], now: list[Any], at: str) -> Iterator[str]:
    if len(was) != len(now):
        yield f"{at}: {len(was)} entries -> {len(now)}"
        return
    found = [n for n, (a, b) in enumerate(zip(was, now, strict=True)) if a != b or type(a) is not type(b)]
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield f"{at}[{found[0]}]: {_short(was[found[0]])} -> {_short(now[found[0]])}{more}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "..."
