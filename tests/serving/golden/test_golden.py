"""The answers of the places that hurt are those that are kept: field by field, and then byte by byte.

`pytest tests/serving/golden --golden-write` writes them anew, and all the others here still have to hold.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.serving.golden.cases import CASES, QUERIES, Case
from tests.serving.golden.columns import FOLDER, differences, kept, page, path_of, told

WRITTEN_BY = "pytest tests/serving/golden --golden-write writes the answers anew"
pytestmark = pytest.mark.xdist_group("golden")


@pytest.mark.parametrize("version", QUERIES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_the_one_that_is_kept(
    get: Any, case: Case, version: str, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, path = get(case.name, QUERIES[version]), path_of(case.name, version)
    if pytestconfig.getoption("golden_write"):
        before = orjson.loads(path.read_bytes()) if path.exists() else {}
        path.write_text(page(kept(answer.json())))
        with capsys.disabled():
            for line in differences(before, kept(answer.json())):
                print(f"{path.stem}: {line}")
    was = orjson.loads(path.read_bytes())
    found = list(differences(was, kept(answer.json())))
    assert not found, "\n".join([f"{case.name}, {version}:", *found, WRITTEN_BY])
    assert answer.content == told(was)


def test_nothing_else_is_kept_and_all_of_it_is_small() -> None:
    files = {path_of(case.name, version) for case in CASES for version in QUERIES}
    assert set(FOLDER.iterdir()) == files
    assert sum(file.stat().st_size for file in files) < 1_000_000


def test_what_is_kept_is_written_as_the_script_writes_it() -> None:
    for file in FOLDER.iterdir():
        assert file.read_text() == page(orjson.loads(file.read_bytes())), WRITTEN_BY


def test_columns_lose_nothing_and_differences_are_found() -> None:
    answer = {"offset": 1.0, "hourly": {"icon": "rain", "data": [{"a": 1, "c": 2.0}, {"a": 3, "b": 4, "c": 5.5}, {}]}}
    was = kept(answer)
    assert was["hourly"]["data"] == {"a": [1, 3, None], "b": [None, 4, None], "c": [2.0, 5.5, None]}
    assert told(was) == orjson.dumps(answer)
    assert list(differences(was, was)) == []
    answer["hourly"]["data"][1]["c"] = 5
    del answer["offset"]
    answer["flags"] = {}
    assert list(differences(was, kept(answer))) == [
        "offset: is gone, was 1.0",
        "hourly.data.c[1]: 5.5 -> 5",
        "flags: is new, {}",
    ]
    assert list(differences({"a": 1, "b": 2}, {"b": 2, "a": 1})) == ["the answer: its fields come in another order"]
    assert list(differences({"a": 1}, {"a": 1.0})) == ["a: 1 -> 1.0"]
    assert list(differences({"a": [1]}, {"a": [1, 2]})) == ["a: 1 entries -> 2"]
    with pytest.raises(ValueError, match="stands before others"):
        kept({"hourly": {"data": [{"a": 1, "b": 2}, {"b": 1, "a": 2}]}})
