"""The log of a process: lines of text or JSON objects on stderr, without secrets, knowing what they are about."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from storage.redact import hide, redact
from storage.settings import Settings

FACTS = ("model", "init_time", "lead", "mirror")
"""What a line may be about, besides what it says."""
ROOMS = ("windlass", "deployments", "flows", "tasks", "storage", "serving")
HELD = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING")
"""Secrets that this process may have been given by its environment."""

_about: ContextVar[Mapping[str, Any] | None] = ContextVar("about", default=None)


@contextmanager
def about(**facts: Any) -> Iterator[None]:
    """What the block logs is about these: a model, an init_time, a lead in hours, a mirror."""
    token = _about.set({**_known(), **facts})
    try:
        yield
    finally:
        _about.reset(token)


def _known() -> Mapping[str, Any]:
    return _about.get() or {}


class JsonLines(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, FACTS where they are known, exception."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(_message(record)),
        }
        known = {**_known(), **{name: getattr(record, name) for name in FACTS if hasattr(record, name)}}
        said |= {name: _plain(known[name]) for name in FACTS if known.get(name) is not None}
        if record.exc_info or record.exc_text:
            said["exception"] = redact(record.exc_text or self.formatException(record.exc_info))  # type: ignore[arg-type]
        if record.stack_info:
            said["stack"] = redact(record.stack_info)
        return json.dumps(said)


class TextLines(logging.Formatter):
    """A line for people, and the exception below it."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [f"{record.levelname}: {record.name}: {_message(record)}"]
        if record.exc_info or record.exc_text:
            lines.append(record.exc_text or self.formatException(record.exc_info))  # type: ignore[arg-type]
        if record.stack_info:
            lines.append(record.stack_info)
        return redact("\n".join(lines))


def redacting(record: logging.LogRecord) -> bool:
    """A filter for handlers of others, whose formats are their own: takes secrets out of the record itself."""
    record.msg, record.args = redact(_message(record)), None
    if record.exc_info:
        record.exc_text = redact(record.exc_text or logging.Formatter().formatException(record.exc_info))
    return True


def log_to_stderr(settings: Settings, level: int = logging.WARNING) -> None:
    """Set up the log of this process, once, at its entry point; also for what nobody catches.

    `level` is that of our own loggers in text; as JSON they are all told from INFO on, others from WARNING on.
    """
    as_json = settings.log_format == "json"
    hide_what_is_held(settings)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    for other in [*logging.root.handlers]:
        if isinstance(other.formatter, JsonLines | TextLines):
            logging.root.removeHandler(other)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for room in ROOMS:
        logging.getLogger(room).setLevel(logging.INFO if as_json else level)
    logging.captureWarnings(as_json)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def hide_what_is_held(settings: Settings) -> None:
    """From now on `redact` knows the secrets that this process was given by their very text."""
    urls = [url.get_secret_value() for url in (settings.notify_urls, settings.notify_url) if url]
    held = [text for name in HELD if (text := os.environ.get(name))]
    tails = [address.partition("://")[2].partition("/")[2] for text in urls for address in text.split(",")]
    hide(*held, *(tail.strip() for tail in tails))


def is_json() -> bool:
    """Whether this process logs JSON objects."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Python would print it, arguments and all, past every filter.
        return f"{record.msg} {record.args!r}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    return value if isinstance(value, int | float) else redact(str(value))


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is None or not issubclass(kind, Exception):
        sys.__excepthook__(kind, error or kind(), trace)
        return
    logging.getLogger("windlass").critical("a bug: %s", kind.__name__, exc_info=(kind, error, trace))
