"""The table of parameters: complete, and each row what requests are read by."""

from __future__ import annotations

from dataclasses import fields

import pytest

from serving.ask import parse_options
from serving.bad_request import BadRequest
from serving.options import BLOCKS as BLOCKS_OF_OPTIONS
from serving.options import ForecastOptions
from serving.parameters import BLOCKS, LANGUAGES, TABLE, Form, Parameter


def test_every_option_has_its_parameter_and_no_name_comes_twice() -> None:
    assert {row.option for row in TABLE} == {field.name for field in fields(ForecastOptions)} - {"at"}
    assert len({row.name for row in TABLE}) == len(TABLE)
    assert set(BLOCKS) == BLOCKS_OF_OPTIONS
    assert len(set(LANGUAGES)) == len(LANGUAGES) == 57


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_example_sets_the_option_and_nothing_else(row: Parameter) -> None:
    usual, set_one = ForecastOptions(), parse_options(f"{row.name}={row.example}".encode())
    for field in fields(ForecastOptions):
        same = getattr(usual, field.name) == getattr(set_one, field.name)
        assert same == (field.name != row.option), field.name


@pytest.mark.parametrize("row", [row for row in TABLE if row.choices], ids=lambda row: row.name)
def test_every_choice_is_taken_and_what_is_none_is_told_all_of_them(row: Parameter) -> None:
    for word, value in row.choices.items():
        told = getattr(parse_options(f"{row.name}={word}".encode()), row.option)
        assert told == ({value} if row.form is Form.WORDS else value)
    with pytest.raises(BadRequest) as error:
        parse_options(f"{row.name}=nosuch".encode())
    for word in row.choices:
        assert word in str(error.value)


CONTRACT = (
    *("units", "exclude", "include", "extend", "version", "lang", "icon", "extraVars", "tmextra", "blocks"),
    *("hourly_indices", "daily_indices", "day_night_indices", "days", "hours"),
)
"""What clients of the format may ask, as its servers document it."""


def test_every_parameter_of_the_contract_is_in_the_table_and_no_other_is_read() -> None:
    names = {row.name for row in TABLE}
    assert set(CONTRACT) <= names
    assert names - set(CONTRACT) == {"missing", "provenance", "cell"}, "ours"
    for name in ("Units", "unit", "aqiunits", "callback", "timezone", "at", "options", ""):
        assert parse_options(f"{name}=nosuch".encode()) == ForecastOptions()
