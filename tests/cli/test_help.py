"""Help texts: every command has examples whose options exist; errors of usage name the way out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from tracker.cli.app import app
from tracker.cli.console import ExitCode
from tracker.cli.helptext import EXIT_CODES, Command

Cli = Callable[..., Any]
COMMANDS = (
    "run",
    "live",
    "evaluate",
    "calibrate",
    "triage",
    "review",
    "rank",
    "demo",
    "models",
    "bag",
)


def test_every_command_is_listed(cli: Cli) -> None:
    result = cli("--help")
    assert result.exit_code == 0
    group: Any = typer.main.get_command(app)
    assert tuple(group.commands) == COMMANDS
    for name in COMMANDS:
        assert re.search(rf"\b{name}\b", result.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_parse(cli: Cli, name: str) -> None:
    text = cli(name, "--help").stdout
    examples = [line.strip() for line in text.splitlines() if line.startswith("  conftrack ")]
    assert examples
    group: Any = typer.main.get_command(app)
    for example in examples:
        command, *arguments = shlex.split(example)[1:]
        # Parsing checks every option and its type; nothing runs.
        group.commands[command].make_context(command, arguments)


def test_the_exit_codes_of_the_help_are_those_of_the_program(cli: Cli) -> None:
    listed = {int(code) for code in re.findall(r"^  (\d+) ", EXIT_CODES, re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode}
    for name in COMMANDS:
        assert EXIT_CODES in cli(name, "--help").stdout


def commands_of(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the program by the words that call it."""
    for name, command in group.commands.items():
        yield (*names, name), command
        if hasattr(command, "commands"):
            yield from commands_of(command, *names, name)


def bracketed(command: Any) -> set[str]:
    """The words in brackets of all that a command's help says of it and its options."""
    texts = [getattr(told, "help", None) or "" for told in (command, *command.params)]
    texts += [p.metavar or "" for p in command.params]
    # As they are written: what is escaped for Rich is so by the program alone.
    return set(re.findall(r"\[[\w.:]+\]?", " ".join(texts).replace("\\[", "[")))


def test_brackets_survive_the_help_of_every_command(cli: Cli) -> None:
    found = 0
    for words, command in commands_of(typer.main.get_command(app)):
        # Lines are broken at spaces, and in a panel long words are too.
        text = re.sub(r"[│\s]", "", cli(*words, "--help").stdout)
        for word in bracketed(command):
            assert word in text, f"{' '.join(words)} --help does not show {word}"
            found += 1
    assert found, "[HOST:]PORT is one"


def test_brackets_are_no_markup() -> None:
    small = typer.Typer(rich_markup_mode="rich")

    @small.command(cls=Command, help="Reads [live] and [cameras.NAME].")
    def read(
        one: Annotated[str, typer.Option(help="The [outlets] table, and [bold].")] = "",
    ) -> None:
        pass

    result = CliRunner().invoke(small, ["--help"])
    assert result.exit_code == 0
    for word in ("[live]", "[cameras.NAME]", "[outlets]", "[bold]"):
        assert word in result.stdout


def test_unknown_commands_are_code_2(cli: Cli) -> None:
    result = cli("rnu")
    assert result.exit_code == 2
    assert "rnu" in result.stderr


def test_models_can_be_read_at_80_columns(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from detectors import available
    from tracker.cli.console import out

    monkeypatch.setattr(out, "_width", 80)
    lines = cli("models").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    text = re.sub(r"\s+", " ", "\n".join(lines))
    for info in available():
        assert info.note in text, "no word of a note is broken"
        (line,) = (line for line in lines if line.startswith(f"{info.name} "))
        assert line.rstrip().endswith(("yes", "no"))


def test_models_lists_the_bundled_one(cli: Cli) -> None:
    result = cli("models")
    assert result.exit_code == 0, result.output
    for name in ("fasterrcnn_lite0_fpn_person", "fasterrcnn_resnet50_fpn_v2", "replay:PATH"):
        assert name in result.stdout
    assert cli("models", "--cached").exit_code == 0
