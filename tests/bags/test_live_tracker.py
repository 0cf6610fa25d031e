"""What a live node does with each message, without the shell that has the topics."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tracker import Detections, Tracker, TrackerConfig
from tracker.bags.live import LiveTracker
from tracker.bags.types import new
from tracker.errors import InputError

Kit = SimpleNamespace


def live(**more: Any) -> LiveTracker:
    return LiveTracker(new, Tracker(), use="detections", **more)


def array(kit: Kit, entry: Any) -> Any:
    return kit.built(kit._store(), entry.type, entry.fields)


def test_late_and_double_messages_are_left_out(kit: Kit) -> None:
    one = live()
    assert one.take(array(kit, kit.detection_entry(3)), now_ns=0)
    for i in (3, 1):
        assert one.take(array(kit, kit.detection_entry(i)), now_ns=0) == {}
    assert (one.late, one.restarts) == (2, 0)
    assert one.take(array(kit, kit.detection_entry(4)), now_ns=0)


def test_late_detections_count_where_the_settings_let_them(kit: Kit) -> None:
    """Every second one comes two places late; in the end all have counted."""
    one = LiveTracker(new, Tracker(TrackerConfig(max_delay_s=0.5)), use="detections")
    answers = [
        one.take(array(kit, kit.detection_entry(i)), now_ns=0) for i in (0, 2, 1, 4, 3, 6, 5, 7)
    ]
    assert [bool(out) for out in answers] == [True, True, False, True, False, True, False, True]
    (track,) = answers[-1]["tracks"].tracks
    assert (track.hits, track.misses, one.late, one.restarts) == (8, 0, 0, 0)
    assert one.take(array(kit, kit.detection_entry(1)), now_ns=0) == {}
    assert one.late == 1


def test_stamps_that_fall_by_a_second_are_a_new_beginning(kit: Kit) -> None:
    one = live()
    one.take(array(kit, kit.detection_entry(30)), now_ns=0)
    out = one.take(array(kit, kit.detection_entry(2)), now_ns=0)
    assert (one.late, one.restarts) == (0, 1)
    assert [t.id for t in out["tracks"].tracks] == [2]


def test_a_header_without_time_gets_that_of_the_node(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    one = live()
    for now_ns in (7_000_000_001, 7_500_000_000):
        entry = kit.detection_entry(0)
        entry.fields["header"] = kit.header(0)
        out = one.take(array(kit, entry), now_ns=now_ns)
        stamp = out["tracks"].header.stamp
        assert stamp.sec * 10**9 + stamp.nanosec == now_ns
    assert [r.message for r in caplog.records] == [
        "messages have no time in their headers: the node's clock stands in"
    ]


def test_new_classes_are_named_as_they_come(kit: Kit) -> None:
    one = live(outputs=["detections"])
    names = []
    for i, name in enumerate(("car", "car", "person")):
        entry = kit.detection_entry(i, results=((name, 0.6),))
        out = one.take(array(kit, entry), now_ns=0)
        names.append(
            [c.class_name for c in out["label_info"].class_map] if "label_info" in out else []
        )
        assert set(out) <= {"detections", "label_info", "vision_info"}
    assert names == [["car"], [], ["car", "person"]]


def test_detections_are_filtered(kit: Kit) -> None:
    for more in ({"classes": ["car"]}, {"score_threshold": 0.7}):
        out = live(**more).take(array(kit, kit.detection_entry(0)), now_ns=0)
        assert out["tracks"].tracks == []
    for more in ({"classes": ["person"]}, {"classes": ["0"]}, {"score_threshold": 0.69}):
        out = live(**more).take(array(kit, kit.detection_entry(0)), now_ns=0)
        assert len(out["tracks"].tracks) == 1
    out = live(least_existence=0.9).take(array(kit, kit.detection_entry(0)), now_ns=0)
    assert out["tracks"].tracks == out["detections"].detections == []


def test_an_image_that_cannot_be_read_is_left_out(kit: Kit, replay: str) -> None:
    import detectors

    one = LiveTracker(new, Tracker(), use="compressed", detector=detectors.load(replay))
    entry = kit.compressed_entry(0)
    entry.fields["data"] = entry.fields["data"][:20]
    assert one.take(array(kit, entry), now_ns=0) == {}
    assert one.take(array(kit, kit.compressed_entry(1)), now_ns=0)


@pytest.mark.parametrize("follow", [False, True])
def test_a_moving_camera_is_followed(kit: Kit, follow: bool) -> None:
    """The camera turns to the left by 6 px a frame past a square that stands in the world.

    Detected in the first frames only, it goes on where the picture goes; without following, where
    the speed of its first frames takes it.
    """
    rng = np.random.default_rng(0)
    world = rng.integers(0, 255, (kit.HEIGHT * 4, 2000, 3)).astype(np.uint8)

    class Glimpse:
        name, class_names = "glimpse", ("thing",)

        def detect(self, frames: Any) -> list[Any]:
            i = frames[0].index
            boxes = [[100 + 6 * i, 100, 160 + 6 * i, 260]] if i < 3 else []
            return [Detections(boxes, [0.9] * len(boxes))]

    from tracker.video.camera_motion import CameraMotion

    one = LiveTracker(
        new, Tracker(), use="image", detector=Glimpse(),
        camera_motion=CameraMotion() if follow else None,
    )  # fmt: skip
    x = []
    for i in range(8):
        # From the fourth frame on it turns faster.
        shift = 6 * min(i, 3) + 20 * max(0, i - 3)
        picture = np.ascontiguousarray(world[:, 800 - shift : 1440 - shift])
        message = SimpleNamespace(
            header=SimpleNamespace(
                stamp=SimpleNamespace(sec=i // 10, nanosec=(i % 10) * 10**8 + 1), frame_id="c"
            ),
            height=picture.shape[0], width=640, encoding="rgb8", step=1920, data=picture.ravel(),
        )  # fmt: skip
        (track,) = one.take(message, now_ns=0)["tracks"].tracks
        x.append(track.x)
    assert x[3] == pytest.approx(148, abs=4)
    assert abs(x[7] - (148 + 80)) < 6 if follow else abs(x[7] - (148 + 80)) > 30


def test_wrong_combinations(replay: str) -> None:
    import detectors

    with pytest.raises(InputError, match="images need a detector"):
        LiveTracker(new, Tracker(), use="image")
    with pytest.raises(InputError, match="must not have one"):
        LiveTracker(new, Tracker(), use="detections", detector=detectors.load(replay))
    with pytest.raises(InputError, match="followed in images only"):
        live(camera_motion=SimpleNamespace())
    with pytest.raises(InputError, match='"image", "compressed" or "detections", got \'\''):
        LiveTracker(new, Tracker(), use="")
