"""One notice to every address, side by side: what one receiver does never holds up another."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storage.settings import Settings
from tasks.channels import sort_channels
from tasks.notice import Notice
from tasks.receivers import Channel, NotifyError

log = logging.getLogger("windlass")

DEADLINE_SECONDS = 60.0
"""A receiver may drip its answer byte by byte for hours."""
PAUSES = (1.0, 5.0)
"""Seconds before the second and third try, with up to half as much jitter."""


@dataclass(frozen=True)
class Delivery:
    """What became of a notice at one address. `problem` holds no secret."""

    channel: str
    delivered: bool
    tries: int
    problem: str | None = None

    def in_words(self) -> str:
        tries = "" if self.tries < 2 else f" after {self.tries} tries"
        return f"{self.channel}: {'told' if self.delivered else f'not told: {self.problem}'}{tries}"


def tell(settings: Settings, notice: Notice) -> list[Delivery]:
    """Send a notice to all addresses of the settings, now. One that is refused is told of as one that failed."""
    channels, refused = sort_channels(settings)
    return [
        *deliver([(channel, notice) for channel in channels]),
        *(Delivery(str(error), False, 0, "it is refused") for error in refused),
    ]


def deliver(
    mail: Sequence[tuple[Channel, Notice]],
    pause: Callable[[float], None] = time.sleep,
    deadline: float = DEADLINE_SECONDS,
) -> list[Delivery]:
    """Each notice to its channel, tried again where that may help, all at once; what failed is logged, never raised."""
    found: list[Delivery | None] = [None] * len(mail)

    def run(place: int, channel: Channel, notice: Notice) -> None:
        found[place] = _send(channel, notice, pause)

    # Daemons: a receiver past its deadline must not keep this process from ending.
    threads = [
        threading.Thread(target=run, args=(place, channel, notice), daemon=True, name=f"tell {channel.name}")
        for place, (channel, notice) in enumerate(mail)
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + deadline
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    deliveries = [
        one or Delivery(channel.name, False, 1, f"no answer within {deadline:.0f} s")
        for one, (channel, _) in zip(list(found), mail, strict=True)
    ]
    for one in deliveries:
        if not one.delivered:
            log.error("could not tell %s: %s", one.channel, one.problem)
    return deliveries


def _send(channel: Channel, notice: Notice, pause: Callable[[float], None]) -> Delivery:
    for number, seconds in enumerate((*PAUSES, None), start=1):
        try:
            channel.send(notice)
        except NotifyError as error:
            if seconds is None or not error.again:
                return Delivery(channel.name, False, number, str(error))
            pause(seconds * random.uniform(1, 1.5))
        except Exception as error:  # noqa: BLE001
            # A bug in a plug-in of Apprise is this address's problem alone; its text may hold the address.
            return Delivery(channel.name, False, number, f"{type(error).__name__} in its plug-in")
        else:
            return Delivery(channel.name, True, number)
    raise AssertionError
