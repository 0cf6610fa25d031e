"""Help texts: every command has examples whose options exist; errors of usage name the way out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
import typer

from tracker.cli.app import app
from tracker.cli.console import ExitCode
from tracker.cli.helptext import EXIT_CODES

Cli = Callable[..., Any]
COMMANDS = ("run", "live", "evaluate", "calibrate", "triage", "rank", "demo", "models", "bag")


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
