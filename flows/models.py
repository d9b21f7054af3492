"""Which models there are: one file of this room each, found by name and loaded when asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from flows.flow import ModelFlow
from flows.model import UnknownModel

_DECLARATION = "\nMODEL = Model("


def model_names() -> list[str]:
    """Names of all models: the files of this room that declare one. Loads none of them."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if _DECLARATION in file.read_text("utf-8"))


def flow_named(name: str) -> ModelFlow:
    """The flow of a model; raises UnknownModel with the names there are."""
    names = model_names()
    if name not in names:
        raise UnknownModel(f"there is no model {name!r}; models: {', '.join(names)}")
    found = getattr(import_module(f"flows.{name}"), name)
    if not isinstance(found, ModelFlow):
        raise TypeError(f"flows/{name}.py: {name} is not decorated with @flow(MODEL)")
    return found
