"""What the library calls an argument, the command line calls by its option."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer

import detectors
from tracker.cli.app import app
from tracker.cli.wording import OPTIONS, for_terminal
from tracker.video.sources import open_source


def test_every_argument_has_an_option() -> None:
    group: Any = typer.main.get_command(app)
    there = {option for p in group.commands["run"].params for option in p.opts}
    arguments = [
        *(p for p in inspect.signature(open_source).parameters if p != "spec"),
        *(p for p in inspect.signature(detectors.load).parameters if p != "name"),
    ]
    assert set(arguments) == set(OPTIONS)
    assert set(OPTIONS.values()) <= there


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start_s must be a time >= 0", "--start must be a time >= 0"),
        ("x fits a and b: pass architecture=... with", "x fits a and b: pass --architecture with"),
        ('no driver, or use device="auto"', "no driver, or use --device auto"),
        ('try precision="float32"', "try --precision float32"),
        ("score_threshold must be in [0, 1], got 2", "--threshold must be in [0, 1], got 2"),
        ("every must be a whole number", "--every must be a whole number"),
        # What only looks like an argument.
        ("/data/start_s/a.mp4: not found", "/data/start_s/a.mp4: not found"),
        ('a.jsonl:1: "class_names" must be a list', 'a.jsonl:1: "class_names" must be a list'),
        ("detect must answer for every device", "detect must answer for every device"),
        ('the device is cpu: use "auto"', 'the device is cpu: use "auto"'),
    ],
)
def test_only_arguments_are_translated(text: str, expected: str) -> None:
    assert for_terminal(text) == expected
