"""`windlass terrain`: maps of heights become the store that serving leads temperatures to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from storage.grids import LatLonGrid
    from tasks.atlases import Atlas
    from tasks.raster import Raster
    from tasks.terrain import Told
    from tasks.terrain_grid import Recipe

HELP = """Make a store of the terrain: how high places lie, for [bold]WINDLASS_TERRAIN[/bold].

A model's ground is smooth: a valley of the Alps lies 1,000 m too high in it, and its forecast is 6.5 K too cold. With \
this store the API leads temperatures and dew points from the height of the model's ground to that of the \
place, by 0.0065 K a metre, and tells its [bold]elevation[/bold]. Models whose ground is not known stay as they are.

[bold]Where to get maps[/bold] (all free; download whole files of them yourself)

  etopo2022    ETOPO 2022, NOAA NCEI: one file of the globe, 60 or 30 seconds, or tiles of 15; take "surface". Public \
domain. Tells the depth of the sea, too.
  gmted2010    GMTED2010, USGS: tiles of 30, 15 or 7.5 seconds; take "mea", the mean. Public domain. No Arctic sea; \
15 and 7.5 seconds end at 56 south and lack Greenland.
  copernicus   Copernicus DEM GLO-90, bucket copernicus-dem-90m (no account: --no-sign-request): 26,470 tiles of 1 \
degree, 3 seconds. Roofs and treetops. None of the open sea. Its attribution must be shown. GLO-30 lacks some \
countries: say --missing unknown with it.

Any other map will do that GDAL reads (GeoTIFF, NetCDF, .hgt, .bil, .asc, ...) in metres along latitudes and \
longitudes; say whose it is with --attribution and --licence. A folder means all maps below it.

[bold]Examples[/bold]

  windlass terrain ETOPO_2022_v1_60s_N90W180_surface.tif --atlas etopo2022 --plan
  windlass terrain ETOPO_2022_v1_60s_N90W180_surface.tif --atlas etopo2022
  windlass terrain tiles/ --atlas copernicus --bbox=5,45,11,48 --step 15 --to alps.zarr.zip
  export WINDLASS_TERRAIN=alps.zarr.zip; windlass serve
  windlass store point alps.zarr.zip 46.02 7.75      what it says of Zermatt

[bold]How fine[/bold] 60 seconds (1.9 km) are enough for a globe and help most in valleys of some breadth; 30 seconds \
follow narrow ones. --plan says what a choice takes. Each cell is the mean of the pixels in it, so maps are only made \
coarser, never finer.

