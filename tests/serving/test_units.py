"""Display factors against MetPy's unit registry, not against rounded tables."""

from __future__ import annotations

import pytest

from serving.units import UNITS, Dimension, System

WORDS = {"°C": "degC", "°F": "degF", "m/s": "m/s", "km/h": "km/h", "mph": "mile/hour", "mm/h": "mm/h", "in/h": "inch/h"}
INSIDE = {Dimension.TEMPERATURE: "kelvin", Dimension.SPEED: "m/s", Dimension.INTENSITY: "mm/h"}


@pytest.mark.parametrize("system", System)
@pytest.mark.parametrize("dimension", [dimension for dimension in Dimension if dimension is not Dimension.NONE])
def test_factors_are_exact(system: System, dimension: Dimension) -> None:
    from metpy.units import units as registry

    unit = UNITS[system][dimension]
    for value in (0.0, 1.0, 273.15, 101_325.0):
        inside = registry.Quantity(value, INSIDE.get(dimension, dimension.value))
        shown = inside.to(WORDS.get(unit.name, unit.name)).magnitude
        assert value * unit.scale + unit.shift == pytest.approx(shown, rel=1e-12, abs=1e-9)


def test_systems_differ_as_the_contract_says() -> None:
    names = {system: {dimension: unit.name for dimension, unit in table.items()} for system, table in UNITS.items()}
    assert names[System.US][Dimension.TEMPERATURE] == "°F"
    assert [names[s][Dimension.SPEED] for s in System] == ["mph", "m/s", "km/h", "mph"]
    assert [names[s][Dimension.DISTANCE] for s in System] == ["mi", "km", "km", "mi"]
    assert [names[s][Dimension.AMOUNT] for s in System] == ["in", "cm", "cm", "cm"]
    assert [names[s][Dimension.INTENSITY] for s in System] == ["in/h", "mm/h", "mm/h", "mm/h"]
    assert {names[s][Dimension.PRESSURE] for s in System} == {"hPa"}
