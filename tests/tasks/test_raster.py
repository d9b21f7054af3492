"""Maps of heights: what they say of themselves, read as they are, and refused in words that help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rasterio", reason="windlass[terrain] is not installed")

from tasks.raster import Raster, RasterError, files_of, look
from tests.tasks.maps import hills, write_map


def read(raster: Raster, first: int = 0, last: int | None = None) -> Any:
    """All the parts together."""
    last = raster.rows if last is None else last
    whole = np.full((last - first, raster.columns), 12345.0, np.float32)
    for row, column, part in raster.read(first, last):
        assert part.dtype == np.float32
        whole[row - first : row - first + part.shape[0], column : column + part.shape[1]] = part
    return whole


@pytest.mark.parametrize("driver", ["GTiff", "AAIGrid", "EHdr", "ENVI"])
def test_a_map_says_where_it_lies(tmp_path: Path, driver: str) -> None:
    made = hills(40, 60)
    if driver == "AAIGrid":
        import rasterio.shutil

        write_map(tmp_path / "first.tif", made, 5.0, 48.0, 0.25)
        rasterio.shutil.copy(str(tmp_path / "first.tif"), str(tmp_path / "map.asc"), driver=driver)
        raster = look(str(tmp_path / "map.asc"))
    else:
        raster = look(write_map(tmp_path / "map.bil", made, 5.0, 48.0, 0.25, driver=driver))
    assert (raster.rows, raster.columns) == (40, 60)
    assert (raster.west, raster.north, raster.east, raster.south) == pytest.approx((5.0, 48.0, 20.0, 38.0))
    np.testing.assert_array_equal(read(raster), made)
    np.testing.assert_array_equal(read(raster, 7, 29), made[7:29])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compress": "lzw"},
        {"compress": "deflate", "predictor": 2},
        {"tiled": True, "blockxsize": 64, "blockysize": 32, "compress": "deflate"},
        {"driver": "COG", "compress": "zstd"},
    ],
    ids=str,
)
def test_parts_are_the_whole_however_it_is_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr("tasks.raster.AT_ONCE", 5000)
    made = hills(150, 333)
    raster = look(write_map(tmp_path / "map.tif", made, -10.0, 60.0, 0.1, **options))
    np.testing.assert_array_equal(read(raster), made)
    np.testing.assert_array_equal(read(raster, 63, 131), made[63:131])
    assert max(part.size for *_, part in raster.read(0, 150)) <= max(5000, raster.tile * raster.columns)


def test_what_is_not_known_is_missing(tmp_path: Path) -> None:
    made = hills(10, 10)
    made[2, 3], made[4, 5] = -9999, -1
    raster = look(write_map(tmp_path / "map.tif", made, 0.0, 10.0, 1.0, nodata=-9999), blank=-1.0)
    told = read(raster)
    assert np.isnan(told[2, 3])
    assert np.isnan(told[4, 5])
    assert np.isfinite(told).sum() == 98
    real = hills(4, 4).astype(np.float32)
    real[1, 1] = np.nan
    assert np.isnan(read(look(write_map(tmp_path / "real.tif", real, 0.0, 10.0, 1.0)))).sum() == 1


def test_scaled_numbers_are_heights(tmp_path: Path) -> None:
    import rasterio

    path = write_map(tmp_path / "map.tif", hills(4, 4), 0.0, 10.0, 1.0)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5,), (-100.0,)
    np.testing.assert_array_equal(read(look(path)), hills(4, 4) * 0.5 - 100.0)


def test_a_map_cut_short_is_told(tmp_path: Path) -> None:
    path = Path(write_map(tmp_path / "map.tif", hills(300, 300), 0.0, 50.0, 0.1))
    path.write_bytes(path.read_bytes()[:90_000])
    raster = look(str(path))
    np.testing.assert_array_equal(read(raster, 0, 20), hills(300, 300)[:20])
    with pytest.raises(RasterError, match=r"map.tif, cut short perhaps, cannot be read in rows \d+ to \d+: "):
        read(raster)
    path.write_bytes(path.read_bytes()[:6])
    with pytest.raises(RasterError, match=r"map.tif is no map that can be read: "):
        look(str(path))
    path.write_text("<html>Please log in</html>")
    with pytest.raises(RasterError, match=r"map.tif is no map that can be read: .*not recognized"):
        look(str(path))


@pytest.mark.parametrize(
    ("heights", "options", "why"),
    [
        (hills(4, 4), {"crs": "EPSG:32632"}, r"lies on a map projection \(EPSG:32632\).* gdalwarp -t_srs EPSG:4326"),
        (hills(4, 4), {"crs": "EPSG:3857"}, "lies on a map projection"),
        (hills(4, 4), {"units": "ft"}, "tells heights in 'ft', and metres are wanted"),
        (hills(4, 4).astype(np.uint8), {}, "holds no heights: its band 1 is uint8"),
        (np.stack([hills(4, 4)] * 2), {}, r"has 2 bands \(1: no name, 2: no name\): say with --band"),
        (np.zeros((4, 4), np.complex64), {}, "holds no heights: its band 1 is complex64"),
    ],
    ids=["utm", "web", "feet", "bytes", "bands", "complex"],
)
def test_other_pictures_are_refused(tmp_path: Path, heights: Any, options: dict[str, Any], why: str) -> None:
    path = write_map(tmp_path / "map.tif", heights, 10.0, 50.0, 0.1, **options)
    with pytest.raises(RasterError, match=why):
        look(path)


def test_metres_that_say_they_are_nothing_are_no_degrees(tmp_path: Path) -> None:
    path = write_map(tmp_path / "map.tif", hills(4, 4), 400_000.0, 5_300_000.0, 90.0, crs=None)
    with pytest.raises(RasterError, match=r"reaches from 400000, 5.29964e\+06 .* no degrees on Earth"):
        look(path)
    assert look(write_map(tmp_path / "bare.tif", hills(4, 4), 10.0, 50.0, 0.1, crs=None)).north == 50.0


def test_a_map_that_stands_on_its_head_is_refused(tmp_path: Path) -> None:
    from rasterio.transform import Affine

    path = write_map(tmp_path / "map.tif", hills(4, 4), 0.0, 0.0, 1.0, transform=Affine(0.1, 0, 5, 0, 0.1, 40))
    with pytest.raises(RasterError, match="does not run from west to east and from north to south"):
        look(path)


def test_a_picture_without_a_place_is_refused(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    from rasterio.transform import Affine

    path = write_map(tmp_path / "map.tif", hills(4, 4), 0.0, 0.0, 1.0, crs=None, transform=Affine.identity())
    recwarn.clear()
    with pytest.raises(RasterError, match="does not say where on Earth it lies"):
        look(path)
    assert not recwarn.list


def test_netcdf_of_any_order_and_of_several_variables(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("scipy", reason="writes NetCDF here")
    made = hills(40, 60).astype(np.float32)
    lats = ("lat", 48.0 - 0.125 - 0.25 * np.arange(40)[::-1], {"units": "degrees_north"})
    lons = ("lon", 5.125 + 0.25 * np.arange(60), {"units": "degrees_east"})
    northward = xarray.Dataset({"z": (("lat", "lon"), made[::-1])}, coords={"lat": lats, "lon": lons})
    northward.to_netcdf(tmp_path / "one.nc", engine="scipy")
    raster = look(str(tmp_path / "one.nc"))
    assert (raster.west, raster.north) == pytest.approx((5.0, 48.0))
    np.testing.assert_array_equal(read(raster), made)
    northward.assign(sid=northward.z * 0).to_netcdf(tmp_path / "two.nc", engine="scipy")
    with pytest.raises(RasterError, match=r"two.nc holds no band of pixels; it holds .*two.nc:z, .*two.nc:sid: name"):
        look(str(tmp_path / "two.nc"))
    np.testing.assert_array_equal(read(look(f"NETCDF:{tmp_path / 'two.nc'}:z")), made)


def test_a_band_can_be_named(tmp_path: Path) -> None:
    bands = np.stack([hills(4, 4, 1), hills(4, 4, 2)])
    path = write_map(tmp_path / "map.tif", bands, 10.0, 50.0, 0.1)
    np.testing.assert_array_equal(read(look(path, band=2)), bands[1])
    with pytest.raises(RasterError, match="has no band 3: it has 2"):
        look(path, band=3)


def test_folders_stand_for_the_maps_below_them(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("b.tif", "a.TIF", "readme.html", "below/c.hgt", "below/c.hgt.aux.xml"):
        (tmp_path / name).touch()
    assert files_of([str(tmp_path)]) == sorted(str(tmp_path / name) for name in ("a.TIF", "b.tif", "below/c.hgt"))
    assert files_of([str(tmp_path / "b.tif"), "NETCDF:x.nc:z"]) == [str(tmp_path / "b.tif"), "NETCDF:x.nc:z"]
    with pytest.raises(RasterError, match=r"no file .*nothing\.tif"):
        files_of([str(tmp_path / "nothing.tif")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(RasterError, match=r"empty holds no file that ends with \.tif"):
        files_of([str(tmp_path / "empty")])
