"""The bucket, and who is to be told."""

from __future__ import annotations

from deployments.chaos.bucket import Mood
from deployments.chaos.fault import Fault, Group
from deployments.chaos.rows.machines import BROUGHT
from deployments.chaos.rows.mirrors import NOTHING_COMES, OLD
from deployments.chaos.world import World
from tasks.incidents import Kind


def rows() -> list[Fault[World]]:
    return [
        Fault(
            "bucket-refusing",
            Group.BUCKET,
            "the bucket refuses everything",
            lambda world: world.bucket.moods.add(Mood.REFUSING),
            lambda world: world.bucket.moods.discard(Mood.REFUSING),
            told=frozenset({Kind.BUCKET}),
            may=BROUGHT | NOTHING_COMES,
            rungs=OLD,
            hides=frozenset(Kind),
        ),
        Fault(
            "bucket-throttling",
            Group.BUCKET,
            "the bucket refuses every third request",
            lambda world: world.bucket.moods.add(Mood.THROTTLING),
            lambda world: world.bucket.moods.discard(Mood.THROTTLING),
            may=BROUGHT | NOTHING_COMES | {Kind.BUCKET, Kind.SYNC},
            rungs=OLD,
            hides=frozenset(Kind),
        ),
        Fault(
            "bucket-lagging",
            Group.BUCKET,
            "the bucket's first reads of what changed tell what was",
            lambda world: world.bucket.moods.add(Mood.LAGGING),
            lambda world: world.bucket.moods.discard(Mood.LAGGING),
            may=BROUGHT,
            rungs=OLD,
        ),
        Fault(
            "bucket-stale",
            Group.BUCKET,
            "the sync sees the bucket as it was hours ago",
            lambda world: world.seen.freeze(),
            lambda world: world.seen.thaw(),
            told=frozenset({Kind.SYNC}),
            rungs=OLD,
        ),
        Fault("channel-down", Group.CHANNEL, "who is to be told does not answer", _silence, _hear),
    ]


def _silence(world: World) -> None:
    world.site.sink.refusing = True


def _hear(world: World) -> None:
    world.site.sink.refusing = False
