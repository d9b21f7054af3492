"""A server as people run it, and clients that are told another host for the one they know."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.deployments.served import SECONDS, serving
from tests.serving.golden.cases import RUNS, publish_runs

NOW = RUNS["june"].now


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `windlass serve` over runs of made weather, its clock at NOW."""
    folder = tmp_path_factory.mktemp("clients") / "june"
    publish_runs(folder, "june")
    with serving("--stores", str(folder), "--now", NOW.strftime("%Y-%m-%dT%H:%M")) as (_, url, _):
        # Clients wait less long than a start may take.
        assert requests.get(f"{url}/livez", timeout=SECONDS).ok
        yield url


class Elsewhere(HTTPAdapter):
    """Sends what is meant for another host to this server. `asked`: the addresses that clients wrote."""

    def __init__(self, server: str) -> None:
        super().__init__()
        self._server = server
        self.asked: list[str] = []

    def send(self, request: requests.PreparedRequest, *rest: object, **more: object) -> requests.Response:
        assert request.url
        self.asked.append(request.url)
        scheme, host, path, query, _ = urlsplit(request.url)
        if not self._server.endswith(f"//{host}"):
            assert (scheme, host) in {("https", f"{name}.net") for name in ("api.darksky", "api.pirateweather")} | {
                ("https", "timemachine.pirateweather.net")
            }
        request.url = f"{self._server}{path}{f'?{query}' if query else ''}"
        return super().send(request, *rest, **more)  # type: ignore[arg-type]


@pytest.fixture
def asked(server: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every client of this process asks this server; what they asked, in their own words."""
    adapter = Elsewhere(server)
    monkeypatch.setattr(requests.Session, "get_adapter", lambda session, url: adapter)
    return adapter.asked
