"""docs/live.md is true: its settings load, its keys and measures are those of the program."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.live.test_events import C, L, told
from tests.live.test_status import samples
from tests.live.test_status import system as _system
from tracker.live.metrics import exposition
from tracker.live.outlets.lines import _line
from tracker.live.settings import named_sources, read_settings

PAGE = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")
system = _system


def block(kind):
    (text,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.S)
    return text


def test_the_settings_load(tmp_path, monkeypatch):
    for name in ("CAMERA_USER", "CAMERA_PASSWORD", "HOOK_USER", "HOOK_PASSWORD"):
        monkeypatch.setenv(name, name.lower())
    path = tmp_path / "cameras.toml"
    path.write_text(block("toml"), encoding="utf-8")
    settings, tracker = read_settings(path)
    assert list(settings.cameras) == ["front", "yard"]
    assert settings.cameras["front"].source == "rtsp://camera_user:camera_password@10.0.0.5/stream1"
    assert settings.cameras["yard"].transport == "udp"
    assert settings.outlets.record
    assert tracker.existence.confirm_at == 0.85
    assert tracker.existence.max_gap_s == 15.0, "the rest is as in configs/camera.toml"
    tomllib.loads(block("toml"))


def test_the_event_has_the_keys_of_the_program_and_the_table_has_them_all():
    shown = json.loads(block("json event"))
    lost = told([C] * 5 + [L] * 25)[1][2].to_dict()
    assert set(shown) - {"snapshot_jpeg"} == set(lost)
    assert set(shown["evidence"]) >= {"looks", "hits", "misses", "not_looked"}
    table = PAGE.split("| key | meaning |")[1].split("\n\n")[0]
    keys = set(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines()[2:])))
    assert keys == set(shown) | {"again", "class_before"}
    assert json.loads(_line(lost)) == lost


def test_the_measures_are_those_of_the_program(system):
    table = PAGE.split("| measure | labels | meaning |")[1].split("\n\n")[0]
    documented = set(re.findall(r"`(conftrack_\w+)`", table))
    next(iter(system.cameras.values())).counts.recent_latency_s.append(0.1)
    text = exposition(system.health())
    assert documented == {name for name, _ in samples(text)} | {"conftrack_events_total"}


@pytest.mark.parametrize("line", re.findall(r"^(conftrack live .*?)\s+#", PAGE, re.M))
def test_the_command_lines_parse(line, tmp_path, monkeypatch):
    import shlex

    import typer

    from tracker.cli.app import app

    group = typer.main.get_command(app)
    command, *words = shlex.split(line)[1:]
    context = group.commands[command].make_context(command, words)
    named_sources(context.params["sources"] or [])
