"""docs/bags.md says what the code does: topics, types, fields, encodings, parameters, options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer

from tracker.bags.definitions import DEFINITIONS
from tracker.bags.images import ENCODINGS
from tracker.bags.writing import TOPICS
from tracker.cli.bag import bag

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "bags.md").read_text(encoding="utf-8")


def test_topics_and_types() -> None:
    rows = re.findall(r"^\| `/conftrack/(\w+)` \| `([\w/]+)` \|.*\| (.+) \|$", PAGE, re.M)
    assert {key: type_name for key, type_name, _ in rows} == TOPICS
    latched = {key for key, _, qos in rows if "transient local" in qos}
    assert latched == {"label_info", "vision_info"}


def test_fields_of_the_companion() -> None:
    text = DEFINITIONS["conftrack_msgs/msg/Track"]
    fields = re.findall(r"^(\w+(?:\[\d+\])?) (\w+)$", text, re.M)
    section = PAGE.split("### tracks\n")[1].split("\n### ")[0]
    documented = [
        (kind, name.strip(" `"))
        for names, kind in re.findall(r"^\| (`.+?) \| ([\w\[\]]+) \|", section, re.M)
        for name in names.split(",")
    ]
    assert documented == fields


def test_encodings() -> None:
    section = PAGE.split("| encodings |\n")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", section)) == set(ENCODINGS)


def test_options_exist() -> None:
    group: Any = typer.main.get_command(bag)
    options = {option for p in group.commands["run"].params for option in p.opts}
    named = set(re.findall(r"(?<=`)--[a-z-]+|(?<= )--[a-z]+-topic", PAGE))
    assert named - options == {"--managed"}


def test_parameters_of_the_node() -> None:
    node = (ROOT / "scripts" / "ros2_node.py").read_text(encoding="utf-8")
    declared = re.findall(r'^            \("(\w+)", (.+)\),$', node, re.M)
    rows = re.findall(r"^\| `(\w+)` \| (\S*) ?\| ", PAGE.split("| parameter |")[1], re.M)
    assert len(declared) == 8
    assert {name: default.strip("`") for name, default in rows} == {
        name: default.strip('"') for name, default in declared
    }
