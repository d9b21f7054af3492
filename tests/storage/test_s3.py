"""What only S3 does: parts, faults of the server and of the line, credentials."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.bucket import Bucket, open_bucket
from storage.errors import BucketError, Conflict, ObjectNotFound

MIB = 1 << 20


@pytest.fixture
def bucket(s3: Any) -> Bucket:
    return open_bucket(s3.base)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 33 MiB: three parts."""
    (tmp_path / "run").write_bytes(random.Random(0).randbytes(33 * MIB))
    return tmp_path / "run"


def times(count: int, fault: str, where: Callable[[dict[str, Any]], bool]) -> Callable[[dict[str, Any]], str | None]:
    """A fault that shows `count` times where `where(environ)`."""
    left = [count]

    def answer(environ: dict[str, Any]) -> str | None:
        if left[0] and where(environ):
            left[0] -= 1
            return fault
        return None

    return answer


def objects(s3: Any) -> list[str]:
    return [row["Key"] for row in s3.client.list_objects_v2(Bucket=s3.bucket).get("Contents", ())]


def halves(s3: Any) -> list[str]:
    return [row["Key"] for row in s3.client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads", ())]


def test_objects_lie_below_the_prefix_and_others_are_not_seen(s3: Any, bucket: Bucket) -> None:
    s3.client.put_object(Bucket=s3.bucket, Key="other/gfs/a", Body=b"x")
    s3.client.put_object(Bucket=s3.bucket, Key="runs2/gfs/a", Body=b"x")
    s3.client.put_object(Bucket=s3.bucket, Key="runs/gfs/", Body=b"")
    s3.client.put_object(Bucket=s3.bucket, Key="runs/.lock", Body=b"")
    bucket.write("gfs/a", b"mine")
    assert bucket.list() == ["gfs/a"]
    assert "runs/gfs/a" in objects(s3)
    assert bucket.url("gfs/a") == f"{s3.base}/gfs/a"
    assert "runs/gfs/a" in open_bucket(f"s3://{s3.bucket}").list()


def test_long_lists_come_in_pages(s3: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(8):
        bucket.write(f"gfs/{number}", b"")
    s3.asked.clear()
    assert bucket.list("gfs/") == [f"gfs/{number}" for number in range(8)]
    assert len(s3.asked) == 3


def test_a_large_file_goes_in_parts(s3: Any, bucket: Bucket, file: Path) -> None:
    bucket.upload(file, "gfs/run.zip")
    parts = [line for line in s3.asked if "partNumber=" in line]
    assert len(parts) == 3
    assert s3.client.head_object(Bucket=s3.bucket, Key="runs/gfs/run.zip")["ETag"].endswith('-3"')


def test_a_part_that_fails_once_is_sent_again(s3: Any, bucket: Bucket, file: Path) -> None:
    s3.fault = times(1, "InternalError", lambda environ: "partNumber=2" in environ["QUERY_STRING"])
    sha256 = bucket.upload(file, "gfs/run.zip")
    assert sha256 == hashlib.sha256(b"".join(bucket.blocks("gfs/run.zip", 0, 33 * MIB))).hexdigest()
    assert sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_upload_that_keeps_failing_leaves_nothing_and_says_where(s3: Any, bucket: Bucket, file: Path) -> None:
    s3.fault = times(-1, "InternalError", lambda environ: "partNumber=2" in environ["QUERY_STRING"])
    with pytest.raises(BucketError, match=rf"upload part {s3.base}/gfs/run.zip: .*InternalError"):
        bucket.upload(file, "gfs/run.zip")
    assert objects(s3) == []
    assert halves(s3) == []


def test_an_upload_that_cannot_even_be_aborted_says_that_it_is_left(s3: Any, bucket: Bucket, file: Path) -> None:
    s3.fault = times(-1, "InternalError", lambda environ: "uploadId=" in environ["QUERY_STRING"])
    with pytest.raises(BucketError, match="upload part") as caught:
        bucket.upload(file, "gfs/run.zip")
    assert "stays until the next publish: cannot abort multipart upload" in caught.value.__notes__[0]
    s3.fault = None
    assert halves(s3) == ["runs/gfs/run.zip"]
    bucket.sweep("gfs/", lambda key: key == "gfs/run.zip")
    assert halves(s3) == []


def test_an_upload_that_somebody_overtook_is_a_conflict(s3: Any, bucket: Bucket, file: Path) -> None:
    def overtake(done: int, total: int) -> None:
        if done == total:
            s3.client.put_object(Bucket=s3.bucket, Key="runs/gfs/run.zip", Body=b"first")

    with pytest.raises(Conflict):
        bucket.upload(file, "gfs/run.zip", overtake)
    assert bucket.read("gfs/run.zip") == b"first"
    assert halves(s3) == []


@pytest.mark.parametrize("cut", [1, -1])
def test_a_read_that_breaks_off_is_tried_again_and_then_said(s3: Any, bucket: Bucket, cut: int) -> None:
    bucket.write("gfs/run.zip", b"0123456789")
    s3.fault = times(cut, "cut", lambda environ: environ["REQUEST_METHOD"] == "GET")
    if cut == 1:
        assert b"".join(bucket.blocks("gfs/run.zip", 0, 10)) == b"0123456789"
        s3.fault = times(cut, "cut", lambda environ: environ["REQUEST_METHOD"] == "GET")
        assert bucket.read("gfs/run.zip") == b"0123456789"
        return
    with pytest.raises(BucketError, match=f"cannot read {s3.base}/gfs/run.zip"):
        list(bucket.blocks("gfs/run.zip", 0, 10))
    with pytest.raises(BucketError, match=f"cannot read {s3.base}/gfs/run.zip"):
        bucket.read("gfs/run.zip")


def test_a_swap_whose_answer_was_lost_is_done(s3: Any, bucket: Bucket) -> None:
    for expected, data in ((None, b"one"), (b"one", b"two")):
        s3.fault = times(1, "lost", lambda environ: environ["REQUEST_METHOD"] == "PUT")
        s3.asked.clear()
        bucket.swap("gfs/latest.json", data, expected)
        assert len([line for line in s3.asked if line.startswith("PUT")]) == 2
        assert bucket.read("gfs/latest.json") == data


def test_a_manifest_deleted_in_between_is_a_conflict(s3: Any, bucket: Bucket) -> None:
    bucket.write("gfs/latest.json", b"one")
    s3.fault = lambda environ: "NoSuchKey" if environ["REQUEST_METHOD"] == "PUT" else None
    with pytest.raises(Conflict, match=f"{s3.base}/gfs/latest.json was written by somebody else"):
        bucket.swap("gfs/latest.json", b"two", b"one")


def test_a_server_without_conditional_puts_gets_plain_ones(s3: Any, bucket: Bucket, file: Path) -> None:
    s3.fault = lambda environ: (
        "NotImplemented" if "HTTP_IF_MATCH" in environ or "HTTP_IF_NONE_MATCH" in environ else None
    )
    bucket.swap("gfs/latest.json", b"one", None)
    bucket.swap("gfs/latest.json", b"two", b"one")
    with pytest.raises(Conflict):
        bucket.swap("gfs/latest.json", b"three", b"one")
    assert bucket.read("gfs/latest.json") == b"two"
    bucket.upload(file, "gfs/run.zip")
    assert bucket.size("gfs/run.zip") == 33 * MIB


def test_a_missing_bucket_says_so(s3: Any) -> None:
    missing = open_bucket("s3://windlass-no-such-bucket/runs")
    for ask in (missing.list, lambda: missing.read("gfs/latest.json"), lambda: missing.write("gfs/a", b"")):
        with pytest.raises(BucketError, match="windlass-no-such-bucket does not exist; create it first") as caught:
            ask()
        assert not isinstance(caught.value, ObjectNotFound)


def test_refused_credentials_are_said_with_what_to_do(s3: Any, bucket: Bucket) -> None:
    s3.fault = lambda environ: "InvalidAccessKeyId"
    for ask in (bucket.list, lambda: bucket.size("gfs/a"), lambda: bucket.read("gfs/a")):
        with pytest.raises(BucketError, match="check the AWS credentials and the bucket's policy") as caught:
            ask()
        assert bucket.base in str(caught.value)
        assert "secret" not in str(caught.value)


def test_no_credentials_at_all_are_said_with_what_to_do(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(BucketError, match="no AWS credentials; set AWS_ACCESS_KEY_ID"):
        open_bucket(s3.base).list()


def test_a_server_that_is_not_there_is_said(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BucketError, match=f"cannot list objects v2 {s3.base}/: .*127.0.0.1:9"):
        open_bucket(s3.base).list()


@pytest.mark.parametrize("url", ["s3://", "s3:///runs", "s3://key:secret@bucket/runs", "s3://bucket/runs?secret=x"])
def test_an_address_with_secrets_or_without_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(BucketError, match="credentials come from the environment") as caught:
        open_bucket(url)
    assert "secret" not in str(caught.value)


def test_a_sweep_ends_only_the_uploads_it_is_told_are_dead(s3: Any, bucket: Bucket) -> None:
    for key in ("runs/gfs/old.zip", "runs/gfs/new.zip", "runs/ifs/old.zip"):
        s3.client.create_multipart_upload(Bucket=s3.bucket, Key=key)
    asked: list[str] = []

    def dead(key: str) -> bool:
        asked.append(key)
        return "old" in key

    bucket.sweep("gfs/", dead)
    assert sorted(asked) == ["gfs/new.zip", "gfs/old.zip"]
    assert sorted(halves(s3)) == ["runs/gfs/new.zip", "runs/ifs/old.zip"]


def test_an_upload_that_was_swept_meanwhile_is_a_conflict(s3: Any, bucket: Bucket, file: Path) -> None:
    def sweep(done: int, total: int) -> None:
        bucket.sweep("gfs/", lambda key: True)

    with pytest.raises(Conflict, match=r"the upload of .*gfs/run.zip was ended by another publisher"):
        bucket.upload(file, "gfs/run.zip", sweep)
    assert objects(s3) == []
