"""The addresses that people are told at, read from the settings: what would be dropped silently is refused."""

from __future__ import annotations

import re
from collections import Counter

from storage.settings import Settings
from tasks.receivers import AppriseAddress, Channel, NotifyError, Slack, Webhook, parts_of

_BETWEEN = re.compile(r"[\s,]+(?=[a-zA-Z][a-zA-Z0-9+.-]*://)")
_SLACK_HOOK = re.compile(r"hooks\.slack(?:-gov)?\.com")
# docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: /services/T.../B.../...
_SLACK_TOKENS = re.compile(r"[A-Z0-9]{8,}/[A-Z0-9]{8,}/[A-Za-z0-9]{20,}", re.IGNORECASE)


def read_channels(settings: Settings) -> tuple[Channel, ...]:
    """The channels of WINDLASS_NOTIFY_URLS and WINDLASS_NOTIFY_URL; raises NotifyError, which says what is wrong.

    Addresses are separated by commas or white space; each counts once. What would be dropped silently is refused here.
    """
    channels, refused = sort_channels(settings)
    if refused:
        raise refused[0]
    return channels


def sort_channels(settings: Settings) -> tuple[tuple[Channel, ...], tuple[NotifyError, ...]]:
    """The same for whoever must tell now: the good ones, and why others are refused."""
    texts = [secret.get_secret_value() for secret in (settings.notify_urls, settings.notify_url) if secret]
    urls = list(dict.fromkeys(url for text in texts for url in split_addresses(text)))
    names: Counter[str] = Counter()
    channels: list[Channel] = []
    refused: list[NotifyError] = []
    for number, url in enumerate(urls, start=1):
        where = parts_of(url)
        name = f"{where.scheme}://{where.hostname or ''}" if where and where.scheme else "no URL"
        if where and where.scheme not in ("http", "https", "mailto", "mailtos"):
            # Elsewhere the host's place may hold a token: tgram://bottoken/chat.
            name = f"{where.scheme}://"
        names[name] += 1
        shown = name if names[name] == 1 else f"{name} #{names[name]}"
        try:
            channels.append(_channel(shown, url))
        except NotifyError as error:
            refused.append(NotifyError(f"address {number} of WINDLASS_NOTIFY_URLS ({shown}): {error}"))
    return tuple(channels), tuple(refused)


def split_addresses(text: str) -> list[str]:
    """A comma within an address, as between the recipients of an e-mail, stays: what follows is no `scheme://`."""
    return [url.strip(", \t\r\n") for url in _BETWEEN.split(text) if url.strip(", \t\r\n")]


def _channel(name: str, url: str) -> Channel:
    where = parts_of(url)
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
