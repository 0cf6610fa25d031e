"""Conversions between messages and columns, on bare objects with the attributes of a message."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace as Message
from typing import Any

import numpy as np
import pytest

from tracker.bags.annotations import image_annotations
from tracker.bags.labels import Labels
from tracker.bags.messages import (
    Header,
    detection_array,
    detections_of,
    header_of,
    label_info,
    stamp,
    track_array,
    vision_info,
)
from tracker.errors import InputError
from tracker.tracks import Tracks, TrackState

HEADER = Header(1_760_000_000_123_456_789, "camera")
NAN = math.nan


def make(type_name: str, /, **fields: Any) -> Message:
    return Message(ros_type=type_name, **fields)


def tracks(n: int = 3, classes: int = 3) -> Tracks:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 100, (n, 2))
    likely = rng.dirichlet(np.ones(classes), n)
    return Tracks(
        timestamp_s=1.0,
        track_id=np.arange(5, 5 + n),
        xyxy=np.hstack([corner, corner + rng.uniform(5, 40, (n, 2))]),
        velocity=rng.normal(0, 9, (n, 2)),
        covariance=rng.normal(0, 1, (n, 8, 8)),
        existence=np.linspace(0.05, 0.95, n),
        score=np.linspace(0.2, 0.7, n),
        state=np.array([TrackState.TENTATIVE, TrackState.COASTING, TrackState.CONFIRMED], np.int8)[
            np.arange(n) % 3
        ],
        class_id=likely.argmax(axis=1),
        class_probabilities=likely,
        hits=np.arange(n) + 1,
        misses=np.arange(n),
        age_s=np.linspace(0, 2, n),
        gap_s=np.linspace(0, 1, n),
        detection=np.arange(n) - 1,
    )


# ---- headers and classes -------------------------------------------------------------------


@pytest.mark.parametrize("ns", [0, 1, 999_999_999, 1_760_000_000_123_456_789, 2**31 * 10**9 - 1])
def test_times_are_integers_both_ways(ns: int) -> None:
    time = stamp(make, ns)
    assert (time.sec, time.nanosec) == divmod(ns, 10**9)
    assert header_of(Message(header=Message(stamp=time, frame_id="x"))) == Header(ns, "x")


def test_labels_of_a_detector_are_its_class_ids() -> None:
    labels = Labels.of(["person", "car"])
    assert (labels.numbers, labels.names, len(labels)) == ([0, 1], ["person", "car"], 2)
    assert labels.index("1") == 1


def test_numbers_keep_their_number_and_names_get_a_free_one() -> None:
    labels = Labels({2: "car"})
    assert [labels.index(x) for x in ("2", "person", 0, "2", "65535", "-1")] == [0, 1, 2, 0, 3, 4]
    assert labels.numbers == [2, 0, 1, 3, 4]
    assert labels.names == ["car", "person", "0", "65535", "-1"]


def test_too_many_classes_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.bags.labels._MOST", 3)
    labels = Labels()
    for i in range(3):
        labels.index(str(i))
    with pytest.raises(InputError, match="more than 3 classes"):
        labels.index("one more")


# ---- detections in -------------------------------------------------------------------------


def result(name: str | int, score: float, old: bool = False) -> Message:
    if old:
        return Message(id=name, score=score)
    return Message(hypothesis=Message(class_id=name, score=score))


def detection(
    *results: Message, x: float = 50, y: float = 40, w: float = 20, h: float = 10,
    theta: float = 0.0, old: bool = False,
) -> Message:  # fmt: skip
    if old:
        centre = Message(x=x, y=y, theta=theta)
    else:
        centre = Message(position=Message(x=x, y=y), theta=theta)
    return Message(results=list(results), bbox=Message(center=centre, size_x=w, size_y=h))


@pytest.mark.parametrize("old", [False, True])
def test_detections_of_both_forms(old: bool) -> None:
    labels = Labels()
    array = Message(
        detections=[
            detection(result("car", 0.25, old), old=old),
            detection(result("person", 0.5, old), result("car", 0.75, old), x=10, y=5, old=old),
        ]
    )
    found, left_out = detections_of(array, labels)
    assert left_out == 0
    assert labels.names == ["car", "person"]
    assert found.xyxy.tolist() == [[40, 35, 60, 45], [0, 0, 20, 10]]
    assert found.confidence.tolist() == [0.25, 0.75]
    assert found.class_id.tolist() == [0, 0]
    assert found.class_probabilities.shape == (2, 0)
    vectors, _ = detections_of(array, labels, vectors=True)
    assert vectors.class_probabilities.tolist() == [[0.25, 0.0], [0.75, 0.5]]


def test_a_turned_box_becomes_the_upright_one_around_it() -> None:
    array = Message(detections=[detection(result("a", 0.5), theta=math.pi / 2)])
    found, _ = detections_of(array, Labels())
    np.testing.assert_allclose(found.xyxy, [[45, 30, 55, 50]])
    turned = detection(result("a", 0.5), w=10, h=10, theta=-math.pi / 4)
    found, _ = detections_of(Message(detections=[turned]), Labels())
    half = 5 * math.sqrt(2)
    np.testing.assert_allclose(found.xyxy, [[50 - half, 40 - half, 50 + half, 40 + half]])


def test_what_is_no_detection_is_left_out_and_counted() -> None:
    bad = [
        detection(),
        detection(result("a", NAN)),
        detection(result("a", 1.5)),
        detection(result("a", -0.1)),
        detection(result("a", 0.5), x=NAN),
        detection(result("a", 0.5), w=-3),
        detection(result("a", 0.5), theta=NAN),
    ]
    found, left_out = detections_of(
        Message(detections=[*bad, detection(result("a", 0.5))]), Labels()
    )
    # An angle that is no number is no reason to lose the box.
    assert (len(found), left_out) == (2, 6)


def test_no_detections() -> None:
    for vectors in (False, True):
        found, left_out = detections_of(Message(detections=[]), Labels(), vectors=vectors)
        assert (len(found), left_out) == (0, 0)


# ---- tracks out ----------------------------------------------------------------------------


def test_scores_are_existence_times_class() -> None:
    shown, labels = tracks(), Labels.of(["a", "b", "c"])
    array = detection_array(make, HEADER, shown, labels)
    assert array.ros_type == "vision_msgs/msg/Detection2DArray"
    assert header_of(array) == HEADER
    assert [d.id for d in array.detections] == ["5", "6", "7"]
    for row, d in enumerate(array.detections):
        assert header_of(d) == HEADER
        assert d.bbox.center.theta == 0.0
        x, y = d.bbox.center.position.x, d.bbox.center.position.y
        width, height = d.bbox.size_x, d.bbox.size_y
        np.testing.assert_allclose(
            [x - width / 2, y - height / 2, x + width / 2, y + height / 2], shown.xyxy[row]
        )
        scores = {r.hypothesis.class_id: r.hypothesis.score for r in d.results}
        assert list(scores.values()) == sorted(scores.values(), reverse=True)
        for name, score in scores.items():
            want = shown.existence[row] * shown.class_probabilities[row, int(name)]
            assert score == pytest.approx(want, rel=1e-12)
        np.testing.assert_allclose(sum(scores.values()), shown.existence[row], rtol=0.03)


def test_improbable_classes_are_left_out_and_numbers_are_those_of_the_labels() -> None:
    labels = Labels()
    for name in ("17", "3"):
        labels.index(name)
    likely = np.array([[0.004, 0.6, 0.396]])
    shown = replace(tracks(1, 3), class_probabilities=likely, class_id=np.array([1]))
    (only,) = detection_array(make, HEADER, shown, labels).detections
    # The third class was never named: it keeps its index.
    assert [r.hypothesis.class_id for r in only.results] == ["3", "2"]
    (track,) = track_array(make, HEADER, shown, labels, looked=True).tracks
    assert track.class_id == 3


def test_the_companion_has_every_column() -> None:
    shown = tracks()
    array = track_array(make, HEADER, shown, Labels.of("abc"), looked=False)
    assert (array.ros_type, array.looked) == ("conftrack_msgs/msg/TrackArray", False)
    assert header_of(array) == HEADER
    for row, t in enumerate(array.tracks):
        assert t.id == shown.track_id[row]
        assert t.state == shown.state[row]
        assert (t.existence, t.score) == (shown.existence[row], shown.score[row])
        assert (t.velocity_x, t.velocity_y) == tuple(shown.velocity[row])
        np.testing.assert_array_equal(t.covariance.reshape(8, 8), shown.covariance[row])
        assert (t.hits, t.misses, t.detected) == (row + 1, row, row > 0)
        assert (t.age_s, t.gap_s) == (shown.age_s[row], shown.gap_s[row])
        x1, y1, x2, y2 = shown.xyxy[row]
        got = (t.x, t.y, t.width, t.height)
        assert got == pytest.approx(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1))


def test_no_tracks_are_empty_arrays() -> None:
    labels = Labels()
    none = Tracks.empty(1.0, 2)
    assert detection_array(make, HEADER, none, labels).detections == []
    assert track_array(make, HEADER, none, labels, looked=True).tracks == []
    drawn = image_annotations(make, HEADER, none, labels)
    assert (drawn.circles, drawn.points, drawn.texts) == ([], [], [])


def test_names_and_method() -> None:
    labels = Labels.of(["person", "car"])
    info = label_info(make, HEADER, labels, threshold=0.25)
    assert [(c.class_id, c.class_name) for c in info.class_map] == [(0, "person"), (1, "car")]
    assert (info.threshold, header_of(info)) == (0.25, HEADER)
    about = vision_info(make, HEADER, method="net", location="/conftrack/label_info")
    assert (about.method, about.database_location) == ("net", "/conftrack/label_info")


def test_the_lost_are_told_and_not_drawn() -> None:
    shown = tracks(3)
    lost = replace(shown, state=np.array([0, 4, 1], np.int8))
    labels = Labels.of(["ant", "bee", "cat"])
    told = track_array(make, HEADER, lost, labels, looked=True).tracks
    assert [t.state for t in told] == [0, 4, 1]
    drawn = image_annotations(make, HEADER, lost, labels)
    assert len(drawn.points) == len(image_annotations(make, HEADER, shown, labels).points) - 1
    assert [t.text.split()[0] for t in drawn.texts] == ["7"]


def test_the_drawing_tells_the_states_apart() -> None:
    shown = tracks(4)
    drawn = image_annotations(make, HEADER, shown, Labels.of(["ant", "bee", "cat"]))
    # The first candidate is believed 5 % and not drawn; the last one is a candidate at 95 %.
    coasting, confirmed, tentative = drawn.points
    assert [p.type for p in drawn.points] == [4, 2, 2]  # LINE_LIST, LINE_LOOP, LINE_LOOP
    assert (len(coasting.points), len(confirmed.points)) == (16, 4)
    assert tentative.thickness < confirmed.thickness == coasting.thickness
    corners = [(p.x, p.y) for p in confirmed.points]
    x1, y1, x2, y2 = shown.xyxy[2]
    assert corners == [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    # The short lines begin at the corners and stay on the sides.
    x1, y1, x2, y2 = shown.xyxy[1]
    assert {(p.x, p.y) for p in coasting.points[::2]} == {(x1, y1), (x2, y1), (x2, y2), (x1, y2)}
    assert all(p.x in (x1, x2) or p.y in (y1, y2) for p in coasting.points)
    for part in (*drawn.points, *drawn.texts):
        assert header_of(Message(header=Message(stamp=part.timestamp, frame_id=""))).stamp_ns == (
            HEADER.stamp_ns
        )
    for part in drawn.points:
        c = part.outline_color
        assert all(0 <= value <= 1 for value in (c.r, c.g, c.b, c.a))
        assert part.fill_color.a == 0
    name = ["ant", "bee", "cat"][int(shown.class_id[2])]
    assert drawn.texts[1].text == f"7 {name} 65%"
    assert confirmed.outline_color.a > 0.35
