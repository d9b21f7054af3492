"""A model's static fields become what is published of them: a small store, and a swap of its own small manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from itertools import count
from pathlib import Path

from storage.bucket import Bucket
from storage.errors import Conflict, ObjectNotFound
from storage.grids import Box
from storage.manifest import SUFFIX
from storage.static import FOLDER, StaticManifest, parse_static, static_key
from tasks.wanted import StagedMessage

_SAME = (3, 5, 6, 7)
"""Sections that say where and how much; the others say when."""


def digest_of(messages: Iterable[StagedMessage], box: Box | None) -> str:
    """Equal for the same fields of another run, as long as they are packed alike; 64 hexadecimal digits."""
    found = hashlib.sha256(repr(box and tuple(box)).encode())
    for message in sorted(messages, key=lambda message: message.variable):
        found.update(f"{message.variable} {message.field}".encode())
        with Path(message.blob).open("rb") as file:
            file.seek(message.offset)
            data = file.read(message.length)
        position = 16
        while position < len(data) - 4:
            size, number = int.from_bytes(data[position : position + 4], "big"), data[position + 4]
            if number in _SAME:
                found.update(data[position : position + size])
            position += size
    return found.hexdigest()


def confirm(bucket: Bucket, published: StaticManifest, init_time: datetime) -> None:
    """Tell that a later run has the same. Who was faster told as much. Raises BucketError."""
    data = bucket.read(static_key(published.model))
    if parse_static(data, published.model, bucket.url(static_key(published.model))) != published:
        return
    try:
        bucket.swap(static_key(published.model), published.model_copy(update={"confirmed": init_time}).to_bytes(), data)
    except Conflict:
        return


def publish_static(
    path: Path, model: str, init_time: datetime, box: Box | None, digest: str, bucket: Bucket
) -> StaticManifest:
    """Upload a checked store of static fields and name it. Raises Conflict where somebody else did, BucketError & Co.

    The one before it stays for those who read it; what is older goes.
    """
    key = static_key(model)
    try:
        before: bytes | None = bucket.read(key)
    except ObjectNotFound:
        before = None
    replaced = parse_static(before, model, bucket.url(key)) if before else None
    taken = set(bucket.list(f"{model}/{FOLDER}/"))
    stem = f"{model}/{FOLDER}/{init_time:%Y%m%dT%H%MZ}"
    store = next(one for n in count() if (one := f"{stem}{f'.g{n}' if n else ''}{SUFFIX}") not in taken)
    sha256 = bucket.upload(path, store)
    manifest = StaticManifest(
        model=model,
        key=store,
        size=bucket.size(store),
        sha256=sha256,
        init_time=init_time,
        confirmed=init_time,
        box=box,
        digest=digest,
        previous=replaced.key if replaced else None,
    )
    try:
        bucket.swap(key, manifest.to_bytes(), before)
    except Conflict:
        bucket.delete(store)
        raise
    for old in taken - {manifest.previous}:
        bucket.delete(old)
    return manifest
