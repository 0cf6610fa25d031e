"""`conftrack calibrate`: one line makes a file that `run` takes, and mistakes are answered."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.calibration.kit import FPS, recording
from tracker import Detections, Tracker
from tracker.calibration import load
from tracker.calibration.fitting import Recording

Cli = Callable[..., Any]


def write(world: Recording, folder: Path) -> None:
    """A sequence in MOTChallenge's layout."""
    folder.mkdir(parents=True)
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nframeRate={FPS:g}\nseqLength={len(world)}\n"
    )
    assert world.truth is not None
    for name, boxes, last in (
        ("gt.txt", world.truth, "1,1,1"),
        ("det.txt", world.detections, "-1,-1,-1"),
    ):
        lines = []
        for k in range(len(boxes)):
            x, y, right, bottom = boxes.xyxy[k].tolist()
            number, tail = (
                (boxes.object_id[k] + 1, last)  # type: ignore[union-attr]
                if boxes is world.truth
                else (-1, f"{boxes.score[k]:.6f},-1,-1,-1")  # type: ignore[union-attr]
            )
            lines.append(
                f"{boxes.frame[k] + 1},{number},{x:.3f},{y:.3f},{right - x:.3f},{bottom - y:.3f},"
                f"{tail}\n"
            )
        (folder / name).write_text("".join(lines))


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Three short sequences of a detector that is too sure."""
    for k in range(3):
        write(recording(k, 60, shift=2.0, posts=3), tmp_path / "street" / f"s{k}")
    return Path("street")


def test_one_line_makes_a_file_that_the_tracker_takes(cli: Cli, street: Path) -> None:
    pytest.importorskip("trackeval")
    done = cli("calibrate", "--truth", street, "--out", "street.toml", "--detector", "mine")
    assert done.exit_code == 0, done.output
    for words in ("Is score true?", "Is existence true?", "ECE", "HOTA", "(3: s0, s1, s2)"):
        assert words in done.stdout
    before, after = map(float, re.findall(r"ECE\s+([\d.]+)\s+([\d.]+)", done.stdout)[0])
    assert after < 0.6 * before
    assert "detections: those in street" in done.stderr
    found = load("street.toml")
    assert (found.about.detector, found.about.method) == ("mine", "labelled")
    assert found.about.sequences == ("s0", "s1", "s2")
    assert (found.about.frames, found.about.licence) == (180, "")
    assert found.about.command == "conftrack calibrate --detections street --truth street"
    plain, told = (
        Tracker(calibration=c).update(Detections([[10, 20, 40, 100]], [0.9]), timestamp_s=0.0)
        for c in (None, "street.toml")
    )
    assert told.score[0] < plain.score[0]
    assert told.existence[0] >= told.score[0]
    # Nothing but tables of numbers and text: the file is data.
    table = tomllib.loads(Path("street.toml").read_text(encoding="utf-8"))
    assert table["version"] == 1
    assert not list(Path().glob("*.tmp*"))


def test_the_same_twice(cli: Cli, street: Path) -> None:
    for name in ("a.toml", "b.toml"):
        assert cli("calibrate", "--truth", street, "--no-check", "--out", name, "-q").output == ""
    a, b = (re.sub("created = .*", "", Path(n).read_text()) for n in ("a.toml", "b.toml"))
    assert a == b


def test_without_labels(cli: Cli, street: Path) -> None:
    done = cli("calibrate", "--unlabelled", "--detections", street, "--out", "camera.toml")
    assert done.exit_code == 0, done.output
    assert "without --truth it cannot be told what this is worth" in done.stderr
    assert "probably of objects" in done.stdout
    assert "survival" in done.stdout
    found = load("camera.toml")
    assert found.about.method == "unlabelled"
    assert found.constants.birth is not None
    assert found.constants.coast_most_s is found.constants.memory_s is None


def test_a_scene_is_kept(cli: Cli, street: Path) -> None:
    options = ("--unlabelled", "--scene", "--out", "scene.toml")
    done = cli("calibrate", "--detections", street / "s1" / "det.txt", *options)
    assert done.exit_code == 0, done.output
    assert "places with clutter" in done.stdout
    assert not load("scene.toml").scene.is_empty
    refused = cli("calibrate", "--detections", street, *options, "--overwrite")
    assert refused.exit_code == 2
    assert "a scene belongs to one camera" in refused.stderr


def test_what_is_there_is_not_replaced_unasked(cli: Cli, street: Path) -> None:
    command = ("calibrate", "--truth", street, "--no-check", "--out")
    Path("old.toml").write_text("mine")
    refused = cli(*command, "old.toml")
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert Path("old.toml").read_text() == "mine"
    assert cli(*command, "old.toml", "--overwrite").exit_code == 0
    truth = street / "s0" / "gt.txt"
    own = cli("calibrate", "--truth", truth, "--out", truth, "--overwrite")
    assert "would be replaced" in own.stderr
    for target, message in (
        ("street", "is a folder"),
        ("street2", "must end in .toml"),
        ("c2.txt", "must end in .toml"),
    ):
        wrong = cli(*command, target)
        assert (wrong.exit_code, message in wrong.stderr) == (2, True)


def test_mistakes_are_answered(cli: Cli, street: Path) -> None:
    def refused(*options: object) -> str:
        done = cli("calibrate", *options, "--out", "x.toml")
        assert done.exit_code == 2, done.output
        assert not Path("x.toml").exists()
        return re.sub(r"\s+", " ", done.stderr)

    assert "--unlabelled" in refused("--detections", street)
    assert "does not exist" in refused("--truth", "nowhere")
    assert "give --detections" in refused("--unlabelled")
    Path("ema.toml").write_text('fuser = "ema"\n')
    assert "only the fuser" in refused("--truth", street, "--config", "ema.toml")
    # Truth of other footage, of another class, and none at all.
    moved = [
        re.sub(r"^(\d+),(\d+),-?[\d.]+", r"\1,\2,9000", line)
        for line in (street / "s0" / "gt.txt").read_text().splitlines()
    ]
    other = street / "s0" / "gt.txt"
    keep = other.read_text()
    other.write_text("\n".join(moved) + "\n")
    one = ("--detections", street / "s0" / "det.txt", "--truth", other)
    assert "shows an object of the truth: are both of the same footage" in refused(*one)
    other.write_text("")
    assert refused(*one)
    other.write_text(keep)
    assert "car" in refused("--truth", street, "--classes", "car")
    # Scores that are none.
    found = street / "s0" / "det.txt"
    text = found.read_text()
    found.write_text(re.sub(r",0\.\d+,-1,-1,-1\n", ",nan,-1,-1,-1\n", text, count=1))
    assert "nan" in refused("--truth", street).lower()
    found.write_text(re.sub(r",0\.\d+,-1,-1,-1\n", ",7.5,-1,-1,-1\n", text, count=1))
    assert "--score-map" in refused("--truth", street)


def test_what_is_always_right_is_warned_of(cli: Cli, tmp_path: Path) -> None:
    write(recording(0, 30, clutter=0.0), tmp_path / "sure")
    done = cli("calibrate", "--truth", "sure", "--no-check")
    assert done.exit_code == 0, done.output
    assert "every detection is right" in done.stderr
    assert Path("calibration.toml").exists()


def test_the_packaged_ones_are_listed(cli: Cli) -> None:
    done = cli("calibrate", "--list")
    assert done.exit_code == 0
    assert "Use one with" in done.stdout


def test_frames_without_labels_and_ignored_areas_do_not_count(cli: Cli, tmp_path: Path) -> None:
    """A crowd in an ignored area: as many false boxes as right ones, none of them told."""
    world = recording(3, 40, clutter=0.0)
    crowd = np.tile([[2000.0, 300.0, 2030.0, 380.0]], (40, 1))
    write(world, tmp_path / "plain" / "a")
    write(world, tmp_path / "ignored" / "a")
    lines = [
        f"{k + 1},-1,{x},{y},{right - x},{bottom - y},0.9,-1,-1,-1\n"
        for k, (x, y, right, bottom) in enumerate(crowd.tolist())
    ]
    folder = tmp_path / "ignored" / "a"
    with open(folder / "det.txt", "a") as file:
        file.writelines(lines)
    with open(folder / "gt.txt", "a") as file:
        file.writelines(f"{k + 1},99,1990,290,60,100,0,8,-1\n" for k in range(40))
    for name in ("plain", "ignored"):
        assert (
            cli("calibrate", "--truth", name, "--no-check", "--out", f"{name}.toml").exit_code == 0
        )
    plain, ignored = (load(f"{name}.toml") for name in ("plain", "ignored"))
    assert plain.about.false_tracks == ignored.about.false_tracks
    assert plain.about.real_tracks == ignored.about.real_tracks
    assert plain.confidence == ignored.confidence
    assert plain.existence == ignored.existence


def test_what_run_recorded_is_taken(cli: Cli, tmp_path: Path) -> None:
    from tests.evaluation.kit import run_folder

    truth = run_folder(tmp_path / "street").rename(tmp_path / "gt.txt")
    done = cli("calibrate", "--detections", "street", "--truth", truth, "--no-check")
    assert done.exit_code == 0, done.output
    about = load("calibration.toml").about
    assert about.frames == 40
    assert about.real_tracks >= 3


def test_a_recorded_run_says_how_large_its_pictures_are(cli: Cli, clip: Any) -> None:
    from tracker import InputError
    from tracker.calibration.fitting import read_recordings

    done = cli("run", clip.video, "--model", clip.model, "--save", "all", "--out", "run", "-q")
    assert done.exit_code == 0, done.output
    for command in ("run", "run/detections.jsonl"):
        ((one,), _) = read_recordings(command)
        assert one.image_size == (128, 96)
    # Older files do not say it, and half a size is a mistake.
    file = Path("run/detections.jsonl")
    text = file.read_text()
    file.write_text(text.replace(',"width":128,"height":96', ""))
    ((one,), _) = read_recordings("run")
    assert one.image_size is None
    file.write_text(text.replace(',"height":96', ""))
    with pytest.raises(InputError, match='"width" and "height" must both be'):
        read_recordings("run")


def test_a_run_without_its_detections_is_answered(cli: Cli, clip: Any, street: Path) -> None:
    done = cli("run", clip.video, "--model", clip.model, "--save", "mot", "--out", "run", "-q")
    assert done.exit_code == 0, done.output
    for more in (("--truth", street / "s0" / "gt.txt"), ("--unlabelled",)):
        refused = cli("calibrate", "--detections", "run", *more)
        assert refused.exit_code == 2
        said = " ".join(refused.stderr.split())
        assert "run has no detections.jsonl: make the run again with --save all" in said


def test_next_to_nothing_is_warned_of(cli: Cli, tmp_path: Path) -> None:
    write(recording(0, 5, objects=0, clutter=0.0), tmp_path / "none")
    done = cli("calibrate", "--unlabelled", "--detections", "none/det.txt", "--fps", "10")
    assert done.exit_code == 0, done.output
    assert "warning: there are no tracks, so next to nothing is fitted" in done.stderr
    write(recording(0, 5, objects=2, clutter=0.0), tmp_path / "few")
    done = cli("calibrate", "--unlabelled", "--detections", "few/det.txt", "--overwrite")
    assert done.exit_code == 0, done.output
    assert "warning: there are only 2 tracks" in done.stderr


def test_one_scene_of_several_detectors_stays_together(cli: Cli, tmp_path: Path) -> None:
    for name in ("a-DPM", "a-SDP", "b-DPM", "b-SDP"):
        write(recording("ab".index(name[0]), 30), tmp_path / "two" / name)
    done = cli("calibrate", "--truth", "two", "--out", "two.toml")
    assert done.exit_code == 0, done.output
    assert "note: a-DPM, a-SDP have the same truth" in done.stderr
    assert "b-DPM, b-SDP have the same truth" in done.stderr


def test_help_names_the_default_settings(cli: Cli) -> None:
    said = " ".join(cli("calibrate", "--help").stdout.split())
    assert "camera for live sources" not in said
    assert "MOT17" not in said


def test_another_detector_than_the_one_it_was_fitted_to_is_warned_of(cli: Cli, clip: Any) -> None:
    from dataclasses import replace

    from tracker.calibration import Calibration

    recorded = Path("of_net.jsonl")
    text = clip.detections.read_text()
    recorded.write_text(text.replace('"model":""', '"model":"fasterrcnn_lite0"', 1))
    assert recorded.read_text() != text
    known = ("SSDLite, weights for COCO", "FasterRCNN-Lite0, ours", "FasterRCNN", "", "replay:x")
    for k, (name, model) in enumerate([(n, recorded) for n in known] + [(known[0], None)]):
        about = replace(Calibration().about, detector=name)
        Calibration(about=about).save("a.toml")
        given = f"replay:{model}" if model else clip.model  # the other says no model
        done = cli(
            "run", clip.video, "--model", given, "--calibration", "a.toml", "--out", f"r{k}", "-q"
        )
        assert done.exit_code == 0, done.output
        said = " ".join(done.stderr.split())
        warning = (
            "warning: a.toml was fitted to SSDLite, this is fasterrcnn_lite0:"
            " its numbers may be worse than none"
        )
        assert (warning in said) == (k == 0)
        assert ("was fitted to" in said) == (k == 0)


def test_the_bundled_calibration_knows_the_bundled_model():
    from detectors.catalog import BUNDLED
    from tracker import TrackerConfig
    from tracker.cli.driving import other_detector

    fitted = Tracker(TrackerConfig(calibration="bundled-vtest"))
    assert other_detector(fitted, BUNDLED) == ""
    assert "was fitted to fasterrcnn_lite0_fpn_person" in other_detector(fitted, "ssdlite")
