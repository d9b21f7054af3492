"""Every parameter of a query in one table: what it may hold, what that means, what is so without it.

Requests are read by it (serving.ask), and the OpenAPI document, the page of it and docs/api.md are written from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from serving.options import AI_MODELS, DAY_NIGHT, Icons, Missing
from serving.preference import CONTRACT_SOURCES
from serving.units import System

MOST_DAYS, MOST_HOURS = 8, 192
"""How long an answer of the Time Machine may be."""
AUTO = "auto"
"""Units of the place's country: what that is, the query does not say."""

# In the order they stand in an answer.
BLOCKS = ("currently", "minutely", "hourly", "day_night", "daily", "alerts", "flags")
LANGUAGES = (
    "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "eo", "es", "et", "fa", "fi", "fr",
    "ga", "gd", "he", "hi", "hr", "hu", "id", "is", "it", "ja", "ka", "kn", "ko", "kw", "lv", "ml", "mr", "nl", "no",
    "pa", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "ta", "te", "tet", "tr", "uk", "ur", "vi", "x-pig-latin",
    "zh", "zh-tw",
)  # fmt: skip


class Form(StrEnum):
    """How a value is written."""

    WORD = "a word"
    WORDS = "words separated by commas"
    POSITIONS = "ascending whole numbers from 0 on, separated by commas"
    NUMBER = "a number"
    COUNT = "a whole number"
    TEXT = "any text"


@dataclass(frozen=True)
class Parameter:
    """One row. `option`: the field of ForecastOptions that it sets; `choices`: word -> what it sets there.

    default: what is so without the parameter, in words; example: a value as a client would write it; most: the
    greatest COUNT, the least is 1; past: whether it says something of the Time Machine alone.
    """

    name: str
    option: str
    form: Form
    meaning: str
    default: str
    example: str
    choices: Mapping[str, Any] = field(default_factory=dict)
    most: int = 0
    past: bool = False

    @property
    def values(self) -> str:
        """What may be written, in words."""
        if self.form is Form.WORD:
            return ", ".join(f"`{word}`" for word in self.choices)
        if self.form is Form.WORDS:
            return f"{self.form}: {', '.join(f'`{word}`' for word in self.choices)}"
        return f"1 to {self.most}" if self.form is Form.COUNT else str(self.form)


def _same(*words: str) -> dict[str, str]:
    return {word: word for word in words}


def _positions(block: str) -> Parameter:
    return Parameter(
        f"{block}_indices",
        f"{block}_indices",
        Form.POSITIONS,
        f"which entries of `{block}.data` are told, counted from 0; one that there is none of is a 400",
        "all",
        "0,1,2",
    )


TABLE = (
    Parameter(
        "units",
        "units",
        Form.WORD,
        "unit system; `uk` is `uk2`. `auto`: that of the country: `us` in the United States, Liberia and Myanmar, "
        "`uk2` in the United Kingdom and Ireland, `ca` in Canada, `si` in all others; `us` where no country is",
        "`us`",
        "si",
        {**{str(system): system for system in System}, "uk": System.UK2, AUTO: System.US},
    ),
    Parameter(
        "exclude",
        "exclude",
        Form.WORDS,
        "blocks to leave out, which then cost nothing; `summary`: the texts; sources not to use. Names are compared "
        "whole: `aigfs` is not `gfs`",
        "none",
        "hourly,daily",
        _same(*BLOCKS, "summary", *sorted(CONTRACT_SOURCES)),
    ),
    Parameter(
        "include",
        "include",
        Form.WORDS,
        f"`{DAY_NIGHT}`: the block `day_night`. `{AI_MODELS}`: models that learned the weather are asked, too, before "
        "the others. `airqualitydetails`: single pollutants",
        "none",
        AI_MODELS,
        _same(DAY_NIGHT, AI_MODELS, "airqualitydetails"),
    ),
    Parameter(
        "blocks",
        "blocks",
        Form.WORDS,
        "the blocks to tell, and no others; `exclude` may take some of them away again",
        f"all but `day_night`, which `include={DAY_NIGHT}` adds",
        "currently,hourly",
        _same(*BLOCKS),
    ),
    Parameter("extend", "extend_hourly", Form.WORD, "168 hours instead of 48", "48 hours", "hourly", {"hourly": True}),
    _positions("hourly"),
    _positions("daily"),
    _positions("day_night"),
    Parameter(
        "version", "version", Form.NUMBER, "of the format; from 2 on the fields of version 2 are told, too", "`1`", "2"
    ),
    Parameter(
        "extraVars",
        "extra",
        Form.WORDS,
        "`stationPressure`: air pressure at the ground",
        "none",
        "stationPressure",
        _same("stationPressure"),
    ),
    Parameter(
        "lang",
        "lang",
        Form.WORD,
        "language of the texts; `nb` is `no`, as Dark Sky had both",
        "`en`",
        "de",
        {**_same(*LANGUAGES), "nb": "no"},
    ),
    Parameter(
        "icon",
        "icons",
        Form.WORD,
        "set of icons: `darksky` has those of Dark Sky, `pirate` more of them",
        "`darksky`",
        "pirate",
        {str(icons): icons for icons in Icons},
    ),
    Parameter(
        "missing",
        "missing",
        Form.WORD,
        "what stands for a value that is not known: no field, `null`, or the number -999 of other servers",
        "`absent`",
        "null",
        {str(missing): missing for missing in Missing},
    ),
    Parameter(
        "provenance",
        "provenance",
        Form.WORD,
        "whether it is told which source told what",
        "`0`",
        "1",
        {"1": True, "0": False, "true": True, "false": False},
    ),
    Parameter(
        "cell",
        "nearest",
        Form.WORD,
        "`nearest`: the values of each model's nearest cell as they are, nothing between cells",
        "values between cells",
        "nearest",
        {"nearest": True},
    ),
    Parameter("days", "days", Form.COUNT, "how many local days", "1", "3", most=MOST_DAYS, past=True),
    Parameter("hours", "hours", Form.COUNT, "how many hours", "24 a day", "48", most=MOST_HOURS, past=True),
    Parameter(
        "tmextra",
        "tmextra",
        Form.TEXT,
        "unless it is empty: the fields of a forecast that an answer about the past leaves out, too",
        "left out",
        "1",
        past=True,
    ),
)
PARAMETERS = {row.name: row for row in TABLE}
