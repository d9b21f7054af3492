"""Laws of the catalogue, held against the CF standard name table."""

from __future__ import annotations

import re

import pytest

from storage.layout import STEPS
from storage.variables import CATALOGUE, ROWS, Interpolation, Statistic, UnknownVariable, Variable, variable

# CF standard name table, version 90: name -> canonical unit.
CF = {
    "air_temperature": "K",
    "dew_point_temperature": "K",
    "apparent_air_temperature": "K",
    "relative_humidity": "1",
    "eastward_wind": "m s-1",
    "northward_wind": "m s-1",
    "wind_speed_of_gust": "m s-1",
    "wind_speed": "m s-1",
    "wind_from_direction": "degree",
    "air_pressure_at_mean_sea_level": "Pa",
    "surface_air_pressure": "Pa",
    "visibility_in_air": "m",
    "cloud_area_fraction": "1",
    "low_type_cloud_area_fraction": "1",
    "medium_type_cloud_area_fraction": "1",
    "high_type_cloud_area_fraction": "1",
    "atmosphere_mass_content_of_water_vapor": "kg m-2",
    "atmosphere_convective_available_potential_energy": "J kg-1",
    "atmosphere_convective_available_potential_energy_wrt_surface": "J kg-1",
    "atmosphere_convective_inhibition_wrt_surface": "J kg-1",
    "surface_temperature": "K",
    "surface_snow_thickness": "m",
    "surface_snow_amount": "kg m-2",
    "surface_altitude": "m",
    "land_area_fraction": "1",
    "precipitation_flux": "kg m-2 s-1",
    "precipitation_amount": "kg m-2",
    "thickness_of_snowfall_amount": "m",
    "snowfall_amount": "kg m-2",
    "equivalent_reflectivity_factor": "dBZ",
    "surface_downwelling_shortwave_flux_in_air": "W m-2",
}
CONVERTIBLE = {"%": "1"}
UNIT = re.compile(r"%|1|DU|dBZ|degree|(K|m|s|kg|J|W|Pa)(-?[1-9])?( (K|m|s|kg|J|W|Pa)-?[1-9])*")

each = pytest.mark.parametrize("row", CATALOGUE.values(), ids=CATALOGUE)


def test_no_two_rows_have_one_name() -> None:
    assert len(CATALOGUE) == len(ROWS)


@each
def test_standard_names_are_in_the_table_with_their_unit(row: Variable) -> None:
    if row.standard_name is not None:
        assert CONVERTIBLE.get(row.units, row.units) == CF[row.standard_name]


@each
def test_names_and_units_are_well_formed(row: Variable) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", row.name)
    assert UNIT.fullmatch(row.units)
    assert row.long_name[0].isupper()
    assert not row.long_name.endswith(".")


@each
def test_ranges_and_steps_make_sense(row: Variable) -> None:
    assert row.valid_min < row.valid_max
    assert 0 < row.precision < row.valid_max - row.valid_min or row.flags


def test_the_whole_valid_range_fits_into_int16_but_for_a_few() -> None:
    wide = {
        row.name
        for row in CATALOGUE.values()
        if (row.valid_max - row.valid_min) / row.precision > STEPS and not row.flags
    }
    assert wide == {
        "air_pressure_surface",
        "precipitation_rate_surface",
        "precipitation_amount_surface",
        "smoke_mass_density_8m",
        "precipitation_amount_1h_surface",
        "precipitation_amount_6h_surface",
    }


@each
def test_statistic_and_interpolation_agree(row: Variable) -> None:
    allowed = {
        Statistic.INSTANT: {Interpolation.LINEAR, Interpolation.NEAREST},
        Statistic.ACCUMULATION: {Interpolation.SHARE},
        Statistic.MEAN: {Interpolation.SOLAR, Interpolation.HOLD},
        Statistic.MINIMUM: {Interpolation.HOLD},
        Statistic.MAXIMUM: {Interpolation.HOLD},
        Statistic.PROBABILITY: {Interpolation.HOLD},
    }
    assert row.interpolation in allowed[row.statistic]


@each
def test_categories_keep_their_values(row: Variable) -> None:
    """Directions and ceilings are not mixed with others either."""
    if row.flags:
        assert row.interpolation is Interpolation.NEAREST
        values = [flag.value for flag in row.flags]
        assert values == sorted(set(values))
        assert row.precision == 1
        assert row.units == "1"
        assert row.valid_min <= min(values) <= max(values) <= row.valid_max
        assert all(re.fullmatch(r"[a-z_]+", flag.meaning) for flag in row.flags)
        assert len({flag.meaning for flag in row.flags}) == len(values)


def test_a_wrong_name_gets_a_hint() -> None:
    assert variable("air_temperature_2m").units == "K"
    with pytest.raises(UnknownVariable, match="did you mean 'air_temperature_2m'"):
        variable("air_temperature2m")
    with pytest.raises(UnknownVariable, match="no variable 'xyz' in the catalogue"):
        variable("xyz")
