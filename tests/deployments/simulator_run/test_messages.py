"""Messages of a simulated run: how they are packed, and what weather they tell."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import eccodes
import numpy as np
import pytest

from deployments.simulator.amounts import Amounts
from deployments.simulator.parts import parts_of
from deployments.simulator.producers.ifs import IFS as ECMWF
from deployments.simulator.run import simulate_run
from deployments.simulator.values import values_of
from deployments.simulator.weather import Moment, Weather
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.model import Model
from storage.grids import LatLonGrid
from storage.variables import Statistic
from tests.deployments.simulator_run.files import LEADS, RUN, decoded, found, lines_of, value


def test_messages_are_packed_as_the_producer_packs_them(runs: dict[str, Path]) -> None:
    for model, lead, packing in ((GFS, 7, "grid_complex_spatial_differencing"), (IFS, 6, "grid_ccsds")):
        for _, message in lines_of(runs[model.name], model.products[0], lead):
            with decoded(message) as handle:
                assert eccodes.codes_get(handle, "packingType") == packing
                assert eccodes.codes_get(handle, "centre") == {"gfs": "kwbc", "ifs": "ecmf"}[model.name]
    ((_, message),) = found(GFS, runs["gfs"], 7, "air_temperature_2m")
    with decoded(message) as handle:
        assert eccodes.codes_get(handle, "decimalScaleFactor") == 1
        assert eccodes.codes_get(handle, "binaryScaleFactor") == 0


def test_values_decode_to_the_weather_within_the_packing_step(runs: dict[str, Path], model: Model) -> None:
    random = np.random.default_rng(7)
    for lead in LEADS[model.name][1:4]:
        lats, lons = random.choice(np.arange(-80, 90, 10), 6), random.choice(np.arange(-170, 180, 10), 6)
        for lat, lon in zip(lats, lons, strict=True):
            moment = Weather(np.array([float(lat)]), np.array([float(lon)])).at(
                RUN + timedelta(hours=lead), model.name, lead
            )
            for wanted in model.wanted:
                if not hasattr(Moment, wanted.name) or wanted.statistic is not Statistic.INSTANT:
                    continue
                ((_, message),) = found(model, runs[model.name], lead, wanted.name)
                with decoded(message) as handle:
                    scale = [eccodes.codes_get(handle, f"{base}ScaleFactor") for base in ("binary", "decimal")]
                step = 2.0 ** scale[0] / 10.0 ** scale[1]
                exact = float(getattr(moment, wanted.name)[0, 0]) / wanted.factor
                # The reference value is a float32.
                assert value(message, lat, lon) == pytest.approx(exact, abs=step * 0.51 + abs(exact) * 1e-7), (
                    wanted.name
                )


def test_amounts_reset_every_six_hours_at_ncep_and_never_at_ecmwf(runs: dict[str, Path]) -> None:
    def amount(model: Model, lead: int, start: int, name: str) -> np.ndarray:
        for field, message in found(model, runs[model.name], lead, name):
            if field.interval == (start * 60, lead * 60):
                with decoded(message) as handle:
                    return np.asarray(eccodes.codes_get_values(handle))
        raise LookupError(f"{name} {start}-{lead}")

    rain = "precipitation_amount_surface"
    total = amount(GFS, 12, 0, rain)
    np.testing.assert_allclose(amount(GFS, 6, 0, rain) + amount(GFS, 12, 6, rain), total, atol=0.002)
    assert (amount(GFS, 7, 6, rain) <= amount(GFS, 12, 6, rain) + 0.001).all()
    assert total.max() > 1
    shine = "downward_shortwave_flux_surface"
    part, whole = amount(GFS, 7, 6, shine), amount(GFS, 12, 6, shine)
    assert (part <= 6 * whole + 0.5).all()
    assert (np.diff([amount(IFS, lead, 0, rain) for lead in (3, 6, 9, 24, 150)], axis=0) >= -1e-5).all()
    joules = amount(IFS, 24, 0, shine)
    assert 5e6 < joules.max() < 4.5e7
    # Both models see nearly the same rain: metres and kilograms per square metre.
    assert 1000 * amount(IFS, 6, 0, rain).mean() == pytest.approx(amount(GFS, 6, 0, rain).mean(), rel=0.05)


def test_flags_in_the_file_agree_with_rain_in_the_file(runs: dict[str, Path]) -> None:
    def array(model: Model, lead: int, name: str) -> np.ndarray:
        ((_, message),) = found(model, runs[model.name], lead, name)
        with decoded(message) as handle:
            return np.asarray(eccodes.codes_get_values(handle))

    for lead in (0, 6, 24):
        wet = array(GFS, lead, "precipitation_rate_surface") > 0
        flags = sum(
            array(GFS, lead, f"categorical_{kind}_surface") for kind in ("rain", "snow", "ice_pellets", "freezing_rain")
        )
        np.testing.assert_array_equal(flags, wet.astype(float))
        code = array(IFS, lead, "precipitation_type_surface")
        np.testing.assert_array_equal(code > 0, array(IFS, lead, "precipitation_rate_surface") > 0)
        assert set(code) <= {0, 1, 3, 5, 6, 7, 8}


def test_the_gust_of_a_step_is_the_strongest_of_its_hours() -> None:
    weather = Weather(np.array([50.0]), np.arange(0.0, 360.0, 10.0))
    amounts = Amounts(weather, RUN, "ifs", ())
    (part,) = (part for part in parts_of(IFS, IFS.products[0], ECMWF) if part.wanted.name == "wind_gust_10m")
    assert part.interval(9000, 8640, 0) == (8640, 9000)
    for start, end in ((0, 180), (180, 360)):
        amounts.advance(end, frozenset((start, end)))
        strongest = values_of(part, (start, end), amounts, amounts.moment(end))
        hours = [amounts.moment(hour).wind_gust_10m for hour in range(start, end + 1, 60)]
        np.testing.assert_array_equal(strongest, np.max(hours, axis=0))


@pytest.mark.parametrize(
    "grid",
    [
        LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36),
        LatLonGrid(-90.0, 10.0, 19, 180.0, 10.0, 36),
        LatLonGrid(40.0, 0.25, 9, -1.0, 0.25, 9),
        LatLonGrid(42.0, -0.25, 9, 179.0, 0.25, 9),
    ],
    ids=["globe", "south to north from 180", "2 degrees across Greenwich", "2 degrees across 180"],
)
def test_any_grid_says_the_same_about_a_place(tmp_path: Path, grid: LatLonGrid, model: Model) -> None:
    simulate_run(tmp_path, model, RUN, (6,), grid)
    ((_, message),) = found(model, tmp_path, 6, "air_pressure_mean_sea_level")
    for y, x in ((0, 0), (grid.ny // 2, grid.nx // 2), (grid.ny - 1, grid.nx - 1)):
        lat, lon = grid.lat0 + y * grid.dlat, grid.lon0 + x * grid.dlon
        moment = Weather(np.array([lat]), np.array([lon])).at(RUN + timedelta(hours=6), model.name, 6)
        assert value(message, lat, lon) == pytest.approx(float(moment.air_pressure_mean_sea_level[0, 0]), abs=0.6)
    with decoded(message) as handle:
        assert eccodes.codes_get(handle, "jScansPositively") == (grid.dlat > 0)
        assert np.allclose(np.unique(eccodes.codes_get_array(handle, "distinctLatitudes")), sorted(grid.axes()[1]))
