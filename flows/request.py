"""IngestRequest: what a person or a schedule may ask of an ingest; Job: the same, checked against a model."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from flows.errors import RequestError
from flows.leads import leads_in_words, parse_leads
from flows.model import Model
from storage.grids import Box
from storage.settings import Settings
from tasks.wanted import Mirror

_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T ]?(\d\d)(?::?(\d\d)(?::?00)?)?(Z|\+00:?00)?")


class IngestRequest(BaseModel):
    """One ingest. With no field set: the newest complete run, whole, from the model's own mirrors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    init_time: datetime | None = Field(
        default=None, description="the run to ingest (UTC); default: the newest complete one"
    )
    leads: str | None = Field(default=None, description="hours, such as 0-120,123-384/3; default: all the model has")
    bbox: str | None = Field(default=None, description="W,S,E,N in degrees: keep only this region")
    mirror: str | None = Field(
        default=None, description="a mirror's name, a URL or a folder laid out as the public bucket is"
    )
    files: tuple[Path, ...] = Field(default=(), description="GRIB files to scan instead of asking mirrors")
    bucket: str | None = Field(default=None, description="where to publish: a folder or s3://bucket/prefix")
    work: Path | None = Field(default=None, description="scratch folder")
    force: bool = Field(default=False, description="ingest again what is published already")
    no_gate: bool = Field(default=False, description="publish what the gate would withhold or refuse")
    dask: str | None = Field(default=None, description="Dask scheduler whose workers share what an ensemble takes")
    now: datetime | None = Field(default=None, description="look for the newest run as of this time (UTC)")

    def with_defaults(self, settings: Settings) -> IngestRequest:
        """The request with bucket and work folder filled in."""
        usual = {"bucket": settings.bucket, "work": settings.work, "dask": settings.dask_address}
        return self.model_copy(update={name: getattr(self, name) or value for name, value in usual.items()})


@dataclass(frozen=True)
class Job:
    """A request that makes sense for its model. `leads` None: all that the run, or the files, have."""

    init_time: datetime | None
    leads: tuple[int, ...] | None
    box: Box | None
    mirrors: tuple[Mirror, ...]
    files: tuple[Path, ...]
    bucket: str
    work: Path
    force: bool
    now: datetime
    no_gate: bool = False
    dask: str | None = None

    def run_leads(self, model: Model, init_time: datetime) -> tuple[int, ...]:
        """The leads (hours) to ingest of one run; raises RequestError for leads the run does not have."""
        try:
            leads = model.leads(init_time)
        except ValueError as error:
            raise RequestError(str(error)) from error
        if self.leads is None:
            return leads
        absent = sorted(set(self.leads) - set(leads))
        if absent:
            raise RequestError(
                f"{model.name} {init_time:%Y-%m-%dT%H:%MZ} has no lead {leads_in_words(absent)}; "
                f"its leads are {leads_in_words(leads)}"
            )
        return self.leads


def job_for(model: Model, request: IngestRequest) -> Job:
    """Check a request against its model; raises RequestError. `bucket` and `work` must be set."""
    if request.bucket is None or request.work is None:
        raise RequestError("a bucket and a work folder are needed: WINDLASS_BUCKET, WINDLASS_WORK or --bucket, --work")
    if request.files and request.mirror:
        raise RequestError("--files and --mirror exclude each other: files need no mirror")
    for file in request.files:
        if not file.is_file():
            raise RequestError(f"{file} is not a file")
    job = Job(
        init_time=_utc(request.init_time),
        leads=None if request.leads is None else parse_leads(request.leads),
        box=None if request.bbox is None else parse_box(request.bbox),
        mirrors=_mirrors(model, request.mirror),
        files=request.files,
        bucket=request.bucket,
        work=request.work.expanduser().absolute(),
        force=request.force,
        now=_utc(request.now) or datetime.now(UTC),
        no_gate=request.no_gate,
        dask=request.dask,
    )
    if job.init_time and not job.files:
        job.run_leads(model, job.init_time)
    return job


def parse_time(text: str) -> datetime:
    """A UTC time to the minute: 2026-04-20T06, 2026-04-20T06:00Z or 2026042006; raises RequestError."""
    match = _TIME.fullmatch(text.strip())
    try:
        if match:
            return datetime(*(int(group or 0) for group in match.groups()[:5]), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        pass
    raise RequestError(f"cannot read the time {text!r}: write UTC such as 2026-04-20T06")


def parse_box(text: str) -> Box:
    """'W,S,E,N' in degrees; W may exceed E across the antimeridian; raises RequestError."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise RequestError(f"cannot read the box {text!r}: write W,S,E,N in degrees such as -11,35,31,60") from None
    longitudes = all(math.isfinite(lon) and -180 <= lon <= 360 for lon in (west, east))
    if not longitudes or not -90 <= south < north <= 90 or west == east:
        raise RequestError(f"{text!r} is not a box W,S,E,N: -180 <= W, E <= 360, W != E, -90 <= S < N <= 90")
    return Box(west, south, east, north)


def _mirrors(model: Model, text: str | None) -> tuple[Mirror, ...]:
    """One of the model's mirrors by name, else a URL, else a folder; None: all of the model's, in order."""
    if text is None:
        return model.mirrors
    named = [mirror for mirror in model.mirrors if mirror.name == text]
    if named:
        return tuple(named)
    if text.startswith(("http://", "https://")):
        return (Mirror(urlsplit(text).netloc.rpartition("@")[2], text.rstrip("/")),)
    folder = Path(text).expanduser()
    if folder.is_dir():
        return (Mirror("folder", str(folder.absolute())),)
    names = ", ".join(mirror.name for mirror in model.mirrors)
    raise RequestError(f"{text!r} is no mirror of {model.name} ({names}), no URL and no existing folder")


def _utc(time: datetime | None) -> datetime | None:
    if time is None:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
