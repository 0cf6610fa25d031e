"""All fits together: what they are worth on worlds that they have not seen."""

from dataclasses import replace

import numpy as np
import pytest

from tests.calibration.kit import recording
from tracker import InputError, TrackerConfig
from tracker.calibration.fitting import (
    by_mixture,
    by_truth,
    check,
    compare,
    figures,
    fit,
    label,
    trace,
    track,
)
from tracker.calibration.fitting.mixture import Lives, lives, mixture
from tracker.calibration.model import Calibration

CONFIG = TrackerConfig()


@pytest.fixture(scope="module")
def worlds():
    """A detector that is far too sure, and posts that fire all the time."""
    return [recording(k, 100, shift=2.5, posts=5) for k in range(4)]


def test_what_is_fitted_is_true_elsewhere(worlds):
    worth = compare(worlds, by_truth(), CONFIG, track_metrics=False)
    before, after = worth.before, worth.after
    assert before.score.ece > 0.1
    for name in ("score", "existence"):
        old, new = getattr(before, name), getattr(after, name)
        assert new.ece < 0.6 * old.ece
        assert new.log_loss < 0.5 * old.log_loss
        assert new.brier < 0.5 * old.brier
    assert after.boxes.ap > before.boxes.ap
    assert [len(part) for part in worth.parts] == [1, 1, 1, 1]


def test_a_second_of_footage_changes_little(worlds):
    short = fit([worlds[0].cut(0, 10, "a second")], by_truth(), CONFIG)
    long = fit(worlds, by_truth(), CONFIG)
    other = recording(9, 100, shift=2.5, posts=5)
    told = [trace(other, CONFIG, c).score for c in (None, short, long)]
    changed = [np.abs(told[0].mean() - t.mean()) for t in told[1:]]
    assert changed[0] < 0.6 * changed[1]
    assert short.about.counted_as < 0.3 * long.about.counted_as


def test_without_labels_it_is_truer_than_nothing(worlds):
    unseen = [replace(world, truth=None) for world in worlds[:3]]
    found = fit(unseen, by_mixture, CONFIG)
    judged = worlds[3]
    before, after = (
        figures([(judged, trace(judged, CONFIG, c))], track_metrics=False) for c in (None, found)
    )
    assert after.score.log_loss < before.score.log_loss - 0.02
    assert after.existence.log_loss < before.existence.log_loss


def test_tracks_tell_of_themselves():
    world = recording(5, 150)
    tracked = track([world], by_truth(), CONFIG)
    (guessed,) = by_mixture([replace(world, truth=None)], [tracked[0].found])
    real = tracked[0].labels.real > 0.5
    assert guessed.real[real].mean() > guessed.real[~real].mean() + 0.3
    assert guessed.counts.all()
    assert len(guessed.detected.confidence) == len(world.detections)
    assert not guessed.trust.is_of_labels


def test_the_mixture_keeps_its_kinds():
    rng = np.random.default_rng(0)

    def tracks(n, life, evidence, against, moved):
        return Lives(
            np.log(life * rng.lognormal(0, 0.4, n) + 0.1),
            rng.normal(evidence, 0.8, n),
            np.full(n, 5.0),
            np.maximum(rng.normal(against, 0.4, n), 0.0),
            (rng.random(n) < moved).astype(float) if life > 1 else np.full(n, np.nan),
        )

    parts = [
        tracks(40, 6, 2.5, 0.4, 0.9),
        tracks(600, 0.1, -0.5, 0.6, 0),
        tracks(300, 3, 0, 1.8, 0.1),
    ]
    found, odds = mixture(Lives.joined(parts))
    of_object = odds > 0
    assert of_object[:40].mean() > 0.9
    assert of_object[40:].mean() < 0.05
    assert found.share.sum() == pytest.approx(1.0)
    assert found.evidence[0].argmax() == 0
    # The order of tracks does not matter, and shifting all evidence does not either.
    turned = Lives(*(getattr(Lives.joined(parts[::-1]), n) for n in (
        "log_life", "evidence", "hits", "against", "moved"
    )))  # fmt: skip
    np.testing.assert_allclose(np.sort(mixture(turned)[1]), np.sort(odds), atol=1e-5)
    shifted = replace(turned, evidence=turned.evidence + 3.0)
    np.testing.assert_allclose(mixture(shifted)[1], mixture(turned)[1], atol=1e-4)


