"""Tell people of what is in the bucket's incidents: each beginning and each end once, grouped, never a storm.

One object, incidents/told.json, holds what was told, what is owed to which address and who is telling now. It changes
by swaps alone, so of any number of processes one tells. A notice is written down there before it is sent: killed at
any moment, it is sent by whoever looks next. Twice is possible (killed between a receiver's answer and the note of it),
never is not: at least once.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.bucket import Bucket, tries
from storage.errors import Conflict, StorageError
from storage.folder import FolderBucket
from storage.settings import Settings
from tasks.channels import sort_channels
from tasks.deliver import Delivery, deliver
from tasks.incidents import Incident, Record, open_incident, records_in
from tasks.ledger import LEDGER, Lease, Ledger, Letter, read_with_bytes
from tasks.notice import Notice, compose, joined
from tasks.receivers import Channel

log = logging.getLogger("windlass")

FALLBACK = "told"
LEASE = timedelta(minutes=3)
"""How long a teller may take; longer than all its tries."""
BURST, WINDOW = 3, timedelta(minutes=15)
"""At most so many notices in so long; what begins or ends meanwhile waits and becomes one notice with a list."""
OWED_FOR = timedelta(days=3)
"""What an address did not take for so long is no news any more."""


@dataclass(frozen=True)
class Told:
    """What became of one call. `waiting`: beginnings and ends held back; `busy`: another process is telling."""

    deliveries: tuple[Delivery, ...] = ()
    waiting: int = 0
    busy: bool = False


def wall_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


def tell_pending(
    bucket: Bucket,
    channels: Sequence[Channel],
    clock: Callable[[], datetime] = wall_clock,
    pause: Callable[[float], None] = time.sleep,
) -> Told:
    """Tell what nobody was told yet, and what an address did not take before. Nothing where there are no channels.

    `clock` is for leases and the rate of notices only. Raises BucketError, ManifestError.
    """
    if not channels:
        return Told()
    me = secrets.token_hex(8)
    deliveries: list[Delivery] = []
    failed: set[str] = set()
    while True:
        claimed = _claim(bucket, me, [channel.name for channel in channels], failed, clock())
        if isinstance(claimed, Told):
            return Told(tuple(deliveries), claimed.waiting, claimed.busy)
        mail = _mail(claimed, channels, failed)
        done = deliver(mail, pause)
        _settle(bucket, me, {one.channel: one.delivered for one in done}, claimed)
        deliveries += done
        # What was opened while this process held the lease is its to tell; an address that failed waits for the next.
        failed |= {one.channel for one in done if not one.delivered}


def _claim(bucket: Bucket, me: str, names: Sequence[str], failed: set[str], now: datetime) -> Ledger | Told:
    """Write down what is to be told, with the lease to do so; Told where there is nothing or it is not the time.

    All channels of `names` are owed what is new, those that `failed` are not tried again now.
    """
    for last in tries():
        data, ledger = read_with_bytes(bucket)
        if ledger.lease and ledger.lease.until > now:
            return Told(busy=True)
        records = records_in(bucket)
        known = _known(ledger, records)
        opened = [record for record in records if f"{record.id}:opened" not in known]
        ended = [record for record in records if record.ended and f"{record.id}:ended" not in known]
        ended = [record for record in ended if record not in opened]
        news = len(opened) + len(ended)
        sent = [time for time in ledger.sent if now - WINDOW < time <= now]
        hearing = [name for name in names if name not in failed]
        letters = _still_news(ledger.letters, now)
        waiting = news if len(sent) >= BURST or not hearing else 0
        if news and not waiting:
            letters.append(
                Letter(id=secrets.token_hex(8), written=now, notice=compose(opened, ended, now), owed=list(names))
            )
            known |= {f"{record.id}:opened" for record in opened}
            known |= {f"{record.id}:ended" for record in (*opened, *ended) if record.ended}
            sent.append(now)
        if not any(name in letter.owed for letter in letters for name in hearing):
            return Told(waiting=waiting)
        claimed = ledger.model_copy(
            update={
                "told": sorted(known),
                "letters": letters,
                "sent": sent,
                "lease": Lease(by=me, until=now + LEASE),
            }
        )
        try:
            bucket.swap(LEDGER, claimed.to_bytes(), data)
        except Conflict:
            if last:
                raise
            continue
        return claimed
    raise AssertionError


def _still_news(letters: Sequence[Letter], now: datetime) -> list[Letter]:
    for letter in letters:
        if now - letter.written >= OWED_FOR:
            log.error("gave up on telling %s: %s", ", ".join(letter.owed), letter.notice.title)
    return [letter for letter in letters if now - letter.written < OWED_FOR]


def _known(ledger: Ledger, records: Sequence[Record]) -> set[str]:
    """What needs no telling, of the records there are.

    One that was closed and opened again before its end was told has, for people, never ended.
    """
    told, known = set(ledger.told), set()
    for record in records:
        known |= told & {f"{record.id}:opened", f"{record.id}:ended"}
        told_of = next((before for before in record.continues if f"{before}:opened" in told), None)
        if told_of and f"{told_of}:ended" not in told:
            known.add(f"{record.id}:opened")
    return known


def _mail(ledger: Ledger, channels: Sequence[Channel], failed: set[str]) -> list[tuple[Channel, Notice]]:
    mail = []
    for channel in channels:
        owed = [letter.notice for letter in ledger.letters if channel.name in letter.owed]
        if owed and channel.name not in failed:
            mail.append((channel, joined(owed)))
    return mail


def _settle(bucket: Bucket, me: str, done: dict[str, bool], claimed: Ledger) -> None:
    """Write down who took it, and let go of the lease."""
    sent = {letter.id for letter in claimed.letters}
    delivered = {name for name, taken in done.items() if taken}
    for last in tries():
        data, ledger = read_with_bytes(bucket)
        letters = []
        for letter in ledger.letters:
            owed = [name for name in letter.owed if letter.id not in sent or name not in delivered]
            if owed:
                letters.append(letter.model_copy(update={"owed": owed}))
        reached = Counter(ledger.delivered_total) + Counter(delivered)
        failed = Counter(ledger.failed_total) + Counter(done.keys() - delivered)
        mine = ledger.lease is not None and ledger.lease.by == me
        settled = ledger.model_copy(
            update={
                "letters": letters,
                "lease": None if mine else ledger.lease,
                "delivered_total": dict(reached),
                "failed_total": dict(failed),
            }
        )
        try:
            bucket.swap(LEDGER, settled.to_bytes(), data)
        except Conflict:
            if last:
                raise
            continue
        return
    raise AssertionError


def tell(bucket: Bucket, settings: Settings) -> Told:
    """Tell at the addresses of the settings what is pending. Raises BucketError, ManifestError.

    Raises NotifyError for an address that is refused, when the others have been told.
    """
    channels, refused = sort_channels(settings)
    told = tell_pending(bucket, channels)
    if refused:
        raise refused[0]
    return told


def fallback(settings: Settings) -> FolderBucket:
    """Where this machine keeps incidents while the bucket is out of reach: a folder below the work folder."""
    return FolderBucket(settings.work.expanduser().absolute() / FALLBACK)


def tell_from_here(settings: Settings, incident: Incident) -> None:
    """Open an incident in the work folder and tell of it: the bucket is out of reach. Raises NotifyError.

    Where that folder takes nothing either, people are told without a record, and so again with every look.
    """
    here = fallback(settings)
    try:
        open_incident(here, incident)
        tell(here, settings)
    except StorageError as error:
        log.error("told without a record: %s", error)
        notice = compose([Record(id="none", incident=incident)], [], wall_clock())
        deliver([(channel, notice) for channel in sort_channels(settings)[0]])
