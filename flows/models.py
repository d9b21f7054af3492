"""Which models there are: the flows of this room's files, found by name and loaded when asked for."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from flows.flow import ModelFlow
from flows.model import UnknownModel

_FLOW = re.compile(r"^(\w+) = flow_of\(\w+\)$", re.MULTILINE)


def model_names() -> list[str]:
    """Names of all models: what is `flow_of(...)` a declaration. Loads none of them."""
    return sorted(_files())


def flow_named(name: str) -> ModelFlow:
    """The flow of a model; raises UnknownModel with the names there are."""
    files = _files()
    if name not in files:
        raise UnknownModel(f"there is no model {name!r}; models: {', '.join(sorted(files))}")
    found = getattr(import_module(f"flows.{files[name]}"), name)
    if not isinstance(found, ModelFlow):
        raise TypeError(f"flows/{files[name]}.py: {name} is no flow_of(MODEL)")
    return found


def file_of(name: str) -> str:
    """The file that declares a model, without its ending; raises KeyError."""
    return _files()[name]


def _files() -> dict[str, str]:
    """Model -> its file."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return {name: file.stem for file in files for name in _FLOW.findall(file.read_text("utf-8"))}
