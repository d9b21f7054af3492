"""Sunlight over an hour out of its fluxes at moments, against integrals of the flux itself."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.merge import Mix, Reading
from serving.plan import plan_of
from serving.preference import When
from serving.quantities import INDEX, Group
from serving.slots import Slots
from serving.sun import sine_of_elevation

MOMENTS, MEANS = "downward_shortwave_flux_instant_surface", "downward_shortwave_flux_surface"
INIT = datetime(2026, 6, 21, tzinfo=UTC)
START = int(INIT.timestamp())
NAN = math.nan
PART = frozenset((group, when) for group in Group for when in When)


def flux(instant: float, lat: float, lon: float) -> float:
    """Under a clear sky, W m-2: Haurwitz (1945), 1098 mu exp(-0.057 / mu)."""
    mu = sine_of_elevation(instant, lat, lon)
    return 1098.0 * mu * math.exp(-0.057 / mu) if mu > 0.0 else 0.0


def means(starts: NDArray[np.int64], length: int, lat: float, lon: float) -> NDArray[np.float64]:
    """The true mean of each span, by a sum over half minutes."""
    return np.array([np.mean([flux(start + s, lat, lon) for s in range(15, length, 30)]) for start in starts.tolist()])


def told(stores: list[Any], starts: NDArray[np.int64], length: int, lat: float, lon: float) -> Any:
    mix = Mix(Slots(starts, starts + length), lat, lon)
    for store in stores:
        mix.take(Reading(plan_of(store.schema), store.values), PART)
    return mix.done()


@pytest.mark.parametrize(("lat", "lon"), [(39.7, -105.0), (0.0, 0.0), (-45.0, 170.0), (66.0, 25.0)])
@pytest.mark.parametrize("step", [1, 3])
def test_hours_are_as_bright_as_the_sky_was(series_store: Any, lat: float, lon: float, step: int) -> None:
    leads = range(0, 25, step)
    store = series_store("hrrr", INIT, leads, {MOMENTS: [flux(START + 3600 * lead, lat, lon) for lead in leads]})
    starts = START + 3600 * np.arange(24, dtype=np.int64)
    found = told([store], starts, 3600, lat, lon)["solar"]
    truth = means(starts, 3600, lat, lon)
    known = ~np.isnan(found)
    assert known.sum() >= (24 if step == 1 else 22)
    # The worst is an hour of dawn of which three-hourly leads know the bright end only.
    assert np.abs(found - truth)[known].max() < (20.0 if step == 1 else 70.0)
    assert abs(found[known].sum() - truth[known].sum()) < 0.03 * truth.sum()


def test_a_moment_at_a_lead_is_what_the_lead_says(series_store: Any) -> None:
    lat, lon = 39.7, -105.0
    values = [flux(START + 3600 * lead, lat, lon) * (0.4 + 0.02 * lead) for lead in range(25)]
    store = series_store("hrrr", INIT, range(25), {MOMENTS: values})
    starts = START - 30 + 3600 * np.arange(1, 24, dtype=np.int64)
    found = told([store], starts, 60, lat, lon)["solar"]
    np.testing.assert_allclose(found, values[1:24], rtol=0.02, atol=1.0)


def test_a_day_between_two_dark_leads_is_not_known(series_store: Any) -> None:
    store = series_store("nbm", INIT, (0, 6), {MOMENTS: [0.0, 0.0]})
    # Noon is at three, and the sun seven degrees high.
    noon = told([store], START + 3600 * np.arange(6, dtype=np.int64), 3600, -60.0, 135.0)["solar"]
    assert np.isnan(noon).any()
    dark = told([store], START + 3600 * np.arange(6, dtype=np.int64), 3600, -80.0, 135.0)["solar"]
    np.testing.assert_array_equal(dark, np.zeros(6))


def test_a_missing_lead_is_missing_and_the_next_model_tells(series_store: Any) -> None:
    lat, lon = 0.0, 0.0
    values = [500.0] * 25
    values[12] = NAN
    first = series_store("hrrr", INIT, range(25), {MOMENTS: values})
    second = series_store("gfs", INIT, range(25), {MEANS: 100.0})
    starts = START + 3600 * np.arange(24, dtype=np.int64)
    merged = told([first, second], starts, 3600, lat, lon)
    assert np.flatnonzero(merged.who[INDEX["solar"]] == 1).tolist() == [11, 12]
