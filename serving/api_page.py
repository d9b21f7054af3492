"""The tables of docs/api.md, written from the tables that the code uses: `python -m serving.api_page`.

Between `<!-- fields hourly -->` and `<!-- end -->` lie the fields of a block, and so on; all else is written by people.
A test holds the file to the tables.
"""

from __future__ import annotations

import re
from pathlib import Path

from serving.blocks import BLOCK_FIELDS
from serving.icons import ICON_WORDS, PLAIN_ICON_WORDS
from serving.meanings import meaning, units_in_words
from serving.parameters import TABLE
from serving.untold import UNTOLD

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
_TABLE = re.compile(r"(<!-- (\w+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def fields_table(block: str) -> list[str]:
    """The fields of a block as a table of Markdown, a row each."""
    rows = ["| field | unit | meaning | told |", "|---|---|---|---|"]
    for field in BLOCK_FIELDS[block]:
        told = meaning(block, field)
        rows.append(f"| `{told.name}` | {units_in_words(told)} | {told.text} | {told.told or 'always'} |")
    return rows


def icons_table(_: str) -> list[str]:
    """Both sets of icons."""
    more = [word for word in ICON_WORDS if word not in PLAIN_ICON_WORDS]
    return [
        "| set | icons |",
        "|---|---|",
        f"| as it is | {', '.join(f'`{word}`' for word in PLAIN_ICON_WORDS)} |",
        f"| more with `icon=pirate` | {', '.join(f'`{word}`' for word in more)} |",
    ]


def parameters_table(_: str) -> list[str]:
    """Every parameter of a query."""
    rows = ["| parameter | values | without it | meaning |", "|---|---|---|---|"]
    for row in TABLE:
        past = " (of the past only)" if row.past else ""
        rows.append(f"| `{row.name}` | {row.values} | {row.default} | {row.meaning}{past} |")
    return rows


def untold_table(_: str) -> list[str]:
    """What is not told, and why."""
    rows = ["| of | field | why |", "|---|---|---|"]
    for row in UNTOLD:
        blocks = "the answer" if row.blocks == ("top",) else ", ".join(f"`{block}`" for block in row.blocks)
        rows.append(f"| {blocks} | {', '.join(f'`{name}`' for name in row.names)} | {row.why} |")
    return rows


TABLES = {"fields": fields_table, "icons": icons_table, "parameters": parameters_table, "untold": untold_table}


def refreshed(page: str) -> str:
    """The page with its tables as they are now. Raises KeyError for a table that nobody makes."""

    def write(found: re.Match[str]) -> str:
        return "\n".join([found[1].rstrip("\n"), *TABLES[found[2]](found[3] or ""), found[4]])

    return _TABLE.sub(write, page)


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text()))
