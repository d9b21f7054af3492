"""A process that is warm has nothing to compile or to load for the first who asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.serving.client import NOW

SCRIPT = """
import gc, json, sys
from datetime import datetime
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from serving.forecast import warm
from serving.door import ForecastDoor
from serving.metrics import Metrics
from serving.stores import Stores

def compiled():
    kernels = (held for held in gc.get_objects() if isinstance(held, Dispatcher))
    return {held.py_func.__qualname__: len(held.signatures) for held in kernels}

def clock():
    return datetime.fromisoformat(sys.argv[2])

warm()
before = compiled()
stores = Stores(Path(sys.argv[1]))
stores.check()
door = ForecastDoor(stores, clock, Metrics(stores, clock))
statuses = [door.answer("52.5,13.4" + at, query.encode()).status for at, query in json.loads(sys.argv[3])]
print(json.dumps([statuses, {name: count for name, count in compiled().items() if count != before.get(name)}]))
"""
ASKED = [
    ("", ""),
    ("", "version=2&extend=hourly&include=day_night_forecast&icon=pirate&missing=null&provenance=1"),
    ("", "exclude=minutely,hourly,daily,flags"),
    ("", "exclude=currently,minutely&cell=nearest"),
    (",-3600", "tmextra=1"),
]


def test_the_first_answers_find_every_kernel_compiled(folder: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(folder), NOW.isoformat(), json.dumps(ASKED)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [[200] * len(ASKED), {}]
