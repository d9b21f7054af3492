"""Which coding a client takes, and bodies in it, read back by each coding's own library."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numcodecs import Zstd

from serving.compress import CODECS, IDENTITY, SMALL, acceptable, encode

DECODE: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: bytes(Zstd().decode(body)),
}
BODY = np.random.default_rng(1).integers(48, 58, 5 * SMALL, np.uint8).tobytes()


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        (None, ["identity"]),
        ("", ["identity"]),
        ("gzip", ["gzip", "identity"]),
        ("x-gzip", ["gzip", "identity"]),
        ("GZIP;q=1.0", ["gzip", "identity"]),
        ("gzip, deflate, br, zstd", ["zstd", "gzip", "br", "identity"]),
        ("gzip;q=0.4, br;q=0.9", ["br", "gzip", "identity"]),
        ("gzip;q=0.5, identity", ["identity", "gzip"]),
        ("gzip ; q=0 , br", ["br", "identity"]),
        ("*", ["zstd", "gzip", "br", "identity"]),
        ("*;q=0.1, br", ["br", "zstd", "gzip", "identity"]),
        ("gzip, *;q=0", ["gzip"]),
        ("br, identity;q=0", ["br"]),
        ("*;q=0", ["identity"]),
        ("gzip;q=2, br;q=.5, zstd;q=0.1234", ["identity"]),
        ("deflate, compress", ["identity"]),
        ("gzip" + " " * 5000, ["identity"]),
    ],
)
def test_the_best_coding_comes_first(header: str | None, codings: list[str]) -> None:
    assert list(acceptable(header)) == codings


@pytest.mark.parametrize("coding", CODECS)
def test_a_body_comes_back_from_its_coding(coding: str) -> None:
    coded, name = encode(BODY, (coding, IDENTITY))
    assert name == coding
    assert DECODE[coding](coded) == BODY
    assert len(coded) < 0.7 * len(BODY)
    assert encode(BODY, (coding, IDENTITY)) == (coded, name)


def test_a_small_body_stays_as_it_is_unless_that_is_refused() -> None:
    assert encode(BODY[: SMALL - 1], ("gzip", IDENTITY)) == (BODY[: SMALL - 1], IDENTITY)
    assert encode(BODY[:SMALL], ("gzip", IDENTITY))[1] == "gzip"
    assert encode(b"", ("gzip",))[1] == "gzip"


@given(
    st.text(max_size=60)
    | st.from_regex(r"((gzip|br|\*|identity|x)(;q=[01](\.[0-9]{1,3})?)?[, ]*){0,6}", fullmatch=True)
)
def test_no_header_leaves_a_client_without_an_answer(header: str) -> None:
    codings = acceptable(header)
    assert codings
    assert set(codings) <= DECODE.keys()
    coded, coding = encode(BODY, codings)
    assert DECODE[coding](coded) == BODY
