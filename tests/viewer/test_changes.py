"""What happened to a track is said once, when it happens, with the right numbers."""

from __future__ import annotations

import numpy as np

from tracker import TrackState
from tracker.viewer.changes import Changes

T, C, O, L = (  # noqa: E741
    TrackState.TENTATIVE,
    TrackState.CONFIRMED,
    TrackState.COASTING,
    TrackState.LOST,
)


def test_the_life_of_a_track(make_tracks) -> None:
    changes = Changes(["person", "car"])
    life = [
        (T, 0.3, 0.0),
        (C, 0.9, 0.0),
        (C, 0.95, 0.0),
        (O, 0.93, 0.1),
        (O, 0.9, 0.2),
        (C, 0.97, 0.0),
        (O, 0.9, 0.1),
        (L, 0.8, 0.2),
        (T, 0.4, 0.3),
    ]
    told = []
    for i, (state, existence, gap_s) in enumerate(life):
        tracks = make_tracks(
            i / 10, (2, existence, 0.5, state, gap_s == 0), gap_s=np.array([gap_s])
        )
        told += [(i, change.kind, change.text) for change in changes.update(tracks)]
    told += [(9, change.kind, change.text) for change in changes.update(make_tracks(0.9))]
    assert told == [
        (1, "confirmed", "2 person confirmed: 90%, 3 hits, 1 missed, 0.4 s"),
        (3, "missed", "2 person missed: 93%, its box is predicted"),
        (5, "seen again", "2 person seen again: 97% after 0.3 s"),
        (6, "missed", "2 person missed: 90%, its box is predicted"),
        (7, "lost", "2 person lost: 80%, its place is a guess"),
        (8, "doubted", "2 person doubted: 40%"),
        (9, "gone", "2 person gone: 40%, not seen for 0.4 s"),
    ]
    assert changes.update(make_tracks(1.0)) == []


def test_candidates_are_not_told_and_not_remembered(make_tracks) -> None:
    changes = Changes([])
    for i in range(50):
        rows = [(100 * i + k, 0.6, 0.5, T, True) for k in range(20)]
        assert changes.update(make_tracks(i / 10, *rows)) == []
    assert not changes._known


def test_several_at_once_come_by_id_and_without_names(make_tracks) -> None:
    changes = Changes([])
    first = changes.update(make_tracks(0.0, (1, 0.9, 0.5, C, True), (4, 0.8, 0.5, C, True)))
    assert [change.track_id for change in first] == [1, 4]
    assert first[0].text.startswith("1 class 1 confirmed")
    second = changes.update(make_tracks(0.1, (4, 0.8, 0.5, O, False), (6, 0.8, 0.5, C, True)))
    assert [(change.track_id, change.kind) for change in second] == [
        (4, "missed"),
        (6, "confirmed"),
        (1, "gone"),
    ]
