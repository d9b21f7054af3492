"""`windlass demo` from start to Ctrl-C, and what a browser sees of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("demo")]


@dataclass(frozen=True)
class Shown:
    """What the demo printed while it runs."""

    process: subprocess.Popen[str]
    answer: dict[str, Any]
    urls: dict[str, str]
    folder: Path

    @property
    def prefect_api(self) -> str:
        return self.urls["Prefect UI"].removesuffix("/dashboard") + "/api"

    def ask_prefect(self, path: str) -> Any:
        """POST an empty filter to the Prefect server's API."""
        request = Request(self.prefect_api + path, data=b"{}", headers={"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("demo") / "runs"
    command = [sys.executable, "-m", "deployments.cli", "demo", "--folder", str(folder), "--step", "10"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with (folder.parent / "stderr").open("wb") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith("Prefect UI"):
                break
        else:
            pytest.fail(f"the demo ended: {(folder.parent / 'stderr').read_text()}")
        answer, _, rest = printed.rpartition("\n}\n")
        urls = dict(re.findall(r"^(forecast|API docs|Prefect UI) +(\S+)$", rest, re.MULTILINE))
        yield Shown(process, json.loads(answer + "\n}"), urls, folder)
    finally:
        process.kill()
        process.wait()


def test_it_prints_a_forecast_of_both_models_and_where_to_look(demo: Shown) -> None:
    assert demo.answer["timezone"] == "Europe/Berlin"
    assert "temperature" in demo.answer["currently"]
    assert set(demo.answer["flags"]["sources"]) == {"ecmwf_ifs", "gfs"}
    assert set(demo.urls) == {"forecast", "API docs", "Prefect UI"}
    for url in demo.urls.values():
        # Prefect gives its page for a deep link to browsers only.
        with urlopen(Request(url, headers={"Accept": "text/html,*/*"}), timeout=60) as answer:
            assert answer.status == 200


def test_prefect_tells_an_operator_what_happened(demo: Shown) -> None:
    runs = demo.ask_prefect("/flow_runs/filter")
    assert sorted(run["name"].split()[0] for run in runs) == ["gfs", "ifs"]
    assert {run["state_type"] for run in runs} == {"COMPLETED"}
    artifacts = demo.ask_prefect("/artifacts/filter")
    assert {artifact["key"] for artifact in artifacts} == {
        f"{model}-run-{what}" for model in ("gfs", "ifs") for what in ("leads", "map", "result")
    }


@pytest.mark.browser
def test_the_map_and_the_table_show_in_prefects_pages(demo: Shown, browse: Any) -> None:
    artifacts = {artifact["key"]: artifact["id"] for artifact in demo.ask_prefect("/artifacts/filter")}
    base = demo.urls["Prefect UI"].removesuffix("/dashboard")
    shown = browse(f"{base}/artifacts/artifact/{artifacts['gfs-run-map']}").dom
    assert "2 m temperature" in shown
    assert 'src="data:image/png;base64,' in shown
    assert "mirrors" in browse(f"{base}/artifacts/artifact/{artifacts['gfs-run-leads']}").dom


def test_ctrl_c_ends_all_of_it(demo: Shown) -> None:
    family = [psutil.Process(demo.process.pid), *psutil.Process(demo.process.pid).children(recursive=True)]
    assert len(family) >= 3
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(timeout=60) == 0
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
