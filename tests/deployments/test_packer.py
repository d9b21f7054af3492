"""Complex packing: ecCodes reads exactly the whole numbers that were put in, in about as many octets as NCEP takes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from deployments.simulator.packer import MOST_STEPS, Packed, pack_complex

GAP = np.nan
ABSENT = 1e300


def power_of_ten(exponent: int) -> float:
    """As ecCodes has it: one factor after the other."""
    power = 1.0
    for _ in range(abs(exponent)):
        power = power * 10.0 if exponent > 0 else power / 10.0
    return power


def message_of(packed: Packed, header: bytes) -> bytes:
    """A message with the sections 0 to 4 of another one."""
    body = header[16:] + b"".join(packed) + b"7777"
    return header[:8] + (16 + len(body)).to_bytes(8, "big") + body


def header_of(points: int) -> bytes:
    """Sections 0 to 4 of a message of one row."""
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    for key, value in {"Ni": points, "Nj": 1, "numberOfDataPoints": points}.items():
        eccodes.codes_set(handle, key, value)
    header = eccodes.codes_get_message(handle)[: eccodes.codes_get_long(handle, "offsetSection5")]
    eccodes.codes_release(handle)
    return bytes(header)


def decode(message: bytes, *keys: str) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """What ecCodes says: values, NaN = missing, and some keys."""
    handle = eccodes.codes_new_from_message(message)
    end = sum(eccodes.codes_get_long(handle, key) for key in ("offsetSection7", "section7Length"))
    assert message[end:] == b"7777"
    eccodes.codes_set(handle, "missingValue", ABSENT)
    values = np.asarray(eccodes.codes_get_values(handle))
    told = {key: eccodes.codes_get(handle, key) for key in keys}
    eccodes.codes_release(handle)
    return np.where(values == ABSENT, np.nan, values), told


def there_and_back(
    whole: NDArray[np.float64], digits: int, order: int, binary: int, *keys: str
) -> tuple[Packed, dict[str, Any]]:
    """Pack multiples of 10^-digits x 2^binary; ecCodes must read the very same doubles."""
    values = whole * 2.0**binary * power_of_ten(-digits)
    packed = pack_complex(values, digits, order, binary)
    found, told = decode(message_of(packed, header_of(len(whole))), "missingValueManagementUsed", *keys)
    np.testing.assert_array_equal(found, values)
    assert told["missingValueManagementUsed"] == np.isnan(whole).any()
    return packed, told


CASES: dict[str, list[float]] = {
    "constant": [5.0] * 20,
    "all missing": [GAP] * 30,
    "one value": [-3.0],
    "one value, missing": [GAP],
    "two values": [3.0, 9.0],
    "three values": [3.0, 9.0, -40.0],
    "one value among missing ones": [GAP, GAP, 5.0, GAP],
    "two values among missing ones": [GAP, 3.0, GAP, 7.0, GAP],
    "a single missing value": [1.0, 2.0, GAP, 4.0, 5.0, 7.0, 8.0, 9.0, 3.0, 4.0, 1.0],
    "a constant with a gap": [7.0] * 9 + [GAP] + [7.0] * 9,
    "missing runs": [1.0] * 10 + [GAP] * 50 + [3.0, 5.0, 9.0, 100.0] * 5 + [GAP] * 3,
    # The references 0 and 3 leave two bits' all ones free, which is the missing group's, if they are given three.
    "a missing group beside the highest reference": [0.0] * 40 + [GAP] * 40 + [3.0] * 40,
    "negative": [-5.0, -7.0, -9.0, 3.0, -1.0, -1.0],
    "sawtooth of the widest range": [0.0, MOST_STEPS] * 9 + [7.0],
    "widest range about nought": [-MOST_STEPS / 2, MOST_STEPS / 2, 0.0] * 5,
    "far from nought": [-(2.0**40) - 3 * step**2 for step in range(20)] + [GAP],
    "odd length": [float(step**2 % 31) for step in range(333)],
    "calm and rough": [float(step % 3) for step in range(500)] + [float(step**3 % 999) for step in range(301)],
}


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("case", CASES)
def test_eccodes_reads_what_was_packed(case: str, order: int) -> None:
    for digits in (0, 2, -1):
        _, told = there_and_back(
            np.array(CASES[case]), digits, order, 0, "packingType", "decimalScaleFactor", "numberOfMissing"
        )
        spatial = "grid_complex_spatial_differencing" if order else "grid_complex"
        assert told["packingType"] == spatial
        assert told["decimalScaleFactor"] == digits
        assert told["numberOfMissing"] == np.isnan(CASES[case]).sum()


@st.composite
def fields(draw: st.DrawFn) -> NDArray[np.float64]:
    """Whole numbers in pieces, each calm, rough, constant or missing, with some points missing."""
    size = draw(st.integers(1, 400))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    whole = np.empty(size)
    edges = [0, *sorted(draw(st.lists(st.integers(0, size), max_size=6))), size]
    for start, stop in pairwise(edges):
        spread = draw(st.sampled_from((0, 1, 2, 9, 200, 40_000, 8_000_000)))
        level = draw(st.integers(-8_000_000, 8_000_000))
        whole[start:stop] = level + random.integers(-spread, spread, stop - start, endpoint=True)
        if draw(st.integers(0, 4)) == 0:
            whole[start:stop] = np.nan
    for point in draw(st.lists(st.integers(0, size - 1), max_size=5)):
        whole[point] = np.nan
    return whole


@settings(deadline=None)
@given(fields(), st.integers(-3, 6), st.integers(0, 2), st.integers(-4, 4))
def test_any_field_comes_back(whole: NDArray[np.float64], digits: int, order: int, binary: int) -> None:
    there_and_back(whole, digits, order, binary)


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=50), st.integers(-1, 3), st.integers(-3, 3))
@settings(deadline=None)
def test_values_between_the_steps_are_rounded(values: list[float], digits: int, binary: int) -> None:
    found, _ = decode(message_of(pack_complex(np.array(values), digits, 2, binary), header_of(len(values))))
    step = 2.0**binary * 10.0**-digits
    np.testing.assert_allclose(found, values, rtol=1e-12, atol=step * (0.5 + 1e-9))


def test_the_reference_is_the_lowest_value_as_ncep_writes_it() -> None:
    def reference(values: list[float], digits: int, binary: int) -> float:
        packed = pack_complex(np.array(values), digits, 2, binary)
        return float(decode(message_of(packed, header_of(len(values))), "referenceValue")[1]["referenceValue"])

    assert reference([281.26, 270.12, 290.0], 1, 0) == 2701.0
    assert reference([281.26, 270.125, 290.0], 1, -4) == 2701.25
    # No float32 is 2^24 + 1: the next one below must do, for whole numbers have no sign.
    assert reference([2.0**24 + 1, 2.0**24 + 9], 0, 0) == 2.0**24


def test_groups_follow_the_field() -> None:
    """A hundred rough points cost no more where the rest of the field is calm."""
    rough = np.random.default_rng(1).integers(0, 2**20, 100).astype(float)
    calm = np.zeros(20_000)
    calm[9_950:10_050] = rough
    packed, told = there_and_back(calm, 0, 0, 0, "numberOfGroupsOfDataValues")
    assert 100 * 20 / 8 < len(packed.section7) < 100 * 20 / 8 + 60
    assert told["numberOfGroupsOfDataValues"] < 20
    # Nor do runs of missing values.
    calm[:9_000] = np.nan
    assert len(there_and_back(calm, 0, 0, 0)[0].section7) < 100 * 20 / 8 + 60


ROWS, COLUMNS = 120, 150


def smooth(seed: int) -> NDArray[np.float64]:
    """A field of ROWS x COLUMNS from -1 to 1 with waves of many lengths, rough in the middle."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:ROWS, :COLUMNS] / 20.0
    waves = [np.sin(k * x + random.uniform(1, k) * y + random.uniform(0, 6)) / k**1.5 for k in range(1, 8)]
    rough = np.exp(-((x - 4.0) ** 2) - (y - 3.0) ** 2) * random.normal(0.0, 0.3, x.shape)
    return np.tanh(np.sum(waves, axis=0) + rough).ravel()


