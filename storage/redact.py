"""Text for people and for records, without what opens doors: passwords, tokens, signatures, keys."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator

HIDDEN = "..."

_PLAIN_SCHEMES = "https?|s3|gc?s|file|s?ftps?|tcp|tls|wss?|rediss?|sqlite|postgresql"
"""What follows `://` is a place. In any other scheme, as in Apprise's, each part may be a token."""
_NAME = (
    r"(?<![\w.-])[\w.-]{0,60}?(?:token|secret|passw(?:or)?d|passphrase|pwd|signature|credential|api[-_]?key|access[-_]?key|"
    r"private[-_]?key|authorization|cookie)[\w.-]{0,60}"
)
_QUERY_NAME = re.compile(
    rf"(?:{_NAME}|[\w.-]*key(?:[-_]?(?:pair[-_]?)?id)?|x-(?:amz|goog|ms|oss)-[\w.-]*|sig|pass|user|auth|jwt|code|policy|"
    r"googleaccessid|session[\w.-]*)",
    re.IGNORECASE,
)
_QUERY = re.compile(r"([?&;#])([^\s=&;#?\"'<>]{1,80})=([^\s&;#\"'<>]*)")
_SCHEME = re.compile(
    rf"(?<![a-zA-Z0-9+.-])(?!(?:{_PLAIN_SCHEMES})(?:\+\w+)?://)([a-zA-Z][a-zA-Z0-9+.-]{{0,30}})://[^\s\"'<>]+",
    re.IGNORECASE,
)
_USER = re.compile(
    r"(?<![a-zA-Z0-9+.-])([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)(?:[^\s/?#\"'<>]*|[^\s/:@\"'<>]+:(?!\d{1,5}(?:[/?#]|$))[^\s\"'<>]*)@"
)
_HOOKS = re.compile(
    r"(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api(?:/v\d+)?/webhooks|"
    r"(?<![\w.-])[\w.-]{0,80}webhook\.office\.com/\w+|chat\.googleapis\.com/v1/spaces)/[^\s\"'<>]*|(api\.telegram\.org)/bot[^\s\"'<>]*",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"((?:proxy-)?authorization|(?:set-)?cookie)([\"']?\s*[:=]\s*)(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\r\n\"']*)",
    re.IGNORECASE,
)
_PAIR = re.compile(
    rf"({_NAME})([\"']?\s*(?:=|:(?!//))\s*)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&\"'<>)}}\]]+)", re.IGNORECASE
)
_KEYS = re.compile(
    r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{16}\b|\bxox[a-z]-[\w-]{8,}|\bgh[pousr]_\w{20,}|"
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|(?<=\bBearer )[\w.~+/=-]{8,}|(?<=\bBasic )(?=\S*[A-Z0-9=])[\w+/=-]{12,}"
)


_known: frozenset[str] = frozenset()


def hide(*secrets: str) -> None:
    """From now on `redact` leaves these very texts out, too. Short ones would be found in every word."""
    global _known
    _known |= {secret for secret in secrets if len(secret) >= 8}


def redact(text: str) -> str:
    """The text with HIDDEN in place of secrets; scheme, host, path and harmless parameters of URLs stay as they are.

    Found by how they look: users and passwords of URLs, parameters that sign or name keys, addresses of webhooks and
    of every scheme that is no plain one, headers, `name=value` of telling names, keys of AWS, tokens of Slack, GitHub
    and JWT. What looks like none of these, as a path that is a secret, must have been told to `hide`.
    """
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _SCHEME.sub(rf"\1://{HIDDEN}", text)
    text = _USER.sub(rf"\1{HIDDEN}@", text)
    text = _HOOKS.sub(lambda found: f"{found[1] or found[2]}/{HIDDEN}", text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    text = _QUERY.sub(_query, text)
    text = _PAIR.sub(_pair, text)
    return _KEYS.sub(HIDDEN, text)


Said = Annotated[str, AfterValidator(redact)]
"""A field of a record that holds words of errors or of other programs."""


def _query(found: re.Match[str]) -> str:
    secret = _QUERY_NAME.fullmatch(unquote(found[2]))
    return f"{found[1]}{found[2]}={HIDDEN}" if secret else found[0]


def _pair(found: re.Match[str]) -> str:
    quote = found[3][0] if found[3][0] in "\"'" else ""
    return f"{found[1]}{found[2]}{quote}{HIDDEN}{quote}"
