"""The addresses that people are told at: what each kind takes, and which are refused when settings are read."""

from __future__ import annotations

import json
import logging
import re
import threading
from abc import ABC, abstractmethod
from collections import Counter
from html import escape
from http.client import HTTPException, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from storage.settings import Settings
from tasks.errors import IngestError
from tasks.notice import Notice

TIMEOUT_SECONDS = 15
WORTH_ANOTHER_TRY = (408, 425, 429)
"""And every 5xx. What else a receiver refuses, it will refuse again."""

_BETWEEN = re.compile(r"[\s,]+(?=[a-zA-Z][a-zA-Z0-9+.-]*://)")
_MAIL = re.compile(r"[^@\s]@[^@\s]+\.[a-zA-Z]{2,}")
_SLACK_HOOK = re.compile(r"hooks\.slack(?:-gov)?\.com")
# docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: /services/T.../B.../...
_SLACK_TOKENS = re.compile(r"[A-Z0-9]{8,}/[A-Z0-9]{8,}/[A-Za-z0-9]{20,}", re.IGNORECASE)


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


def read_channels(settings: Settings) -> tuple[Channel, ...]:
    """The channels of WINDLASS_NOTIFY_URLS and WINDLASS_NOTIFY_URL; raises NotifyError, which says what is wrong.

    Addresses are separated by commas or white space; each counts once. What would be dropped silently is refused here.
    """
    texts = [secret.get_secret_value() for secret in (settings.notify_urls, settings.notify_url) if secret]
    urls = list(dict.fromkeys(url for text in texts for url in split_addresses(text)))
    names: Counter[str] = Counter()
    channels = []
    for number, url in enumerate(urls, start=1):
        where = _parts_of(url)
        name = f"{where.scheme}://{where.hostname or ''}" if where and where.scheme else "no URL"
        if where and where.scheme not in ("http", "https", "mailto", "mailtos"):
            # Elsewhere the host's place may hold a token: tgram://bottoken/chat.
            name = f"{where.scheme}://"
        names[name] += 1
        shown = name if names[name] == 1 else f"{name} #{names[name]}"
        try:
            channels.append(_channel(shown, url))
        except NotifyError as error:
            raise NotifyError(f"address {number} of WINDLASS_NOTIFY_URLS ({shown}): {error}") from None
    return tuple(channels)


def split_addresses(text: str) -> list[str]:
    """A comma within an address, as between the recipients of an e-mail, stays: what follows is no `scheme://`."""
    return [url.strip(", \t\r\n") for url in _BETWEEN.split(text) if url.strip(", \t\r\n")]


def _look_at_recipients(url: str) -> None:
    """Apprise leaves out who has no proper address, without a word."""
    for name, values in parse_qs(urlsplit(url).query).items():
        people = [person for value in values for person in value.split(",")] if name in ("to", "cc", "bcc") else []
        if not all(_MAIL.search(person) for person in people):
            raise NotifyError(f"somebody in {name}= has no e-mail address such as name@example.org")


def _parts_of(url: str) -> SplitResult | None:
    """Its parts, None where it is no URL or its port no number."""
    try:
        where = urlsplit(url)
        _ = where.port
    except ValueError:
        return None
    return where


def _channel(name: str, url: str) -> Channel:
    where = _parts_of(url)
    if where is None or not where.scheme:
        raise NotifyError("it is no URL: write https://..., slack://..., mailto://... or another address of Apprise")
    if where.scheme == "slack":
        return _slack(name, url)
    if where.scheme not in ("http", "https"):
        return AppriseAddress(name, url)
    if not where.hostname:
        raise NotifyError("a webhook needs a host")
    if "," in url or any(character.isspace() for character in url):
        raise NotifyError("write a comma within a webhook's address as %2C; other addresses begin with their scheme://")
    if _SLACK_HOOK.fullmatch(where.hostname):
        if not _SLACK_TOKENS.fullmatch(where.path.removeprefix("/services/").strip("/")):
            raise NotifyError("a webhook of Slack is https://hooks.slack.com/services/T.../B.../...")
        return Slack(name, url)
    return Webhook(name, url)


def _slack(name: str, url: str) -> Channel:
    """slack://T.../B.../... is an incoming webhook, slack://xoxb-.../#channel a bot; another host is nobody's."""
    place = url.split("://", 1)[1].rpartition("@")[2].split("?")[0].strip("/")
    if re.match(r"xox[a-z]-", place):
        return AppriseAddress(name, url)
    if not _SLACK_TOKENS.fullmatch(place):
        raise NotifyError(
            "slack:// takes the three tokens of an incoming webhook (slack://T.../B.../...) or a bot's token and a "
            "channel (slack://xoxb-.../#channel); a server that only speaks Slack's format takes its https:// address"
        )
    return Slack(name, f"https://hooks.slack.com/services/{place}")


def redacted(text: str, url: str) -> str:
    """A text without any part of the URL but scheme, host and port."""
    rest = url.split("://", 1)[-1]
    host = _parts_of(url)
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
