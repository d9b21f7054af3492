"""A bucket in S3 or anything that speaks its protocol, through s3fs."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import s3fs
from aiohttp import ClientError
from botocore.exceptions import BotoCoreError, HTTPClientError, NoCredentialsError
from fsspec.asyn import sync

from storage.bucket import Bucket, Progress
from storage.errors import BucketError, Conflict, ObjectNotFound

PART_BYTES = 16 << 20
# S3 takes 10,000 parts (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
MOST_PARTS = 10_000
IN_FLIGHT = 4
TRIES = 3

Parts = list[dict[str, Any]]


class S3Bucket(Bucket):
    """Objects below s3://bucket/prefix.

    `swap` is a conditional put (If-Match, If-None-Match: *), atomic where the server supports it. A server that
    answers 501 gets a plain put right after the comparison, as does, in effect, one that ignores the condition:
    there two publishers of one model that swap within the same few milliseconds could overtake each other.
    """

    def __init__(self, url: str) -> None:
        self._bucket, _, prefix = url.removeprefix("s3://").rstrip("/").partition("/")
        if not self._bucket or "@" in self._bucket or "?" in url:
            raise BucketError("an S3 bucket is given as s3://bucket/prefix; credentials come from the environment")
        self._prefix = prefix + "/" if prefix else ""
        self.base = f"s3://{self._bucket}/{prefix}".rstrip("/")
        self._s3 = s3fs.S3FileSystem(
            anon=False,
            skip_instance_cache=True,
            use_listings_cache=False,
            config_kwargs={"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}},
        )
        # s3fs tries a request five times around botocore's own three: minutes, where nobody answers.
        self._s3.retries = TRIES

    def list(self, prefix: str = "") -> list[str]:
        found: list[str] = []
        page: dict[str, Any] = {}
        while True:
            answer = self._call("list_objects_v2", prefix, "Prefix", **page)
            found += [row["Key"].removeprefix(self._prefix) for row in answer.get("Contents", ())]
            if not answer.get("IsTruncated"):
                return sorted(key for key in found if _shown(key))
            page = {"ContinuationToken": answer["NextContinuationToken"]}

    def size(self, key: str) -> int:
        return int(self._call("head_object", key)["ContentLength"])

    def read(self, key: str) -> bytes:
        return self._get(key)[0]

    def write(self, key: str, data: bytes) -> None:
        self._call("put_object", key, Body=data)

    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        try:
            current, etag = self._get(key)
        except ObjectNotFound:
            current, etag = None, ""
        if current == data:
            return
        if current != expected:
            raise self._conflict(key)
        try:
            self._put_if("put_object", key, {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}, Body=data)
        except ObjectNotFound as error:
            raise self._conflict(key) from error
        except Conflict:
            # An answer lost on the way makes the client put again, and meet its own first put.
            if self.read(key) != data:
                raise

    def upload(self, local: Path, key: str, progress: Progress | None = None) -> str:
        total = local.stat().st_size
        if total <= PART_BYTES:
            data = local.read_bytes()
            self._put_if("put_object", key, {"IfNoneMatch": "*"}, Body=data)
            if progress:
                progress(len(data), total)
            return hashlib.sha256(data).hexdigest()
        upload = self._call("create_multipart_upload", key)["UploadId"]
        try:
            digest, parts = self._send_parts(local, key, upload, progress)
            done = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
            self._put_if("complete_multipart_upload", key, {"IfNoneMatch": "*"}, **done)
        except ObjectNotFound as error:
            raise Conflict(f"the upload of {self.url(key)} was ended by another publisher") from error
        except BaseException as error:
            try:
                self._abort(key, upload)
            except BucketError as left:
                error.add_note(f"what was sent stays until the next publish: {left}")
            raise
        return digest

    def _send_parts(self, local: Path, key: str, upload: str, progress: Progress | None) -> tuple[str, Parts]:
        """Send a file in parts, a few at once; returns its sha256 and the parts' names."""
        total, sent, digest = local.stat().st_size, 0, hashlib.sha256()
        part_bytes = max(PART_BYTES, -(-total // MOST_PARTS))
        waiting: deque[tuple[int, Future[Any]]] = deque()
        parts: Parts = []

        def finish_first() -> None:
            nonlocal sent
            size, future = waiting.popleft()
            parts.append({"PartNumber": len(parts) + 1, "ETag": future.result()["ETag"]})
            sent += size
            if progress:
                progress(sent, total)

        with local.open("rb") as source, ThreadPoolExecutor(IN_FLIGHT) as pool:
            for number, block in enumerate(iter(lambda: source.read(part_bytes), b""), start=1):
                digest.update(block)
                if len(waiting) == IN_FLIGHT:
                    finish_first()
                send = partial(self._call, "upload_part", key, UploadId=upload, PartNumber=number, Body=block)
                waiting.append((len(block), pool.submit(send)))
            while waiting:
                finish_first()
        return digest.hexdigest(), parts

    def delete(self, key: str) -> None:
        self._call("delete_object", key)

    def sweep(self, prefix: str, dead: Callable[[str], bool]) -> None:
        page: dict[str, Any] = {}
        while True:
            answer = self._call("list_multipart_uploads", prefix, "Prefix", **page)
            for row in answer.get("Uploads", ()):
                key = row["Key"].removeprefix(self._prefix)
                if dead(key):
                    self._abort(key, row["UploadId"])
            if not answer.get("IsTruncated"):
                return
            page = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}

    def _abort(self, key: str, upload: str) -> None:
        try:
            self._call("abort_multipart_upload", key, UploadId=upload)
        except ObjectNotFound:
            return

    def blocks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        # A few ranges at once fill the line; each is retried on its own.
        for first in range(start, end, PART_BYTES * IN_FLIGHT):
            starts = list(range(first, min(first + PART_BYTES * IN_FLIGHT, end), PART_BYTES))
            ends = [min(at + PART_BYTES, end) for at in starts]
            with self._explained("read", key):
                blocks = self._s3.cat_ranges([self._path(key)] * len(starts), starts, ends, on_error="raise")
            for at, stop, block in zip(starts, ends, blocks, strict=True):
                if len(block) != stop - at:
                    raise BucketError(f"{self.url(key)} ended at byte {at + len(block)} of {end}")
                yield block

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{self._prefix}{key}"

    def _call(self, verb: str, key: str, key_name: str = "Key", **arguments: Any) -> dict[str, Any]:
        with self._explained(verb, key):
            answer: dict[str, Any] = self._s3.call_s3(
                verb, Bucket=self._bucket, **{key_name: self._prefix + key}, **arguments
            )
            return answer

    def _put_if(self, verb: str, key: str, condition: dict[str, str], **arguments: Any) -> None:
        """Put under a condition; raises Conflict where it does not hold."""
        try:
            self._call(verb, key, **condition, **arguments)
        except BucketError as error:
            code = _code(error)
            if code in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                raise self._conflict(key) from error
            if code not in ("NotImplemented", "501"):
                raise
            self._call(verb, key, **arguments)

    def _get(self, key: str) -> tuple[bytes, str]:
        """A small object and its ETag, of the same moment."""

        async def get() -> tuple[bytes, str]:
            answer = await self._s3._call_s3("get_object", Bucket=self._bucket, Key=self._prefix + key)
            async with answer["Body"] as body:
                return await body.read(), answer["ETag"]

        with self._explained("read", key):
            for left in reversed(range(TRIES)):
                try:
                    found: tuple[bytes, str] = sync(self._s3.loop, get)
                    return found
                except (ClientError, HTTPClientError):
                    # The body broke off: s3fs tries only requests again, not their bodies.
                    if not left:
                        raise
        raise AssertionError

    def _conflict(self, key: str) -> Conflict:
        return Conflict(f"{self.url(key)} was written by somebody else in between")

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        """Turn what s3fs raises into the bucket's errors, with the object and what to do."""
        where = f"cannot {verb.replace('_', ' ')} {self.url(key)}"
        try:
            yield
        except BucketError:
            raise
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":
                raise BucketError(f"{where}: the bucket {self._bucket} does not exist; create it first") from error
            raise ObjectNotFound(f"{where}: it does not exist") from error
        except PermissionError as error:
            raise BucketError(f"{where}: {error}; check the AWS credentials and the bucket's policy") from error
        except NoCredentialsError as error:
            raise BucketError(
                f"{where}: no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            ) from error
        except (OSError, BotoCoreError, ClientError) as error:
            raise BucketError(f"{where}: {error}") from error


def _shown(key: str) -> bool:
    """Consoles make empty objects for folders; a folder bucket that was copied here brings its hidden files."""
    return not key.endswith("/") and not any(part.startswith(".") for part in key.split("/"))


def _code(error: BaseException) -> str:
    """The server's own error code, found along the chain of causes."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        cause = cause.__cause__
    return ""
