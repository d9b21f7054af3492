"""What can go wrong on the second floor, besides what its tasks raise."""

from __future__ import annotations

from tasks.errors import IngestError


class RequestError(IngestError, ValueError):
    """An ingest was asked for in a way that has no meaning for the model."""


class Busy(IngestError, RuntimeError):
    """Another process ingests the same model in the same work folder."""


class OlderRun(IngestError, ValueError):
    """A newer run is published already; an older one never replaces it."""


class ServerSilent(IngestError, OSError):
    """The Prefect server does not answer."""


class BucketSilent(IngestError, OSError):
    """The bucket is out of reach: nobody knows how old the published data is. People were told."""


class NotServed(IngestError, RuntimeError):
    """What was published does not reach those who serve it."""
