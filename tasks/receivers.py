"""What each kind of address takes, and what it says when it does not take it; none of it holds a secret."""

from __future__ import annotations

import json
import logging
import re
import threading
from abc import ABC, abstractmethod
from html import escape
from http.client import HTTPException, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tasks.errors import IngestError
from tasks.notice import Notice

TIMEOUT_SECONDS = 15
WORTH_ANOTHER_TRY = (408, 425, 429)
"""And every 5xx. What else a receiver refuses, it will refuse again."""

_MAIL = re.compile(r"[^@\s]@[^@\s]+\.[a-zA-Z]{2,}")


class NotifyError(IngestError, OSError):
    """An address is none, or did not take a notice. `again`: another try may help. Never holds a secret."""

    def __init__(self, message: str, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class Channel(ABC):
    """One address. `name` is its scheme and host, which is all that is ever shown of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def send(self, notice: Notice) -> None:
        """Send it once; raises NotifyError."""


class Webhook(Channel):
    """One JSON object by POST: `text`, `title` and the notice's fields."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name)
        self._url = url

    def body(self, notice: Notice) -> dict[str, Any]:
        return {"text": notice.text, "title": notice.title, **notice.fields}

    def send(self, notice: Notice) -> None:
        data = json.dumps(self.body(notice)).encode()
        try:
            request = Request(self._url, data=data, headers={"Content-Type": "application/json"}, method="POST")
            with build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as answer:
                self.look_at(answer)
        except NotifyError:
            raise
        except HTTPError as error:
            with error:
                raise self._refused(error) from None
        except (OSError, HTTPException, ValueError) as error:
            reason = redacted(str(getattr(error, "reason", error)) or type(error).__name__, self._url)
            raise NotifyError(reason, again=True) from None

    def look_at(self, answer: HTTPResponse) -> None:
        """Raises NotifyError where a receiver of this kind says in a good answer that it is none."""

    def _refused(self, error: HTTPError) -> NotifyError:
        if error.code in (301, 302, 303, 307, 308):
            # A client that follows makes a GET of the POST, which is answered with 200 and tells nobody.
            place = urlsplit(error.headers.get("Location") or "")
            return NotifyError(f"HTTP {error.code} redirects to {place.scheme}://{place.netloc}: give that address")
        return NotifyError(f"HTTP {error.code}", again=error.code in WORTH_ANOTHER_TRY or error.code >= 500)


class Slack(Webhook):
    """An incoming webhook of Slack. It takes text alone, and says `ok`."""

    def body(self, notice: Notice) -> dict[str, Any]:
        return {"text": escape(notice.text, quote=False)}

    def look_at(self, answer: HTTPResponse) -> None:
        said = answer.read(100)
        if said.strip() != b"ok":
            raise NotifyError(f"HTTP {answer.status}, but it does not answer as Slack does: is it Slack's address?")


class AppriseAddress(Channel):
    """Any other address that the Apprise library knows, e-mail among them."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name)
        self._url = url
        if urlsplit(url).scheme in ("mailto", "mailtos"):
            _look_at_recipients(url)
        said = self._load()[1]
        if said:
            raise NotifyError("; ".join(said))

    def send(self, notice: Notice) -> None:
        from apprise import NotifyFormat

        told, said = self._load()
        with _Listening(self._url) as heard:
            done = told.notify(notice.text, title=notice.title, body_format=NotifyFormat.TEXT)
        if not done:
            # Another try would tell those twice who were reached already.
            raise NotifyError("; ".join([*said, *heard.wrong]) or "it was not taken", again=not heard.reached)

    def _load(self) -> tuple[Any, list[str]]:
        """A client of its own, as one holds back for seconds between two messages; and what it said against the URL."""
        from apprise import Apprise, AppriseAsset

        told = Apprise(asset=AppriseAsset(app_id="windlass", app_url="", async_mode=False, secure_logging=True))
        with _Listening(self._url) as heard:
            taken = told.add(self._url)
        said = heard.wrong if taken else heard.wrong or ["Apprise knows no such address"]
        for server in told:
            server.redirects = False
            # E-mail to nobody, where each address is malformed, would fail at 3 a.m. only.
            if getattr(server, "targets", True) == []:
                said = [*said, "it names nobody"]
        return told, said


def _look_at_recipients(url: str) -> None:
    """Apprise leaves out who has no proper address, without a word."""
    for name, values in parse_qs(urlsplit(url).query).items():
        people = [person for value in values for person in value.split(",")] if name in ("to", "cc", "bcc") else []
        if not all(_MAIL.search(person) for person in people):
            raise NotifyError(f"somebody in {name}= has no e-mail address such as name@example.org")


def parts_of(url: str) -> SplitResult | None:
    """Its parts, None where it is no URL or its port no number."""
    try:
        where = urlsplit(url)
        _ = where.port
    except ValueError:
        return None
    return where


def redacted(text: str, url: str) -> str:
    """A text without any part of the URL but scheme, host and port."""
    rest = url.split("://", 1)[-1]
    host = parts_of(url)
    parts = {rest, *re.split(r"[/?&=@:#;]", rest)}
    parts |= {unquote(part) for part in parts}
    shown = {host.hostname or "", str(host.port or "")} if host and host.scheme in ("http", "https") else set()
    for part in sorted(parts, key=len, reverse=True):
        if len(part) > 2 and part.lower() not in shown:
            text = text.replace(part, "...")
    return text


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


class _Listening(logging.Handler):
    """What Apprise says in this thread while it works; its log goes nowhere else, for it may hold addresses."""

    def __init__(self, url: str) -> None:
        super().__init__(logging.DEBUG)
        self._url = url
        self._thread = threading.get_ident()
        self.wrong: list[str] = []
        self.reached = False

    def __enter__(self) -> _Listening:
        log = logging.getLogger("apprise")
        log.propagate = False
        # Why a mail was not taken is said at DEBUG only.
        log.setLevel(logging.DEBUG)
        log.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("apprise").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread:
            return
        said = record.getMessage()
        self.reached |= said.startswith("Sent ")
        if record.levelno >= logging.WARNING or said.startswith("Socket Exception"):
            self.wrong.append(redacted(said, self._url))
