"""Clips in the background: each when it is there, kept for the next time."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pytest

from tests.review.stage import Stage, write_stage
from tracker import InputError, SourceError
from tracker.review import cutting
from tracker.review.answers import run_key
from tracker.review.cutting import Cutter
from tracker.review.reading import read_run
from tracker.review.triage import triage

pytest.importorskip("cv2")
pytest.importorskip("av")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_stage(tmp_path / "street")


def test_every_track_gets_its_files(folder: Path) -> None:
    import cv2

    stage = Stage(folder)
    with stage.cutter as cutter:
        assert cutter.join(30)
        assert cutter.error is None
        assert cutter.left == 0
        for one in stage.asked:
            view = cutter.view(one.row)
            assert view is not None
            sizes = {}
            for name in (view.crops, view.clip, view.still, view.place):
                assert cutter.path(name).stat().st_size > 100
                if name.endswith(".jpg"):
                    sizes[name] = cv2.imread(str(cutter.path(name))).shape[:2]
            assert max(sizes[view.still]) == 512
            assert sizes[view.place] == (120, 160)
        assert cutter.view(99) is None


def test_a_narrow_track_is_shown_with_what_is_beside_it(folder: Path) -> None:
    import cv2

    stage = Stage(folder)
    with stage.cutter as cutter:
        cutter.join(30)
        (five,) = (one.row for one in stage.asked if stage.ids[stage.asked.index(one)] == 5)
        view = cutter.view(five)
        assert view is not None
        height, width = cv2.imread(str(cutter.path(view.still))).shape[:2]
    assert width / height == pytest.approx(1.0, abs=0.05), "its box is 20 wide and 30 high"


def test_what_was_cut_is_not_cut_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
    asked: list[int] = []

    def nothing(run: object, lives: object, rows: list[int], *_: object, **__: object) -> object:
        asked.extend(rows)
        return iter(())

    monkeypatch.setattr(cutting, "cut_tracks", nothing)
    again = Stage(folder, audit=3)
    with again.cutter as cutter:
        assert cutter.join(30)
        assert len(asked) == 1, "only the one that is new"
        shown = [cutter.view(one.row) for one in again.asked]
        assert sum(view is not None for view in shown) == 4


def test_clips_of_another_run_or_length_are_thrown_away(folder: Path) -> None:
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
    run = read_run(folder)
    lives = triage(run).lives
    video = str(folder.parent / "street.mp4")
    left = folder / "review" / "clips" / "99.mp4"
    left.write_bytes(b"old")
    with Cutter(run, lives, [], video, folder / "review", key="another") as cutter:
        assert cutter.view(0) is None
        assert not left.exists()


def test_the_first_questions_are_cut_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[list[int]] = []

    def noted(run: object, lives: object, rows: list[int], *_: object, **__: object) -> object:
        parts.append(list(rows))
        return iter(())

    monkeypatch.setattr(cutting, "cut_tracks", noted)
    run = read_run(folder)
    video, rows = str(folder.parent / "street.mp4"), [4, 2, 0, 1, 3]
    monkeypatch.setattr(cutting, "_AT_ONCE", 2)
    with Cutter(run, triage(run).lives, rows, video, folder / "review", key="k") as cutter:
        assert cutter.join(30)
    assert parts == [[4, 2], [0, 1, 3]]
    assert [list(part) for part in cutting._growing(range(20))] == [
        [0, 1],
        list(range(2, 18)),
        [18, 19],
    ]


@pytest.mark.parametrize(
    "memory", ['{"of": ', "[]", '{"of": OF, "views": 5}', '{"of": OF, "views": [[]]}', "\0"]
)
def test_a_damaged_memory_means_to_cut_again(folder: Path, memory: str) -> None:
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
    made = folder / "review" / "made.json"
    of = json.dumps(json.loads(made.read_text())["of"])
    made.write_text(memory.replace("OF", of))
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
        assert cutter.left == 0
        assert cutter.error is None


def test_a_prepared_memory_shows_no_files_but_its_own(folder: Path) -> None:
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
    made = folder / "review" / "made.json"
    plain = json.loads(made.read_text())
    names = {"crops": "../answers.jsonl", "clip": "/etc/hostname", "still": "x", "place": "x"}
    made.write_text(json.dumps(plain | {"views": {"3": names}}))
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
        view = cutter.view(read_ids(folder).index(3))
    assert view is not None
    assert view.clip == "clips/3.mp4"


def test_a_clip_that_was_removed_is_cut_again(folder: Path) -> None:
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
    (folder / "review" / "clips" / "3.mp4").unlink()
    (folder / "review" / ".DS_Store").write_bytes(b"somebody looked")
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
    assert (folder / "review" / "clips" / "3.mp4").is_file()


def test_files_of_somebody_else_stay(folder: Path) -> None:
    (folder / "review" / "clips").mkdir(parents=True)
    (folder / "review" / "clips" / "1.mp4").write_bytes(b"of a triage")
    (folder / "review" / "triage.json").write_text("{}")
    with pytest.raises(InputError, match=r"other files \(triage.json\)"):
        Stage(folder)
    assert (folder / "review" / "clips" / "1.mp4").is_file()


def read_ids(folder: Path) -> list[int]:
    return triage(read_run(folder)).lives.track_id.tolist()


def test_a_video_that_ends_too_early_is_told_and_tried_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import numpy as np

    from tracker.video.writer import VideoWriter

    whole = (folder.parent / "street.mp4").read_bytes()
    with VideoWriter(folder.parent / "street.mp4", fps=10) as out:
        out.write(np.zeros((120, 160, 3), np.uint8), 0.0)
    row = read_ids(folder).index(12)  # that is there in the seventh frame alone
    with caplog.at_level(logging.WARNING), Stage(folder, audit=3).cutter as cutter:
        assert cutter.join(30)
        view = cutter.view(row)
    assert view is not None
    assert view.clip == ""
    assert "1 of 5 tracks have no pictures: the video ends before them" in caplog.text
    (folder.parent / "street.mp4").write_bytes(whole)
    with Stage(folder, audit=3).cutter as cutter:
        assert cutter.join(30)
        view = cutter.view(row)
    assert view is not None
    assert view.clip == "clips/12.mp4"


def test_the_wrong_video_and_none_are_told_at_once(folder: Path, tmp_path: Path) -> None:
    import numpy as np

    from tracker.video.writer import VideoWriter

    with VideoWriter(tmp_path / "slow.mp4", fps=2) as out:
        for k in range(12):
            out.write(np.zeros((48, 64, 3), np.uint8), k / 2)
    run = read_run(folder)
    lives = triage(run).lives
    with pytest.raises(InputError, match="made of another video"):
        Cutter(run, lives, [0], str(tmp_path / "slow.mp4"), tmp_path / "r", key="k")
    with pytest.raises(SourceError):
        Cutter(run, lives, [0], str(tmp_path / "none.mp4"), tmp_path / "r", key="k")
    assert not (tmp_path / "r").exists()


def test_a_failure_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise SourceError("the disk is gone")

    monkeypatch.setattr(cutting, "cut_tracks", broken)
    run = read_run(folder)
    failed = threading.Event()
    with Cutter(
        run, triage(run).lives, [0], str(folder.parent / "street.mp4"), folder / "review",
        key=run_key(folder), on_failure=failed.set,
    ) as cutter:  # fmt: skip
        assert failed.wait(10)
        assert isinstance(cutter.error, SourceError)
        assert cutter.left == 1


def test_closing_ends_the_work(folder: Path) -> None:
    cutter = Stage(folder).cutter
    cutter.close()
    cutter.close()
    assert not [t for t in threading.enumerate() if t.name == "cutter"]