[bold]What nobody knows[/bold] stays unknown: there nothing is corrected. Where missing tiles mean the sea, \
--missing sea makes it 0 m. Maps of the sea's floor need --sea-floor, or the coast would lie too low; land below the \
sea then counts as 0 m, too (the Dead Sea's shore: 2.8 K). --atlas knows both for its maps.
"""


def terrain(
    maps: Annotated[list[str], typer.Argument(metavar="MAP...", help="Files, or folders of them.")],
    to: Annotated[
        Path, typer.Option(metavar="PATH", help="The store, which is replaced once the new one is whole.")
    ] = Path("terrain.zarr.zip"),
    step: Annotated[
        float, typer.Option(metavar="SECONDS", help="Size of a cell, seconds of arc; it goes into 180 degrees.")
    ] = 60.0,
    bbox: Annotated[
        str | None, typer.Option(metavar="W,S,E,N", help="Only this region, degrees; W > E crosses 180.")
    ] = None,
    atlas: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which map it is: etopo2022, gmted2010 or copernicus.")
    ] = None,
    attribution: Annotated[str | None, typer.Option(metavar="TEXT", help="Whom to thank for other maps.")] = None,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="The terms of other maps.")] = None,
    missing: Annotated[
        str | None, typer.Option(metavar="unknown|sea", help="What it is where no map tells a height.")
    ] = None,
    sea_floor: Annotated[
        bool, typer.Option("--sea-floor", help="The maps tell the depth of the sea: below 0 m is 0 m.")
    ] = False,
    nodata: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Stands for nothing known, where a map does not say so.")
    ] = None,
    band: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The band of heights, where there are more.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what it would take, and end.")] = False,
) -> None:
    from datetime import UTC, datetime

    from deployments.console import fail, progress_bar, require_extra, say

    require_extra("terrain", "rasterio")
    from flows.request import parse_box
    from tasks.raster import files_of, look
    from tasks.terrain import write_terrain
    from tasks.terrain_grid import Recipe, grid_for

    named = _atlas(atlas, attribution, licence)
    if missing not in (None, "unknown", "sea"):
        raise typer.BadParameter(f"--missing is unknown or sea, not {missing}")
    recipe = Recipe(
        step,
        parse_box(bbox) if bbox else None,
        sea_floor or named.sea_floor,
        named.missing_is_sea if missing is None else missing == "sea",
    )
    files = files_of(maps)
    with progress_bar("look at maps") as advance:
        rasters = []
        for number, name in enumerate(files, 1):
            rasters.append(look(name, band, nodata))
            advance(number, len(files))
    say(plan_in_words(rasters, grid_for(rasters, recipe)))
    if plan:
        return
    path = to.expanduser().absolute()
    if not path.parent.is_dir():
        fail(f"no folder {path.parent}")
    with progress_bar("terrain") as advance:
        told = write_terrain(
            path,
            rasters,
            recipe,
            made=datetime.now(UTC),
            attribution=named.attribution,
            licence=named.licence,
            progress=advance,
        )
    say(told_in_words(path, told, recipe))


terrain.__doc__ = HELP


def plan_in_words(rasters: list[Raster], grid: LatLonGrid) -> str:
    """What a store will be, and what making it takes."""
    from storage.sizes import size_in_words
    from tasks.terrain import working_bytes

    pixels = sum(raster.rows * raster.columns for raster in rasters)
    cells = grid.ny * grid.nx
    return (
        f"maps     {len(rasters)}, {pixels / 1e6:,.1f} million pixels\n"
        f"cells    {grid.ny} x {grid.nx}, {cells / 1e6:,.1f} million of {grid.dlon * 3600:g} seconds: {grid.extent()}\n"
        f"disk     up to {size_in_words(cells * 2)}, less over the sea and plains\n"
        f"memory   about {size_in_words(working_bytes(grid))}"
    )


def told_in_words(path: Path, told: Told, recipe: Recipe) -> str:
    """What came of it, and what to do with it."""
    from storage.sizes import size_in_words

    missing = f"{100 * told.missing / told.cells:.1f} % of the cells no map tells of"
    lines = [
        f"made     {path}, {size_in_words(path.stat().st_size)}, heights {told.lowest:.0f} to {told.highest:.0f} m",
        f"missing  {missing}: {'the sea, 0 m' if recipe.missing_is_sea else 'unknown, nothing is corrected there'}",
    ]
    if told.flattened:
        lines.append(f"sea      {told.flattened} pixels below 0 m are its surface now")
    return "\n".join([*lines, f"use      export WINDLASS_TERRAIN={path}, and start windlass serve again"])


def _atlas(name: str | None, attribution: str | None, licence: str | None) -> Atlas:
    """Whose the maps are, by a known name or by what was said."""
    from tasks.atlases import ATLASES, Atlas

    if name is None:
        if not attribution or not licence:
            _unknown_owner(list(ATLASES))
        return Atlas("other", attribution, licence)
    known = ATLASES.get(name)
    if known is None:
        raise typer.BadParameter(f"no atlas {name}: there are {', '.join(ATLASES)}; leave it out for any other map")
    return Atlas(
        name, attribution or known.attribution, licence or known.licence, known.sea_floor, known.missing_is_sea
    )


def _unknown_owner(known: list[str]) -> NoReturn:
    raise typer.BadParameter(
        f"whose map is it? Say --atlas {', '.join(known)}, or --attribution and --licence: the store keeps them"
    )
