"""How bytes come from a mirror: HTTP or a folder, one vocabulary. One attempt each; patience is `mirrors.py`'s."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from tasks.errors import Absent, Interrupted, MirrorError, RangeIgnored, Refused, Throttled, Unfit
from tasks.wanted import Mirror

if TYPE_CHECKING:
    import aiohttp

LARGEST_INDEX = 16 << 20
"""An index of 700 messages has 40 kB; something larger than this is no index."""
BLOCK = 256 << 10
"""Bytes that are read at once, and that asyncio takes from a socket at once."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Transport(ABC):
    """Reads a mirror's files by path. Everything raises a MirrorError whose message names the URL, without secrets.

    `ranges`: whether the mirror answers a range with the range. While False `stream` reads the file from its start and
    leaves out what lies before the range, until the mirror thinks better of it.
    """

    ranges = True

    @abstractmethod
    def url(self, path: str) -> str:
        """Where a file lies, for messages and provenance."""

    @abstractmethod
    def stream(self, path: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Bytes [start, end) in order, or to the file's end; raises Unfit where the file is shorter."""

    @abstractmethod
    async def size(self, path: str) -> int:
        """Bytes of a file."""

    @abstractmethod
    async def look(self, path: str, mark: str | None = None) -> str:
        """A mark of the file as it is now, got without its bytes: another one where it has changed. Raises Absent.

        `mark`: the one that is known already, so that the mirror need not say more than that it still holds.
        """

    async def read(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes [start, end) at once: an index, or the heads of a message's sections."""
        limit = LARGEST_INDEX if end is None else end - start
        found = bytearray()
        async with aclosing(self.stream(path, start, end)) as blocks:
            async for block in blocks:
                found += block
                if len(found) > limit:
                    raise MirrorError(f"{self.url(path)} sent more than {limit} bytes")
        return bytes(found)


class FolderTransport(Transport):
    """A folder laid out as the public bucket is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, path: str) -> str:
        return str(self.folder / path)

    async def stream(self, path: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        try:
            with (self.folder / path).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if start > size or (end is not None and end > size):
                    raise Unfit(f"{self.url(path)} ends at byte {size}, before byte {end or start}")
                end = size if end is None else end
                while start < end:
                    block = os.pread(file.fileno(), min(BLOCK, end - start), start)
                    if not block:
                        raise Interrupted(f"{self.url(path)} became shorter while it was read")
                    start += len(block)
                    yield block
        except MirrorError:
            raise
        except OSError as error:
            raise _of_folder(error, self.url(path)) from error

    async def size(self, path: str) -> int:
        return self._stat(path).st_size

    async def look(self, path: str, mark: str | None = None) -> str:
        stat = self._stat(path)
        return f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}"

    def _stat(self, path: str) -> os.stat_result:
        try:
            return (self.folder / path).stat()
        except OSError as error:
            raise _of_folder(error, self.url(path)) from error


def _of_folder(error: OSError, url: str) -> MirrorError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Absent(f"{url} does not exist")
    if isinstance(error, PermissionError):
        return Refused(f"{url} may not be read")
    return Interrupted(f"{url}: {error.strerror or error}")


class HttpTransport(Transport):
    """A public bucket or file server, by range requests. Never follows a redirect: NOMADS' bot wall is one."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self._base = urlsplit(base)
        self._session = session
        self._proxy = proxy_of(base)

    def url(self, path: str) -> str:
        # User and query may be secrets.
        host = self._base.netloc.rpartition("@")[2]
        return urlunsplit((self._base.scheme, host, self._path(path), "", ""))

    def _path(self, path: str) -> str:
        return f"{self._base.path.rstrip('/')}/{path}"

    async def stream(self, path: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        url = self.url(path)
        wanted = None if end is None else end - start
        headers = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        async with self._answer(path, headers) as answer:
            skip = self._skip(answer, url, start, bool(headers))
            got = 0
            async for block in answer.content.iter_any():
                if skip >= len(block):
                    skip -= len(block)
                    continue
                block = block[skip : None if wanted is None else skip + wanted - got]
                skip = 0
                got += len(block)
                yield block
                if got == wanted:
                    return
            if wanted is not None:
                raise self._short(answer, url, got, wanted)

    def _skip(self, answer: aiohttp.ClientResponse, url: str, start: int, ranged: bool) -> int:
        """Bytes of the body before the wanted ones; raises where the mirror answered with other bytes."""
        if not ranged:
            return 0
        if answer.status == 200:
            if self.ranges:
                raise RangeIgnored(f"{url} ignores ranges")
            return start
        said = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if said is None or int(said[1]) != start:
            raise Interrupted(f"{url} answered other bytes: {answer.headers.get('Content-Range')!r} from {start}")
        self.ranges = True
        return 0

    def _short(self, answer: aiohttp.ClientResponse, url: str, got: int, wanted: int) -> MirrorError:
        if answer.status == 206:
            said = _CONTENT_RANGE.fullmatch(answer.headers["Content-Range"])
            if said and said[3] != "*" and int(said[2]) + 1 == int(said[3]):
                return Unfit(f"{url} has {said[3]} bytes, {wanted - got} too few for its index")
        elif answer.content_length is not None:
            return Unfit(f"{url} has {answer.content_length} bytes, {wanted - got} too few for its index")
        return Interrupted(f"{url} sent {got} bytes instead of {wanted}")

    async def size(self, path: str) -> int:
        async with self._answer(path, {"Range": "bytes=0-0"}) as answer:
            said = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if said is None or said[3] == "*":
                raise RangeIgnored(f"{self.url(path)} ignores ranges: its messages cannot be looked for")
            return int(said[3])

    async def look(self, path: str, mark: str | None = None) -> str:
        # One byte, as not every server answers HEAD as it answers GET.
        headers = {"Range": "bytes=0-0"} | ({"If-None-Match": mark} if mark and '"' in mark else {})
        async with self._answer(path, headers, (200, 206, 304)) as answer:
            if answer.status == 304 and mark is not None:
                return mark
            said = answer.headers
            return said.get("ETag") or f"{said.get('Last-Modified')} {said.get('Content-Range')}"

    @asynccontextmanager
    async def _answer(
        self, path: str, headers: dict[str, str], fine: Collection[int] = (200, 206)
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer whose status is `fine`. Whatever fails until the body is read becomes a MirrorError."""
        import aiohttp

        url = self.url(path)
        address = urlunsplit(self._base._replace(path=self._path(path), fragment=""))
        try:
            async with self._session.get(address, headers=headers, allow_redirects=False, proxy=self._proxy) as answer:
                if answer.status not in fine:
                    raise _of_status(answer, url)
                yield answer
        except TimeoutError as error:
            raise Interrupted(f"{url} stalled") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Refused(f"{url} has no certificate to be trusted: {error.certificate_error}") from error
        except aiohttp.ClientConnectorError as error:
            raise Interrupted(f"{url} cannot be reached: {error.strerror or error.os_error}") from error
        except aiohttp.InvalidURL as error:
            raise Refused(f"{url} is not a URL") from error
        except aiohttp.ClientPayloadError as error:
            raise Interrupted(f"{url} ended early") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Interrupted(f"{url}: {type(error).__name__}") from error


def _of_status(answer: aiohttp.ClientResponse, url: str) -> MirrorError:
    status, said = answer.status, f"{url}: HTTP {answer.status}"
    if status in (404, 410):
        return Absent(said)
    if status == 416:
        return Unfit(said)
    if 300 <= status < 400:
        # NOMADS sends robots that ask too often to another page.
        return Throttled(f"{said}, a redirect", _retry_after(answer.headers.get("Retry-After")))
    if status in (408, 425, 429) or status >= 500:
        return Throttled(said, _retry_after(answer.headers.get("Retry-After")))
    return Refused(said)


def _retry_after(text: str | None) -> float:
    """Seconds, from a number or a date; 0 where there is none."""
    if not text:
        return 0.0
    if text.strip().isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def proxy_of(url: str) -> str | None:
    """What `http_proxy`, `https_proxy` and `no_proxy` of the environment mean for a URL.

    Asked once a mirror: aiohttp's own `trust_env` asks in a thread for every request, 0.3 ms of CPU (2026-11).
    """
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


def open_session(connections: int, connect: float, stall: float) -> aiohttp.ClientSession:
    """A pool of connections, and how many seconds to wait for one and for the next bytes. Needs a running loop."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=stall),
        # GRIB is compressed already, and offsets are those of the bytes as they lie.
        headers={"User-Agent": "windlass", "Accept-Encoding": "identity"},
        auto_decompress=False,
        read_bufsize=BLOCK,
    )


def open_transport(mirror: Mirror, session: aiohttp.ClientSession) -> Transport:
    return FolderTransport(Path(mirror.base)) if mirror.is_folder else HttpTransport(mirror.base, session)