@pytest.mark.parametrize(
    ("whole", "ratio"),
    [
        (np.rint(3000 * smooth(1)), 1.01),
        (np.rint(500 * np.maximum(smooth(2) - 0.5, 0.0)), 1.13),
        (np.rint(60 + 100 * smooth(3)).clip(0, 100), 1.07),
        ((smooth(4) > 0.5).astype(float), 1.17),
    ],
    ids=["wind", "rain", "clouds", "category"],
)
def test_groups_are_hardly_larger_than_those_of_eccodes(whole: NDArray[np.float64], ratio: float) -> None:
    """Nor where a field is calm between edges, for which NCEP itself takes 7 % more than ecCodes."""
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    eccodes.codes_set(handle, "Ni", COLUMNS)
    eccodes.codes_set(handle, "Nj", ROWS)
    eccodes.codes_set_values(handle, whole)
    eccodes.codes_set(handle, "packingType", "grid_complex_spatial_differencing")
    eccodes.codes_set(handle, "orderOfSpatialDifferencing", 2)
    eccodes.codes_set(handle, "bitsPerValue", int(whole.max() - whole.min()).bit_length())
    eccodes.codes_set_values(handle, whole)
    np.testing.assert_array_equal(eccodes.codes_get_values(handle), whole)
    theirs = eccodes.codes_get_long(handle, "section7Length")
    eccodes.codes_release(handle)
    packed, _ = there_and_back(whole, 0, 2, 0)
    assert 0.95 * theirs < len(packed.section7) < ratio * theirs


