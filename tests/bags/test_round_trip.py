"""From a recording to tracks and back, message by message, each way with another library.

What is written by mcap-ros2-support or rosbags is read by us; what we write is read by both, each
with readers and decoders of its own, and compared with the tracker's own answer to the same
detections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import detectors
from tracker import Tracker, Tracks, presets
from tracker.frames import Frame

Kit = SimpleNamespace
Cli = Callable[..., Any]
CAMERA = "/camera/image_raw"


def expected(kit: Kit, replay: str) -> list[Tracks]:
    """What the tracker says about the recorded detections at the times of the headers."""
    detector = detectors.load(replay)
    tracker = Tracker(replace(presets.load("video"), on_backward_time="reset"))
    answers = []
    for i in range(kit.FRAMES):
        (found,) = detector.detect([Frame(kit.picture(i), i * kit.PERIOD_NS / 1e9, i)])
        answers.append(tracker.update(found, timestamp_ns=i * kit.PERIOD_NS))
    return answers


def check(kit: Kit, read: list[Any], want: list[Tracks]) -> None:
    """Compare what a library reads with the tracks, to the last bit."""
    ours: dict[str, list[Any]] = {}
    for message in read:
        if message.topic.startswith("/conftrack/"):
            ours.setdefault(message.topic.removeprefix("/conftrack/"), []).append(message)
    assert {key: len(messages) for key, messages in ours.items()} == {
        "detections": kit.FRAMES, "tracks": kit.FRAMES, "annotations": kit.FRAMES,
        "label_info": 1, "vision_info": 1,
    }  # fmt: skip
    names = [(c.class_id, c.class_name) for c in ours["label_info"][0].message.class_map]
    assert names == [(0, "person"), (1, "car")]
    for i, tracks in enumerate(want):
        stamp_ns = kit.START_NS + i * kit.PERIOD_NS
        for key in ("detections", "tracks", "annotations"):
            assert ours[key][i].log_ns == stamp_ns + 3_000_000
        array, companion = ours["detections"][i].message, ours["tracks"][i].message
        for head in (array.header, companion.header, *(d.header for d in array.detections)):
            assert head.stamp.sec * 10**9 + head.stamp.nanosec == stamp_ns
            assert head.frame_id == "camera_optical"
        assert companion.looked
        assert [int(d.id) for d in array.detections] == tracks.track_id.tolist()
        assert [t.id for t in companion.tracks] == tracks.track_id.tolist()
        for row, (d, t) in enumerate(zip(array.detections, companion.tracks, strict=True)):
            x1, y1, x2, y2 = tracks.xyxy[row]
            centre = (d.bbox.center.position.x, d.bbox.center.position.y)
            assert centre == ((x1 + x2) / 2, (y1 + y2) / 2) == (t.x, t.y)
            assert (d.bbox.size_x, d.bbox.size_y) == (x2 - x1, y2 - y1) == (t.width, t.height)
            for result in d.results:
                likely = tracks.class_probabilities[row, int(result.hypothesis.class_id)]
                assert result.hypothesis.score == tracks.existence[row] * likely
            assert (t.existence, t.score) == (tracks.existence[row], tracks.score[row])
            assert t.state == tracks.state[row]
            assert (t.velocity_x, t.velocity_y) == tuple(tracks.velocity[row])
            np.testing.assert_array_equal(np.reshape(t.covariance, (8, 8)), tracks.covariance[row])
            assert (t.hits, t.misses) == (tracks.hits[row], tracks.misses[row])
        drawn = ours["annotations"][i].message
        shown = tracks.confirmed | (tracks.existence >= 0.1)
        assert len(drawn.points) == len(drawn.texts) == np.count_nonzero(shown)
    assert any(tracks.confirmed.any() for tracks in want)


def write(kit: Kit, folder: Path, kind: str, entries: Any) -> Path:
    if kind == "mcap":
        return kit.write_mcap(folder / "drive.mcap", entries)
    if kind == "ros1":
        return kit.write_ros1(folder / "drive.bag", entries)
    return kit.write_rosbags2(folder / "drive", entries, kind)


@pytest.mark.parametrize("kind", ["mcap", "sqlite3", "ros1"])
def test_images_to_tracks_read_by_two_other_libraries(
    kit: Kit, entries: Any, replay: str, cli: Cli, tmp_path: Path, kind: str
) -> None:
    path = write(kit, tmp_path, kind, entries)
    result = cli(
        "bag", "run", path, "--image-topic", CAMERA, "--model", replay, "--out", "out.mcap"
    )
    assert result.exit_code == 0, result.output
    want = expected(kit, replay)
    check(kit, kit.read_mcap_ros2(Path("out.mcap")), want)
    check(kit, kit.read_rosbags(Path("out.mcap")), want)


def test_compressed_images_to_tracks(kit: Kit, replay: str, cli: Cli, tmp_path: Path) -> None:
    path = kit.write_mcap(tmp_path / "a.mcap", [kit.compressed_entry(i) for i in range(kit.FRAMES)])
    result = cli("bag", "run", path, "--model", replay, "--out", "out.mcap")
    assert result.exit_code == 0, result.output
    check(kit, kit.read_mcap_ros2(Path("out.mcap")), expected(kit, replay))


@pytest.mark.parametrize("kind", ["mcap", "sqlite3"])
def test_everything_else_is_copied_bit_for_bit(
    kit: Kit, entries: Any, replay: str, cli: Cli, tmp_path: Path, kind: str
) -> None:
    path = write(kit, tmp_path, kind, entries)
    result = cli(
        "bag", "run", path, "--image-topic", CAMERA, "--model", replay, "--out", "out.mcap",
        "--copy-input",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "copied: 3 topics" in result.stdout
    for read in (kit.read_mcap_ros2, kit.read_rosbags):
        got = read(Path("out.mcap"))
        check(kit, got, expected(kit, replay))
        copied = [m for m in got if not m.topic.startswith("/conftrack/")]
        want = sorted(entries, key=lambda e: e.log_ns)
        assert [(m.topic, m.type, m.log_ns) for m in copied] == [
            (e.topic, e.type, e.log_ns) for e in want
        ]
        for message, entry in zip(copied, want, strict=True):
            data = entry.fields["data"]
            got_data = message.message.data
            assert got_data == data if isinstance(data, str) else bytes(got_data) == bytes(data)
        # An image comes before what was found in it, as players want it.
        at = {(m.topic, m.log_ns): place for place, m in enumerate(got)}
        for m in got:
            if m.topic == "/conftrack/annotations":
                assert at[CAMERA, m.log_ns] < at[m.topic, m.log_ns]


def test_ros1_is_copied_in_its_own_encoding(
    kit: Kit, entries: Any, replay: str, cli: Cli, tmp_path: Path
) -> None:
    from mcap.reader import make_reader
    from mcap_ros1.decoder import DecoderFactory

    path = kit.write_ros1(tmp_path / "a.bag", entries)
    result = cli(
        "bag", "run", path, "--image-topic", CAMERA, "--model", replay, "--out", "out.mcap",
        "--copy-input",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with Path("out.mcap").open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        images = [m for *_, m in reader.iter_decoded_messages(topics=[CAMERA])]
    assert [(m.header.stamp.secs, m.header.stamp.nsecs) for m in images] == [
        divmod(kit.START_NS + i * kit.PERIOD_NS, 10**9) for i in range(kit.FRAMES)
    ]
    assert all(
        bytes(m.data) == bytes(kit.image_entry(i).fields["data"]) for i, m in enumerate(images)
    )


def test_detections_of_somebody_else_become_tracks(kit: Kit, cli: Cli, tmp_path: Path) -> None:
    """No detector runs; numbers of classes stay what they are in the input."""
    entries = [kit.detection_entry(i, results=(("7", 0.7),)) for i in range(kit.FRAMES)]
    path = kit.write_mcap(tmp_path / "a.mcap", entries)
    result = cli("bag", "run", path, "--detections-topic", "/yolo/detections", "--out", "o.mcap")
    assert result.exit_code == 0, result.output
    assert "no detector runs" in result.stderr
    read = kit.read_mcap_ros2(Path("o.mcap"))
    arrays = [m.message for m in read if m.topic == "/conftrack/detections"]
    assert len(arrays) == kit.FRAMES
    (last,) = arrays[-1].detections
    assert [r.hypothesis.class_id for r in last.results] == ["7"]
    assert last.results[0].hypothesis.score > 0.9
    x, y, _, _ = kit.box(kit.FRAMES - 1)
    assert (last.bbox.center.position.x, last.bbox.center.position.y) == pytest.approx(
        (x, y), abs=1
    )
    (info,) = [m.message for m in read if m.topic == "/conftrack/label_info"]
    assert [(c.class_id, c.class_name) for c in info.class_map] == [(7, "7")]


def test_our_own_output_is_an_input(kit: Kit, drive: Path, replay: str, cli: Cli) -> None:
    """Detections, names and all: track ids are new, classes are the same."""
    assert cli("bag", "run", drive, "--image-topic", CAMERA, "--model", replay, "--out", "1.mcap"
               ).exit_code == 0  # fmt: skip
    topic = "/conftrack/detections"
    result = cli(
        "bag", "run", "1.mcap", "--detections-topic", topic, "--out", "2.mcap", "--prefix", "/again"
    )
    assert result.exit_code == 0, result.output
    read = kit.read_rosbags(Path("2.mcap"))
    (info,) = [m.message for m in read if m.topic == "/again/label_info"]
    assert [(c.class_id, c.class_name) for c in info.class_map] == [(0, "person"), (1, "car")]
    assert sum(m.topic == "/again/tracks" for m in read) == kit.FRAMES


@pytest.mark.slow
def test_a_real_video_through_the_bundled_network(kit: Kit, cli: Cli, tmp_path: Path) -> None:
    """A video file becomes a bag, the bag goes through the network, and is read back."""
    pytest.importorskip("torch")
    from tracker.video.sources import open_source
    from tracker.video.writer import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4", fps=10) as video:
        for i in range(4):
            video.write(np.ascontiguousarray(kit.picture(i)), i / 10)
    entries = []
    with open_source(tmp_path / "clip.mp4") as opened:
        for frame in opened:
            entry = kit.image_entry(
                frame.index, stamp_ns=kit.START_NS + round(frame.timestamp_s * 10**9), pad=0
            )
            entry.fields["data"] = frame.image[..., ::-1].ravel()
            entries.append(entry)
    path = kit.write_rosbags2(tmp_path / "bag", entries)
    result = cli("bag", "run", path, "--model", "bundled", "--out", "out.mcap")
    assert result.exit_code == 0, result.output
    read = kit.read_mcap_ros2(Path("out.mcap"))
    stamps = [m.message.header.stamp for m in read if m.topic == "/conftrack/tracks"]
    assert [s.sec * 10**9 + s.nanosec for s in stamps] == [
        kit.START_NS + i * 10**8 for i in range(4)
    ]
    (info,) = [m.message for m in read if m.topic == "/conftrack/vision_info"]
    assert "fasterrcnn" in info.method
