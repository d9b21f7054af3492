"""Is what is served what is published? A sync that runs, and brings nothing, turns red here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from pydantic import BaseModel, Field

from flows.chore import chore
from flows.errors import NotServed
from storage.bucket import Bucket, open_bucket
from storage.freshness import age_in_word, end_of
from storage.manifest import models_in, read_manifest
from storage.run_time import run_time
from storage.settings import Settings
from tasks.incidents import Incident, Kind, close_incident, open_incident
from tasks.incidents import Served as StillServed
from tasks.lag import Comparison, Lag, Unanswered, compare, served_by, served_from

GRACE_MINUTES = 20
"""A sync looks every ten seconds, and brings 4 GB in some more."""
SILENT = "serving"
"""Whom the incident befalls where nobody says what is served."""


class ServedThere(BaseModel):
    """One model as one place serves it. Minutes; `age_minutes` of the data served, None where there are none."""

    where: str
    model: str
    state: Lag
    lag_minutes: int
    age_minutes: int | None
    text: str


class SyncCheck(BaseModel):
    """What is served everywhere, held against the bucket. `silent`: who did not say what they serve, and why."""

    bucket: str
    models: list[ServedThere] = Field(default_factory=list)
    silent: list[str] = Field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        """What is wrong, in words."""
        return [*self.silent, *(f"{row.where}: {row.text}" for row in self.models if row.state is Lag.BROKEN)]

    def in_words(self) -> str:
        lines = [*self.silent, *(f"{row.where}: {row.text}" for row in self.models)]
        return "\n".join(lines) or f"nothing is published in {self.bucket}"


@chore("sync-check")
def sync_check(
    bucket: str | None = None,
    stores: str | None = None,
    apis: list[str] | None = None,
    grace_minutes: int = GRACE_MINUTES,
    now: datetime | None = None,
) -> SyncCheck:
    """Hold what is served against what is published, model by model; raises NotServed where data does not advance.

    Served is what the APIs at `apis` say in their /health (WINDLASS_API_URLS), else what lies in the folder `stores`
    (WINDLASS_STORES). An incident of a model opens when what was published is not served `grace_minutes` later, and
    closes when it is served everywhere. Raises BucketError, ManifestError.
    """
    settings = Settings()
    now = now or datetime.now(UTC)
    opened = open_bucket(bucket or settings.bucket)
    folder = Path(stores or settings.stores).expanduser()
    urls = apis or settings.api_urls.replace(",", " ").split()
    places = {url: partial(served_by, url) for url in urls} or {str(folder): partial(served_from, folder)}
    manifests = [manifest for model in models_in(opened) if (manifest := read_manifest(opened, model))]
    report = SyncCheck(bucket=opened.base)
    found: dict[str, list[Comparison]] = {manifest.model: [] for manifest in manifests}
    for where, ask in places.items():
        try:
            served = ask()
        except Unanswered as error:
            report.silent.append(str(error))
            continue
        for manifest in manifests:
            row = compare(manifest, served.get(manifest.model), now, timedelta(minutes=grace_minutes))
            found[manifest.model].append(row)
            report.models.append(
                ServedThere(
                    where=where,
                    model=row.model,
                    state=row.state,
                    lag_minutes=row.lag,
                    age_minutes=row.age,
                    text=row.in_words(),
                )
            )
    _keep_incidents(opened, report, found, now)
    if report.broken:
        raise NotServed("; ".join(report.broken))
    return report


def _keep_incidents(bucket: Bucket, report: SyncCheck, found: dict[str, list[Comparison]], now: datetime) -> None:
    """One incident a model, and one for those who do not answer: opened, left as it is, or closed."""
    if report.silent:
        open_incident(bucket, Incident(model=SILENT, kind=Kind.SYNC, reason="; ".join(report.silent), since=now))
    else:
        close_incident(bucket, SILENT, Kind.SYNC, now, "everybody answers again")
    for model, rows in found.items():
        broken = [row for row in rows if row.state is Lag.BROKEN]
        if broken:
            open_incident(bucket, _incident(broken[0], now))
        elif not report.silent and not any(row.state is Lag.BEHIND for row in rows):
            # One that is a little behind again, as a model of 24 runs a day soon is, has not caught up.
            close_incident(bucket, model, Kind.SYNC, now, rows[0].in_words())


def _incident(row: Comparison, now: datetime) -> Incident:
    served = None
    if row.served is not None and row.age is not None:
        run = f"{row.model} {run_time(row.served.init_time.astimezone(UTC))}"
        state = age_in_word(row.served.init_time, end_of(row.published), row.published.freshness, now)
        served = StillServed(run=run, age_minutes=row.age, state=state)
    return Incident(
        model=row.model,
        kind=Kind.SYNC,
        reason=row.in_words(),
        since=now - timedelta(minutes=row.lag),
        run=f"{row.model} {run_time(row.published.init_time)}",
        served=served,
        generation=row.published.generation,
    )
