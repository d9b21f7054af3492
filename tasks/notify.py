"""Tell people: one JSON object to one webhook."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tasks.errors import IngestError

TIMEOUT_SECONDS = 15


class NotifyError(IngestError, OSError):
    """The webhook could not be told."""


@dataclass(frozen=True)
class Notice:
    """What happened. `text` repeats it in one line, the field that chat webhooks show."""

    model: str
    run: str
    state: str
    reason: str
    flow_run: str | None = None

    @property
    def text(self) -> str:
        return f"windlass: {self.run} {self.state.lower()}: {self.reason}"


def notify(notice: Notice, url: str) -> None:
    """POST the notice as JSON, once; raises NotifyError. The URL may hold a token: only its host is ever shown."""
    where = urlsplit(url)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise NotifyError("WINDLASS_NOTIFY_URL is not an http(s) URL: set it to the address of a webhook")
    body = json.dumps({"text": notice.text, **asdict(notice)}).encode()
    request = Request(url, data=body, headers={"Content-Type": "application/json"}, method="POST")
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS):
            return
    except HTTPError as error:
        reason = f"HTTP {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        reason = str(getattr(error, "reason", error))
    raise NotifyError(
        f"could not tell {where.hostname} that {notice.run} {notice.state.lower()}: {reason}; check WINDLASS_NOTIFY_URL"
    )