def test_no_tracks_at_all():
    empty = recording(0, 5, objects=0, clutter=0.0, labelled=False)
    found = trace(empty, CONFIG)
    assert len(lives(found)) == 0
    calibration = fit([empty], by_mixture, CONFIG)
    assert replace(calibration, about=Calibration().about).tells_as_is


def test_a_scene_is_kept_if_asked_for():
    world = recording(1, 60)
    assert fit([world], by_truth(), CONFIG).scene.is_empty
    scene = fit([world], by_truth(), CONFIG, scene=True).scene
    assert scene.watched_s == pytest.approx(6.0)
    with pytest.raises(InputError, match="one camera"):
        fit([world, recording(2, 10)], by_truth(), CONFIG, scene=True)


def test_standing_clutter_is_in_the_scene():
    world = recording(2, 200, clutter=0.0)
    boxes = world.detections
    post = np.tile([[700.0, 300.0, 730.0, 380.0]], (200, 1))
    n = len(boxes) + 200
    whole = replace(
        boxes,
        frame=np.concatenate([boxes.frame, np.arange(200)]),
        track_id=np.full(n, -1),
        xyxy=np.concatenate([boxes.xyxy, post]),
        score=np.concatenate([boxes.score, np.full(200, 0.3)]),
        existence=np.full(n, np.nan),
        class_id=np.zeros(n, np.int64),
    )
    scene = fit([replace(world, detections=whole)], by_truth(), CONFIG, scene=True).scene
    place = (380 // 24) * 256 + (715 // 24)
    assert dict(zip(scene.place, scene.seconds, strict=True))[place] == max(scene.seconds)


def test_what_cannot_be_fitted():
    with pytest.raises(InputError, match="nothing to fit"):
        fit([], by_truth(), CONFIG)
    with pytest.raises(InputError, match="name a calibration already"):
        fit([recording(0, 5)], by_truth(), replace(CONFIG, calibration="x.toml"))
    blind = recording(0, 5, labelled=False)
    with pytest.raises(InputError, match="has no truth"):
        label(blind, trace(blind, CONFIG))


def test_it_is_the_same_each_time(worlds):
    one, other = (fit(worlds[:2], by_truth(), CONFIG) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("shift", "posts"), [(0.0, 0), (0.0, 4), (-1.0, 4), (2.5, 4)])
def test_three_sequences_of_two_seconds_are_no_worse_than_none(shift, posts):
    """A detector that the shipped constants fit, one that is too timid, and one far too sure.

    The median of five draws: one track that is half on its object and half off it is of one kind or
    of the other by a box, and weighs as much as all others of its sequence.
    """
    gained = []
    for draw in range(0, 500, 100):
        *short, other = (
            recording(draw + k, 20 if k < 3 else 80, shift=shift, posts=posts) for k in range(4)
        )
        found = fit(short, by_truth(), CONFIG, afterwards=False)
        before, after = (
            figures([(other, trace(other, CONFIG, c))], track_metrics=False) for c in (None, found)
        )
        gained.append(
            [
                getattr(before, n).log_loss - getattr(after, n).log_loss
                for n in ("score", "existence")
            ]
        )
    score, existence = np.median(gained, axis=0)
    assert score > 0.005
    assert existence > 0.0


def test_nothing_is_judged_that_was_fitted_on(worlds):
    """Names of what a fold was fitted on never hold what it judges; halves share no track."""
    few = [world.cut(0, 30, world.name) for world in worlds[:2]]
    for recordings in (few, few[:1]):
        held = compare(recordings, by_truth(), CONFIG, track_metrics=False)
        for names, calibration in zip(held.parts, held.calibrations, strict=True):
            assert not set(names) & set(calibration.about.sequences)


def test_truth_of_something_else_is_refused():
    one = recording(6, 30)
    far = replace(one, truth=replace(one.truth, xyxy=one.truth.xyxy + 5000.0))
    with pytest.raises(InputError, match=r"none of \d+ detections shows an object"):
        check(track([far], by_truth(), CONFIG))
    nothing = replace(one, detections=one.detections.within(np.zeros(0, np.int64)))
    with pytest.raises(InputError, match="no detection is judged"):
        check(track([nothing], by_truth(), CONFIG))
    assert check(track([one], by_truth(), CONFIG)) == ""
    assert "every detection is right" in check(
        track([recording(6, 30, clutter=0.0)], by_truth(), CONFIG)
    )
