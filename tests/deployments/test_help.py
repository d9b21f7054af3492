"""`--help` teaches: every command by an example that it would take, every option in words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
import typer

from deployments.cli import app

MARKUP = re.compile(r"\[/?[a-z]+\]")


def commands(group: click.Command, name: str = "windlass") -> Iterator[tuple[str, click.Command]]:
    below = getattr(group, "commands", None)
    if below is None:
        yield name, group
        return
    for word, command in below.items():
        yield from commands(command, f"{name} {word}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def examples(name: str, text: str) -> list[list[str]]:
    """The words of each example of a command, without those that a shell reads and without what it does."""
    found = []
    for line in MARKUP.sub("", text).splitlines():
        told = re.search(rf"(?:^|\s){name}((?: .*)?)$", line)
        if told and (line.startswith(("  ", "Example")) or "=" in line.split(name)[0]):
            found.append(shlex.split(re.split(r"\s{2,}| > |; ", told.group(1))[0]))
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_examples_that_it_would_take(name: str) -> None:
    command = COMMANDS[name]
    shown = examples(name, command.help or "")
    assert shown, f"{name} --help shows no example"
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for words in shown:
        asked = {word.split("=")[0] for word in words if word.startswith("--")}
        assert asked <= options, f"{name} {' '.join(words)}"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_says_what_it_does(name: str) -> None:
    for parameter in COMMANDS[name].params:
        told = getattr(parameter, "help", None)
        assert getattr(parameter, "hidden", False) or told, f"{name} {parameter.name}"
        assert not told or len(told) > 8, f"{name} {parameter.name}: {told}"


def test_commands_that_help_names_exist() -> None:
    for name, command in COMMANDS.items():
        for word in re.findall(r"\[bold\]windlass ([a-z-]+)", command.help or ""):
            assert any(other.split()[1] == word for other in COMMANDS), f"{name} names windlass {word}"