def test_missing_values_take_no_bitmap() -> None:
    packed, told = there_and_back(np.array([1.0, GAP, 3.0]), 0, 2, 0, "bitmapPresent", "numberOfValues")
    assert packed.section6 == b"\0\0\0\6\6\xff"
    assert told["bitmapPresent"] == 0
    assert told["numberOfValues"] == 3


def test_the_same_values_give_the_same_bytes() -> None:
    values = np.random.default_rng(2).normal(280.0, 20.0, 5000).astype(np.float32)
    values[700:800] = np.nan
    packed = pack_complex(values, 1)
    assert pack_complex(values.copy(), 1) == packed
    assert pack_complex(values.astype(np.float64), 1) == packed


@pytest.mark.parametrize(
    ("values", "order", "told"),
    [
        ([], 2, "no values"),
        ([1.0, np.inf], 2, "from 1.0 to inf"),
        ([-np.inf, GAP], 2, "from -inf to -inf"),
        ([0.0, MOST_STEPS + 1.0], 2, "2.14748e[+]09 steps of 10.0 x 2.0 apart"),
        ([1e39, 1e39], 2, "apart"),
        ([-1e39, -1e39], 2, "apart"),
        ([1.0], 3, "not 3"),
    ],
)
def test_what_can_not_be_packed_is_refused(values: list[float], order: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        pack_complex(np.array(values), 0, order)


REAL = (
    "gfs/gfs.20210604.t12z.pgrb2.0p25.f000.wind.grib2",
    "gfs/gribberish_gfs.t12z.pgrb2.0p25.f023-PV-TMP-missing.grib2",
    "gefs/GFSE_20210416_0000_avg_f006.grib2",
    "hrrr/gribberish_hrrr.t06z.wrfsfcf01-TMP.grib2",
    "hrrr/subset_20201214_hrrr.t00z.wrfsfcf12.grib2",
    "nbm/grib2io_blend.t00z.core.f001.tmp.co.grib2",
)


@pytest.mark.parametrize("name", REAL)
def test_real_fields_take_as_many_octets_as_at_their_producers(name: str, shared_data: Path) -> None:
    with (shared_data / name).open("rb") as file:
        handle = eccodes.codes_grib_new_from_file(file)
    message = eccodes.codes_get_message(handle)
    header, length = message[: eccodes.codes_get_long(handle, "offsetSection5")], len(message)
    keys = ("decimalScaleFactor", "orderOfSpatialDifferencing", "binaryScaleFactor")
    digits, order, binary = (eccodes.codes_get_long(handle, key) for key in keys)
    eccodes.codes_release(handle)
    values, _ = decode(message)
    packed = message_of(pack_complex(values, digits, order, binary), header)
    found, _ = decode(packed)
    # wgrib2 writes references that are no whole numbers: then the steps lie elsewhere.
    np.testing.assert_allclose(found, values, rtol=1e-12, atol=0.5001 * 2.0**binary * 10.0**-digits)
    # NBM's own groups hold 18 points each, which is not the best that can be done.
    assert (0.83 if name.startswith("nbm") else 0.93) < len(packed) / length < 1.02
