"""The synthetic street: the same seed draws the same, and its truth says what the picture shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracker.errors import InputError

pytest.importorskip("cv2", reason="the street is drawn with the video extra")

from tracker.scenes.world import StreetWorld


def small(**changes: Any) -> StreetWorld:
    settings: dict[str, Any] = {"seed": 5, "width": 320, "height": 240, "duration_s": 8.0}
    return StreetWorld(**(settings | changes))


def test_a_frame_depends_on_seed_and_index_only() -> None:
    world = small()
    later, _ = world.render(30)
    again, truth = small().render(30)  # nothing drawn before it
    np.testing.assert_array_equal(later.image, again.image)
    assert (again.index, again.timestamp_s) == (30, 3.0)
    other, _ = small(seed=6).render(30)
    assert (other.image != again.image).any()
    assert truth.xyxy.shape == (len(truth), 4)


def test_iterating_gives_every_frame_in_order() -> None:
    world = small(duration_s=0.5, fps=8.0)
    frames = [frame for frame, _ in world]
    assert len(frames) == len(world) == 4
    assert [f.timestamp_s for f in frames] == [0.0, 0.125, 0.25, 0.375]


def test_every_walker_comes_past_and_keeps_a_number() -> None:
    world = small(walkers=6)
    truths = [world.render(i)[1] for i in range(0, len(world), 4)]
    seen = np.concatenate([t.object_id for t in truths])
    assert set(seen.tolist()) == set(range(6))
    for truth in truths:
        assert (np.diff(truth.object_id) > 0).all()
        assert (truth.xyxy[:, :2] >= 0).all()
        assert (truth.xyxy[:, 2:] <= [320, 240]).all()
        assert (truth.xyxy[:, 2:] > truth.xyxy[:, :2]).all()
        assert ((truth.visibility >= 0) & (truth.visibility <= 1)).all()
        np.testing.assert_array_equal(truth.judged, truth.visibility >= 0.35)


def test_boxes_move_smoothly() -> None:
    world = small(duration_s=2.0, fps=20.0, width=160, height=120)
    last: dict[int, np.ndarray] = {}
    for _, truth in world:
        for number, box in zip(truth.object_id.tolist(), truth.xyxy, strict=True):
            if number in last:  # no jump of more than a fifth of the figure between two frames
                assert np.abs(box - last[number]).max() < 0.2 * (box[3] - box[1]) + 3
            last[number] = box


def test_people_hide_people() -> None:
    visibility = np.concatenate(
        [small(walkers=14).render(i)[1].visibility for i in range(0, 80, 16)]
    )
    assert (visibility < 0.5).any()
    assert (visibility > 0.9).any()


def test_the_picture_shows_a_walker_where_the_truth_says() -> None:
    """The same street without its people differs inside the boxes and hardly outside."""
    full, empty = small(), small(walkers=0)
    empty._background, empty._things, empty._shade = full._background, full._things, full._shade
    frame, truth = full.render(40)
    bare, nobody = empty.render(40)
    assert len(nobody) == 0
    assert nobody.xyxy.shape == (0, 4)
    difference = np.abs(frame.image.astype(int) - bare.image).max(axis=2) > 24
    inside = np.zeros_like(difference)
    for x1, y1, x2, y2 in truth.xyxy.round().astype(int):
        inside[max(y1 - 1, 0) : y2 + 2, max(x1 - 1, 0) : x2 + 2] = True
        if (x2 - x1) * (y2 - y1) > 400:
            assert difference[y1:y2, x1:x2].any()
    assert difference.any()
    assert np.count_nonzero(difference & ~inside) < 0.15 * np.count_nonzero(difference)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 100}, "width must be at least 160, got 100"),
        ({"walkers": -1}, "walkers must be at least 0, got -1"),
        ({"fps": 0.0}, "fps must be above 0"),
        ({"duration_s": float("inf")}, "duration_s finite"),
        ({"duration_s": 0.01}, "at least one frame"),
    ],
)
def test_bad_settings_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        small(**change)
    with pytest.raises(InputError, match=r"index must be in 0\.\.79, got 80"):
        small().render(80)
