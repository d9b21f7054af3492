"""Rules of time zones are those of the pinned package, whatever the machine has."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from serving.days import offset_at
from serving.places import zone

SUMMER = datetime(2026, 7, 1)


@pytest.fixture
def strange_machine(tmp_path: Path) -> Iterator[None]:
    """A machine that takes Berlin for Tokyo."""
    false = tmp_path / "Europe" / "Berlin"
    false.parent.mkdir()
    false.write_bytes(files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes())
    usual = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    zone.cache_clear()
    yield
    zoneinfo.reset_tzpath(usual)
    zoneinfo.ZoneInfo.clear_cache()
    zone.cache_clear()


@pytest.mark.usefixtures("strange_machine")
def test_a_machine_with_other_rules_changes_nothing() -> None:
    assert zoneinfo.ZoneInfo("Europe/Berlin").utcoffset(SUMMER) == timedelta(hours=9)
    assert zone("Europe/Berlin").utcoffset(SUMMER) == timedelta(hours=2)
    assert offset_at("Europe/Berlin", int(SUMMER.timestamp())) == 7200
    assert zone("Europe/Berlin").key == "Europe/Berlin"


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../../etc/passwd", "Europe", "zone.tab"])
def test_what_is_no_zone_is_told(name: str) -> None:
    with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
        zone(name)
