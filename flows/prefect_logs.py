"""The log of a flow run's process, which Prefect sets up: without secrets and stack traces of expected errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from storage.logs import JsonLines, hide_what_is_held, redacting
from storage.settings import Settings
from tasks.errors import IngestError


def tend_logs(settings: Settings) -> None:
    """Look after all handlers there are, of the console and of the server. May be called again."""
    hide_what_is_held(settings)
    for handler in _handlers():
        handler.addFilter(brief)
        handler.addFilter(redacting)
        if settings.log_format == "json" and isinstance(handler, logging.StreamHandler):
            handler.setFormatter(JsonLines())


def brief(record: logging.LogRecord) -> bool:
    """A logging filter: expected errors say all in their message, so their stack trace is left out of the log."""
    if record.exc_info and isinstance(record.exc_info[1], IngestError):
        record.exc_info = None
        record.exc_text = None
    return True


def _handlers() -> Iterator[logging.Handler]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        if isinstance(logger, logging.Logger) and (logger is logging.root or logger.name.startswith("prefect")):
            yield from logger.handlers
