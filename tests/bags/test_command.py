"""`conftrack bag`: options, mistakes, damage, interruption."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

import tracker
from tracker.cli.bag import bag
from tracker.cli.helptext import EXIT_CODES

Kit = SimpleNamespace
Cli = Callable[..., Any]
CAMERA = "/camera/image_raw"


@pytest.mark.parametrize("name", ["run", "info"])
def test_help_has_examples_that_parse(cli: Cli, name: str) -> None:
    text = cli("bag", name, "--help").stdout
    assert EXIT_CODES in text
    examples = [line.strip() for line in text.splitlines() if line.startswith("  conftrack bag ")]
    assert examples
    group: Any = typer.main.get_command(bag)
    for example in examples:
        command, *arguments = shlex.split(example)[2:]
        group.commands[command].make_context(command, arguments)


def test_the_group_lists_its_commands(cli: Cli) -> None:
    text = cli("bag", "--help").stdout
    assert re.search(r"\brun\b", text)
    assert re.search(r"\binfo\b", text)


def test_info_lists_topics_and_their_use(cli: Cli, drive: Path) -> None:
    result = cli("bag", "info", drive)
    assert result.exit_code == 0, result.output
    assert "UTC" in result.stdout
    for topic, use in ((CAMERA, "--image-topic"), ("/rosout_text", "-")):
        assert re.search(rf"^{topic} .* 20 +{use}", result.stdout, re.MULTILINE)


def test_info_says_that_a_bag_is_cut_off(cli: Cli, drive: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mcap"
    path.write_bytes(drive.read_bytes()[:-100])
    result = cli("bag", "info", path)
    assert result.exit_code == 0, result.output
    assert "cut off" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.mcap"], "no such bag"),
        (["text.mcap"], "text.mcap is no bag"),
        (["DRIVE"], "2 topics of images: choose one with --image-topic"),
        (["DRIVE", "--image-topic", "/nope"], "it has /rosout_text (std_msgs/msg/String), /camera"),
        (["DRIVE", "--image-topic", "/rosout_text"], "not images"),
        (["DRIVE", "--detections-topic", CAMERA], "not detections"),
        (["DRIVE", "--image-topic", CAMERA, "--detections-topic", "/x"], "not both"),
        (["DRIVE", "--image-topic", CAMERA, "--model", "nonsense"], "unknown detector"),
        (["DRIVE", "--image-topic", CAMERA, "--model", "REPLAY", "--classes", "dog"], "dog"),
        (["DRIVE", "--image-topic", CAMERA, "--model", "REPLAY", "--start", "9"], "no message bet"),
        (["DRIVE", "--image-topic", CAMERA, "--model", "REPLAY", "--prefix", "1"], "name of ROS"),
        (["DRIVE", "--image-topic", CAMERA, "--model", "REPLAY", "--out", "."], "is a folder"),
        (["DRIVE", "--image-topic", CAMERA, "--model", "REPLAY", "--out", "text.mcap"], "--overwr"),
        (["DRIVE", "--config", "bad.toml"], "measurement_noise"),
    ],
)
def test_mistakes_are_one_clear_line_and_code_2(
    cli: Cli, drive: Path, replay: str, arguments: list[str], message: str
) -> None:
    Path("text.mcap").write_text("this is no bag")
    Path("bad.toml").write_text("[motion]\nmeasurment_noise = 0.1\n")
    known = {"DRIVE": str(drive), "REPLAY": replay}
    result = cli("bag", "run", *[known.get(a, a) for a in arguments])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(p.name for p in Path().iterdir()) == ["bad.toml", "text.mcap"]


def test_a_model_for_detections_is_refused(kit: Kit, cli: Cli, tmp_path: Path) -> None:
    path = kit.write_mcap(tmp_path / "a.mcap", [kit.detection_entry(0)])
    result = cli("bag", "run", path, "--detections-topic", "/yolo/detections", "--model", "bundled")
    assert result.exit_code == 2
    assert "--model does not apply" in result.stderr
    result = cli("bag", "run", path, "--detections-topic", "/yolo/detections", "--camera-motion")
    assert result.exit_code == 2
    assert "--camera-motion needs images" in result.stderr


def test_the_input_is_never_replaced(
    kit: Kit, cli: Cli, entries: Any, replay: str, tmp_path: Path
) -> None:
    path = kit.write_mcap(tmp_path / "drive.mcap", entries)
    folder = kit.write_rosbags2(tmp_path / "bag", entries, "mcap")
    inside = next(folder.glob("*.mcap"))
    for source, target in ((path, path), (folder, inside)):
        before = target.read_bytes()
        result = cli(
            "bag", "run", source, "--image-topic", CAMERA, "--model", replay, "--out", target,
            "--overwrite",
        )  # fmt: skip
        assert result.exit_code == 2
        assert "is read by this run" in result.stderr
        assert target.read_bytes() == before


def test_the_default_output_and_overwriting(cli: Cli, drive: Path, replay: str) -> None:
    options = ("bag", "run", drive, "--image-topic", CAMERA, "--model", replay)
    assert cli(*options).exit_code == 0
    assert [p.name for p in Path().iterdir()] == ["drive.tracks.mcap"]
    refused = cli(*options)
    assert refused.exit_code == 2
    assert "drive.tracks.mcap is there already" in refused.stderr
    result = cli(*options, "--overwrite", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_the_summary_names_what_was_written(cli: Cli, drive: Path, replay: str) -> None:
    result = cli("bag", "run", drive, "--image-topic", CAMERA, "--model", replay)
    assert "1 (1 person)" in result.stdout
    assert "drive.tracks.mcap" in result.stdout
    assert re.search(r"/conftrack/detections +20 messages", result.stdout)
    assert "128x96" in result.stderr


def test_settings_reach_the_tracker_and_the_file(
    kit: Kit, cli: Cli, drive: Path, replay: str
) -> None:
    from mcap.reader import make_reader

    Path("mine.toml").write_text("[existence]\nbirth = 0.5\n")
    result = cli(
        "bag", "run", drive, "--image-topic", CAMERA, "--model", replay, "--config", "mine.toml",
        "--classes", "person", "--start", 0.5, "--stop", 1.5, "--every", 2, "--out", "o.mcap",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with Path("o.mcap").open("rb") as file:
        notes = {m.name: m.metadata for m in make_reader(file).iter_metadata()}["conftrack"]
    assert json.loads(notes["config"])["existence"]["birth"] == 0.5
    assert (notes["input"], notes["topic"]) == ("drive.mcap", CAMERA)
    arrays = [m for m in kit.read_mcap_ros2(Path("o.mcap")) if m.topic == "/conftrack/detections"]
    offsets = [m.log_ns - kit.START_NS - 3_000_000 for m in arrays]
    assert [round(ns / kit.PERIOD_NS) for ns in offsets] == [5, 7, 9, 11, 13]
    # The flicker of frame 5 was a car.
    assert all(len(m.message.detections) == 1 for m in arrays)
    # Two looks (frames 5 and 7) of confidence 0.7 from an even start.
    assert arrays[0].message.detections[0].results[0].hypothesis.score > 0.3


def test_the_camera_can_be_followed(kit: Kit, cli: Cli, drive: Path, replay: str) -> None:
    """Noise that changes with every frame tells nothing: that is said, and nothing is moved."""
    options = ("bag", "run", drive, "--image-topic", CAMERA, "--model", replay)
    result = cli(*options, "--camera-motion", "--out", "a.mcap")
    assert result.exit_code == 0, result.output
    assert "could not be told in 19 of 20 frames" in result.stderr
    assert cli(*options, "--out", "b.mcap").exit_code == 0
    boxes = [
        [[t.x for t in m.message.tracks] for m in kit.read_mcap_ros2(Path(name))
         if m.topic == "/conftrack/tracks"]
        for name in ("a.mcap", "b.mcap")
    ]  # fmt: skip
    assert boxes[0] == boxes[1]


def test_a_bag_that_is_cut_off_gives_its_beginning_and_code_3(
    kit: Kit, cli: Cli, entries: Any, replay: str, tmp_path: Path
) -> None:
    path = kit.write_mcap(tmp_path / "cut.mcap", entries, chunk_size=50_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = cli("bag", "run", path, "--image-topic", CAMERA, "--model", replay, "--out", "o.mcap")
    assert result.exit_code == 3, result.output
    assert "source is damaged (truncated" in result.stderr
    read = kit.read_mcap_ros2(Path("o.mcap"))
    assert 7 <= sum(m.topic == "/conftrack/tracks" for m in read) <= 10


def test_a_clock_that_is_set_back_begins_anew(kit: Kit, cli: Cli, tmp_path: Path) -> None:
    """Two drives of a simulation in one bag: ids go on, ages begin at 0, times are those given."""
    entries = [kit.detection_entry(i) for i in range(10)]
    entries += [
        kit.detection_entry(
            i, stamp_ns=(i + 1) * kit.PERIOD_NS, log_ns=kit.START_NS + (i + 1) * kit.PERIOD_NS
        )
        for i in range(10, 20)
    ]
    path = kit.write_mcap(tmp_path / "a.mcap", entries)
    result = cli("bag", "run", path, "--detections-topic", "/yolo/detections", "--out", "o.mcap")
    assert result.exit_code == 0, result.output
    assert "the clock was set back" in result.stdout
    assert "20 frames, 1.8 s" in result.stdout
    arrays = [m.message for m in kit.read_mcap_ros2(Path("o.mcap")) if m.topic.endswith("/tracks")]
    ids = [[t.id for t in a.tracks] for a in arrays]
    assert 1 in ids[9]
    assert 1 not in ids[10]
    assert min(ids[10]) > 1
    assert arrays[10].tracks[0].age_s == 0
    assert arrays[10].header.stamp.sec == 1


def test_left_out_detections_are_said(kit: Kit, cli: Cli, tmp_path: Path) -> None:
    entries = [kit.detection_entry(i, results=(("a", float("nan")),)) for i in range(3)]
    path = kit.write_mcap(tmp_path / "a.mcap", entries)
    result = cli("bag", "run", path, "--detections-topic", "/yolo/detections", "--out", "o.mcap")
    assert result.exit_code == 0, result.output
    assert "3 detections had no valid box and score" in result.stderr


def test_an_error_in_the_middle_keeps_what_came_before(
    kit: Kit, cli: Cli, replay: str, tmp_path: Path
) -> None:
    entries = [kit.image_entry(i) for i in range(20)]
    entries[10].fields["encoding"] = "16UC1"
    path = kit.write_mcap(tmp_path / "a.mcap", entries)
    result = cli("bag", "run", path, "--model", replay, "--out", "o.mcap")
    assert result.exit_code == 2
    assert "'16UC1' are not read" in result.stderr
    assert "10 frames before the error are in o.mcap" in result.stderr
    assert sum(m.topic == "/conftrack/tracks" for m in kit.read_mcap_ros2(Path("o.mcap"))) == 10


def test_ctrl_c_leaves_a_readable_bag(kit: Kit, entries: Any, tmp_path: Path) -> None:
    """A slow detector, one signal: what was done is there, complete, with code 130."""
    path = kit.write_mcap(tmp_path / "a.mcap", entries)
    slow = """
import time, detectors
from tracker.detections import Detections
class Slow:
    name, class_names, device, note, batch_size = "slow", ("thing",), "cpu", "", 1
    def detect(self, frames):
        time.sleep(0.15)
        print("looked", flush=True)
        return [Detections([[10, 10, 30, 50]], [0.6]) for _ in frames]
detectors.register("slow", lambda name, options: Slow())
"""
    code = f"{slow}\nfrom tracker.cli import main\nmain()"
    environment = os.environ | {"PYTHONPATH": str(Path(tracker.__file__).parents[1])}
    process = subprocess.Popen(
        [
            sys.executable, "-c", code, "bag", "run", path, "--image-topic", CAMERA, "--model",
            "slow", "--out", "o.mcap", "--copy-input",
        ],
        cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(3):
        assert "looked" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted" in out
    for read in (kit.read_mcap_ros2, kit.read_rosbags):
        count = sum(m.topic == "/conftrack/tracks" for m in read(tmp_path / "o.mcap"))
        assert 2 <= count < 20
    assert not (tmp_path / "o.mcap.partial").exists()
