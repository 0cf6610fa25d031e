"""What is logged is read back from the file, with its numbers."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker import Detections, InputError, MissingExtraError, TrackState
from tracker.video.palette import colour_of
from tracker.viewer import RerunLog
from tracker.viewer.colours import belief_colours

T, C, O, L = (  # noqa: E741
    TrackState.TENTATIVE,
    TrackState.CONFIRMED,
    TrackState.COASTING,
    TrackState.LOST,
)
STATES = ("tentative", "confirmed", "coasting")


def rgba(colour) -> int:
    red, green, blue = map(int, colour)
    return red << 24 | green << 16 | blue << 8 | 255


def picture(row) -> np.ndarray:
    """(H, W, 3) RGB of a logged picture."""
    (blob,) = row["blob"]
    return cv2.imdecode(np.array(blob, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "tracks.rrd"


def test_boxes_by_state_with_their_values(path, make_tracks, make_frame, read_back) -> None:
    tracks = make_tracks(
        0.25,
        (1, 0.05, 0.04, T, True),
        (2, 0.40, 0.30, T, True),
        (3, 0.90, 0.95, C, True),
        (4, 0.80, 0.20, O, False),
        (5, 0.70, 0.01, L, False),
    )
    detections = Detections(tracks.xyxy[:3] + 1, [0.2, 0.4, 0.75], [0, 1, 1])
    with RerunLog(path, ["person", "car"]) as log:
        log.write(make_frame(7, 0.25), detections, tracks)
        log.write(make_frame(8, 0.50), Detections.empty(), make_tracks(0.50))
    rows = read_back(path)
    logged = {state: rows[f"/camera/tracks/{state}"] for state in STATES}
    wanted = {"tentative": [0, 1], "confirmed": [2], "coasting": [3]}
    for state, of in wanted.items():
        first, then = logged[state]
        assert first["ns"] == 250_000_000
        assert first["frame"] == 7
        assert first["track_id"] == tracks.track_id[of].tolist()
        assert first["existence"] == tracks.existence[of].tolist()
        assert first["score"] == tracks.score[of].tolist()
        assert first["xyxy"] == tracks.xyxy[of].ravel().tolist()
        assert then["frame"] == 8
        assert then["is_recursive"] == [False], "cleared when they are gone"
    for state in ("tentative", "confirmed"):
        first, of = logged[state][0], wanted[state]
        centres, half = np.array(first["centers"]), np.array(first["half_sizes"])
        np.testing.assert_allclose(np.hstack([centres - half, centres + half]), tracks.xyxy[of])
        assert first["colors"] == [rgba(c) for c in belief_colours(tracks.existence[of])]
    # The next to nothing has no words; the states differ in their lines.
    assert logged["tentative"][0]["labels"] == ["", "2 person 40%"]
    assert logged["confirmed"][0]["labels"] == ["3 car 90%"]
    assert logged["confirmed"][0]["radii"][0] < logged["tentative"][0]["radii"][0] < 0
    coasting = logged["coasting"][0]
    assert coasting["labels"] == ["4 person 80%", "", "", ""]
    corners = np.array(coasting["strips"])[:, 1]
    x1, y1, x2, y2 = tracks.xyxy[3]
    np.testing.assert_allclose(corners, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
    raw, cleared = rows["/camera/detections"]
    assert raw["confidence"] == [0.2, 0.4, 0.75]
    assert raw["labels"] == ["person 0.20", "car 0.40", "car 0.75"]
    assert raw["show_labels"] == [False]
    assert cleared["is_recursive"] == [False]
    drawn = {name for name in rows if name.startswith("/camera/tracks/")}
    assert drawn == {f"/camera/tracks/{state}" for state in STATES}, "what is lost has no box"


def test_pictures_are_small_and_in_their_place(path, make_tracks, make_frame, read_back) -> None:
    with RerunLog(path, longest_side=60) as log:
        log.write(make_frame(0, 0.0, (120, 90)), None, make_tracks(0.0))
        log.write(make_frame(1, 0.1, (120, 90)), None, make_tracks(0.1))
        log.write(make_frame(2, 0.2, (50, 30)), None, make_tracks(0.2))
    rows = read_back(path)["/camera/picture"]
    pictures = [row for row in rows if row.get("blob")]
    assert [row["media_type"] for row in pictures] == [["image/jpeg"]] * 3
    assert [picture(row).shape for row in pictures] == [(45, 60, 3), (45, 60, 3), (30, 50, 3)]
    np.testing.assert_allclose(picture(pictures[0])[20, 30], (200, 40, 40), atol=6)
    scales = [(row["frame"], row["scale"]) for row in rows if row.get("scale")]
    assert scales == [(0, [[2.0, 2.0, 1.0]]), (2, [[1.0, 1.0, 1.0]])], "said when it changes"


def test_a_frame_may_have_no_picture(path, make_tracks, read_back) -> None:
    class Bare:
        index, timestamp_s = 3, 0.3

    with RerunLog(path) as log:
        log.write(Bare(), None, make_tracks(0.3, (1, 0.9, 0.9, C, False)))
    rows = read_back(path)
    assert "/camera/picture" not in rows
    assert rows["/camera/tracks/confirmed"][0]["frame"] == 3


def test_lines_begin_where_the_track_began(path, make_tracks, make_frame, read_back) -> None:
    life = [
        (0.05, 0.02, T, True, True),
        (0.15, 0.10, T, False, True),
        (0.16, 0.09, T, False, False),
        (0.40, 0.50, T, True, True),
        (0.85, 0.90, C, True, True),
        (0.84, 0.40, O, False, True),
        (0.83, 0.02, L, False, True),
    ]
    with RerunLog(path, ["person", "car"]) as log:
        for i, (existence, score, state, seen, looked) in enumerate(life):
            tracks = make_tracks(i / 10, (7, existence, score, state, seen), (9, 0.2, 0.2, T, seen))
            frame = make_frame(i, i / 10)
            log.write(frame, Detections.empty() if looked else None, tracks)
    rows = read_back(path)
    line, score_line = rows["/existence/track_7"], rows["/score/track_7"]
    assert [row["scalars"] for row in line] == [[each[0]] for each in life]
    assert [row["scalars"] for row in score_line] == [[each[1]] for each in life]
    assert [row["ns"] for row in line] == [i * 100_000_000 for i in range(7)]
    assert [row["frame"] for row in score_line] == list(range(7))
    assert line[0]["names"] == score_line[0]["names"] == ["7 car"]
    marks = [(row["markers"][0], row["marker_sizes"][0], row["colors"][0]) for row in line]
    own, red = rgba(colour_of(7)), rgba((235, 70, 50))
    circle, cross = 1, 4
    hit, missed, nothing = (circle, 2.0, own), (cross, 4.0, red), (circle, 0.0, own)
    assert marks == [hit, missed, nothing, hit, hit, missed, missed]
    assert "/existence/track_9" not in rows, "a candidate has no line"


def test_events_in_words(path, make_tracks, make_frame, read_back) -> None:
    with RerunLog(path, ["person", "car"]) as log:
        for i, (state, looked) in enumerate([(T, True), (C, True), (O, True), (O, False)]):
            tracks = make_tracks(i / 10, (7, 0.8, 0.5, state, state == C))
            log.write(make_frame(i, i / 10), Detections.empty() if looked else None, tracks)
        log.write(make_frame(4, 0.4), Detections.empty(), make_tracks(0.4))
    events = read_back(path)["/events"]
    assert [(row["frame"], row["level"][0], row["text"][0]) for row in events] == [
        (1, "INFO", "7 car confirmed: 80%, 3 hits, 1 missed, 0.4 s"),
        (2, "DEBUG", "7 car missed: 80%, its box is predicted"),
        (3, "DEBUG", "not looked at"),
        (4, "DEBUG", "7 car gone: 80%, not seen for 0.1 s"),
        (4, "DEBUG", "looking again"),
    ]
    assert events[0]["color"] == [rgba(colour_of(7))]


def test_thousands_of_tracks_share_a_few_lines(path, make_tracks, make_frame, read_back) -> None:
    frames, at_once = 60, 5
    with RerunLog(path, own_lines=10, shared_lines=4) as log:
        for i in range(frames):
            # Five tracks for five frames each; one more than there is room for later on.
            first = (i // 5) * at_once
            rows = [(first + k, 0.9, 0.8, C, True) for k in range(at_once)]
            log.write(make_frame(i, i / 10), None, make_tracks(i / 10, *rows))
    rows = read_back(path)
    own = [f"/existence/track_{k}" for k in range(10)]
    shared = [f"/existence/later_{k}" for k in range(1, 5)]
    assert sorted(name for name in rows if name.startswith("/existence/")) == sorted(own + shared)
    for line in shared:
        breaks = [row["frame"] for row in rows[line] if math.isnan(row["scalars"][0])]
        assert breaks == list(range(15, frames, 5)), "interrupted where the next track begins"
        names = [row["names"][0] for row in rows[line] if row.get("names")]
        assert len(names) == len(set(names)) == 10
    (full,) = [row for row in rows["/events"] if row["text"][0].startswith("too many")]
    assert full["frame"] == 10
    assert len(log._plots._past) <= at_once


def test_what_follows_on_a_line_does_not_reach_back(
    path, make_tracks, make_frame, read_back
) -> None:
    with RerunLog(path, own_lines=0, shared_lines=1) as log:
        for i in range(10):
            rows = [(1, 0.9, 0.8, C, True)] if i < 5 else []
            rows.append((2, 0.1 if i < 7 else 0.7, 0.5, T, True))  # a candidate from the start
            log.write(make_frame(i, i / 10), None, make_tracks(i / 10, *rows))
    line = read_back(path)["/existence/later_1"]
    values = [(row["frame"], row["scalars"][0]) for row in line]
    assert values[:5] == [(i, 0.9) for i in range(5)]
    assert math.isnan(values[5][1])
    assert values[6:] == [(6, 0.1), (7, 0.7), (8, 0.7), (9, 0.7)]


def test_times_to_the_nanosecond(path, make_tracks, make_frame, read_back) -> None:
    from rerun.chunk import RrdReader

    ns = 1_700_000_000_123_456_789
    with RerunLog(path) as log:
        for i in range(2):
            tracks = make_tracks(0.0, (1, 0.9, 0.9, C, True))
            object.__setattr__(tracks, "timestamp_ns", ns + i)
            log.write(make_frame(i, 0.0), None, tracks)
    assert [row["ns"] for row in read_back(path)["/camera/tracks/confirmed"]] == [ns, ns + 1]
    assert [row["ns"] for row in read_back(path)["/existence/track_1"]] == [ns, ns + 1]
    schemas = [c.to_record_batch().schema for c in RrdReader(path).stream() if not c.is_static]
    assert {str(schema.field("capture_time").type) for schema in schemas} == {"timestamp[ns]"}
    assert not any("log_time" in schema.names for schema in schemas)


def test_the_layout(path, make_tracks, make_frame, read_back) -> None:
    with RerunLog(path) as log:
        log.write(make_frame(0, 0.0), None, make_tracks(0.0))
    rows = [row for entity in read_back(path, blueprint=True).values() for row in entity]
    views = {
        row["space_origin"][0]: row["class_identifier"][0]
        for row in rows
        if row.get("class_identifier")
    }
    timelines = [row["timeline"] for row in rows if row.get("timeline")]
    assert views == {
        "/camera": "2D",
        "/events": "TextLog",
        "/existence": "TimeSeries",
        "/score": "TimeSeries",
    }
    assert timelines == [["capture_time"]]


def test_the_recording_has_the_name_of_the_source(path, read_back) -> None:
    RerunLog(path, title="street.mp4").close()
    names = [row["name"] for row in read_back(path)["/__properties"] if row.get("name")]
    assert names == [["street.mp4"]]


def test_what_cannot_be_written_is_an_error(tmp_path, path, make_tracks, make_frame) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        RerunLog(tmp_path / "nowhere" / "a.rrd")
    assert caught.value.filename == str(tmp_path / "nowhere" / "a.rrd")
    with RerunLog(path) as log:
        log.write(make_frame(0, 0.0), None, make_tracks(0.0))
    with pytest.raises(InputError, match="is closed"):
        log.write(make_frame(1, 0.1), None, make_tracks(0.1))
    log.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_an_error_of_the_file() -> None:
    with pytest.raises(OSError, match=r"/dev/full: .*No space left"):
        RerunLog("/dev/full")


def test_a_disk_that_fills_up_is_told_while_it_runs(path, make_tracks, make_frame) -> None:
    class Full:
        def __init__(self, recording):
            self._recording = recording

        def flush(self, **_):
            raise RuntimeError("File-writer thread shut down prematurely")

        def __getattr__(self, name):
            return getattr(self._recording, name)

    log = RerunLog(path)
    log._stream._recording = Full(log._stream._recording)
    log.write(make_frame(0, 0.0), None, make_tracks(0.0))
    log._stream._next_check = 0.0
    with pytest.raises(OSError, match=r"tracks\.rrd: File-writer"):
        log.write(make_frame(1, 0.1), None, make_tracks(0.1))
    with pytest.raises(OSError, match=r"tracks\.rrd: File-writer"):
        log.close()
    log.close()


@pytest.mark.parametrize(("name", "value"), [("jpeg_quality", 0), ("longest_side", 8)])
def test_bad_settings(path, name, value) -> None:
    with pytest.raises(InputError, match=f"{name} must be .*, got {value}"):
        RerunLog(path, **{name: value})
    assert not path.exists()


def test_without_the_library_the_extra_is_named(path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "rerun.blueprint", None)
    with pytest.raises(MissingExtraError, match=r'rerun-sdk.*"\.\[robotics\]"'):
        RerunLog(path)
