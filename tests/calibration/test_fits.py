"""Each fit for itself: against known answers, other libraries, and what must not happen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calibration.kit import recording
from tracker import TrackerConfig
from tracker.calibration import Calibration, LogOddsMap
from tracker.calibration.fitting import (
    by_mixture,
    by_truth,
    figures,
    folds,
    label,
    scenes,
    trace,
    track,
)
from tracker.calibration.fitting.belief import fit_constants, leaky_sums
from tracker.calibration.fitting.confidences import KINDS, fit_score_model, held_out_loss
from tracker.calibration.fitting.labels import Detected
from tracker.calibration.fitting.logistic import STRETCH_S, Trust, counted_as, fit, weights
from tracker.calibration.fitting.maps import fit_map
from tracker.calibration.fitting.telling import fit_maps
from tracker.evaluation import evaluate
from tracker.existence import log_odds_of, logit

CONFIG = TrackerConfig()


def detected(rng, n=4000, offset=-0.5, slope=2.0) -> Detected:
    """Detections each of a track and a stretch of its own, right with a known probability."""
    z = rng.normal(0, 1.5, n)
    right = rng.random(n) < 1 / (1 + np.exp(-offset - slope * z))
    each = np.arange(n)
    return Detected(1 / (1 + np.exp(-z)), right.astype(float), each, each, each)


# ---- regression -----------------------------------------------------------------------------


def test_without_a_prior_it_is_logistic_regression():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (300, 2))
    y = rng.random(300) < 1 / (1 + np.exp(-(0.5 + x @ [1.0, -2.0])))
    weight = rng.uniform(0.5, 2.0, 300)
    features = np.column_stack([np.ones(300), x])
    wide = np.full(3, 1e4)
    ours = fit(features, y.astype(float), weight, np.zeros(3), wide)
    theirs = linear_model.LogisticRegression(C=1e8, tol=1e-10, fit_intercept=False)
    theirs.fit(features, y, weight)
    np.testing.assert_allclose(ours, theirs.coef_[0], rtol=1e-4)


def test_an_offset_is_a_coefficient_of_one():
    rng = np.random.default_rng(1)
    z = rng.normal(0, 1, 5000)
    y = (rng.random(5000) < 1 / (1 + np.exp(-1.0 - z))).astype(float)
    one = np.ones((5000, 1))
    found = fit(one, y, np.ones(5000), np.zeros(1), np.full(1, 10.0), z)
    assert found[0] == pytest.approx(1.0, abs=0.1)


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.floats(0.0, 1000.0))
def test_it_is_the_mode(seed, worth):
    rng = np.random.default_rng(seed)
    features, y = rng.normal(0, 2, (50, 2)), rng.random(50)
    weight, prior, deviation = np.full(50, worth / 50), rng.normal(0, 1, 2), rng.uniform(0.1, 2, 2)

    def value(b):
        z = features @ b
        likely = weight @ (y * z - np.logaddexp(0, z))
        return likely - 0.5 * (((b - prior) / deviation) ** 2).sum()

    found = fit(features, y, weight, prior, deviation)
    best = value(found)
    assert all(value(found + step) <= best + 1e-7 for step in rng.normal(0, 0.1, (20, 2)))
    if worth == 0.0:
        np.testing.assert_allclose(found, prior)


# ---- what boxes count -----------------------------------------------------------------------


@given(st.integers(1, 20), st.integers(1, 50))
def test_tracks_of_one_length_count_each(tracks, boxes):
    cluster = np.repeat(np.arange(tracks), boxes)
    assert counted_as(cluster, np.ones(len(cluster))) == pytest.approx([tracks])


def test_nothing_counts_as_nothing():
    assert not counted_as(np.zeros(0, np.int64), np.zeros(0)).any()
    assert weights(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))[1] == 0.0


def test_a_crowd_in_one_stretch_counts_less_than_the_same_over_time():
    cluster, outcome = np.arange(100), np.tile([0.0, 1.0], 50)
    together = weights(cluster, np.zeros(100, np.int64), outcome)[1]
    apart = weights(cluster, np.arange(100), outcome)[1]
    assert together == pytest.approx(100 / (1 + 0.1 * 99))
    assert apart == pytest.approx(100)
    each, total = weights(cluster, np.arange(100), outcome, trust=Trust(share=0.5))
    assert each.sum() == pytest.approx(total) == pytest.approx(50)


# ---- maps -----------------------------------------------------------------------------------


def test_a_map_finds_what_is_true():
    rng = np.random.default_rng(2)
    z = rng.normal(0, 3, 20_000)
    true = LogOddsMap(-0.5, 1.3, 0.6)
    y = (rng.random(20_000) < true.of_probability(1 / (1 + np.exp(-z)))).astype(float)
    each = np.arange(20_000)
    found = fit_map(z, y, each, each)
    assert (found.offset, found.low, found.high) == pytest.approx((-0.5, 1.3, 0.6), abs=0.12)


def test_one_track_changes_little_and_none_nothing():
    z, one = np.full(500, 2.0), np.zeros(500, np.int64)
    found = fit_map(z, np.zeros(500), one, one)
    assert 0.0 > found.offset > -0.6
    none = np.zeros(0)
    assert fit_map(none, none, np.zeros(0, np.int64), np.zeros(0, np.int64)).is_identity


def test_a_map_rises_even_where_the_data_fall():
    z = np.tile([-3.0, 0.0, 3.0], 3000)
    each = np.arange(9000)
    for falls in (np.array([1.0, 0.5, 0.0]), np.array([0.0, 1.0, 0.5]), np.array([0.5, 0.0, 1.0])):
        found = fit_map(z, np.tile(falls, 3000), each, each)
        assert found.low >= 0.1 - 1e-6
        assert found.high >= 0.1 - 1e-6


def test_a_line_has_one_slope():
    rng = np.random.default_rng(3)
    z = rng.normal(0, 3, 3000)
    y = (rng.random(3000) < 1 / (1 + np.exp(-np.minimum(z, 0)))).astype(float)
    each = np.arange(3000)
    line = fit_map(z, y, each, each, bent=False)
    assert line.low == pytest.approx(line.high, abs=1e-3)


# ---- what a confidence is worth -------------------------------------------------------------


def test_a_line_is_found_and_brought_back():
    model, loss = fit_score_model([detected(np.random.default_rng(4))])
    assert model.kind == "platt"
    assert (model.offset, model.low) == pytest.approx((-0.5, 2.0), abs=0.15)
    assert (model.evidence_offset, model.evidence_scale) == pytest.approx(
        (model.offset, model.low), abs=1e-4
    )
    assert loss["platt"] < loss["identity"] - 0.05
    c = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(model.evidence(c), logit(c), atol=1e-3)


def test_what_is_true_already_stays():
    model, _ = fit_score_model([detected(np.random.default_rng(5), offset=0.0, slope=1.0)])
    assert model.is_identity


def test_steps_are_followed_by_isotonic_regression():
    rng = np.random.default_rng(6)
    c = rng.uniform(0.01, 0.99, 6000)
    right = rng.random(6000) < np.where(c < 0.3, 0.02, np.where(c < 0.6, 0.5, 0.97))
    each = np.arange(6000)
    model, loss = fit_score_model([Detected(c, right.astype(float), each, each, each)])
    assert model.kind == "isotonic"
    assert loss["isotonic"] < min(loss["platt"], loss["beta"])
    told = model.calibrated(np.array([0.1, 0.45, 0.9]))
    np.testing.assert_allclose(told, [0.02, 0.5, 0.97], atol=0.04)


def test_an_odd_detector_is_spread_out_to_what_it_is_worth():
    """Confidences between 0.3 and 0.5, where 0.3 is nearly always wrong and 0.5 nearly never."""
    rng = np.random.default_rng(7)
    z = rng.uniform(-0.85, 0.0, 6000)
    right = rng.random(6000) < 1 / (1 + np.exp(-(4.6 + 10.8 * z)))
    each = np.arange(6000)
    model, _ = fit_score_model(
        [Detected(1 / (1 + np.exp(-z)), right.astype(float), each, each, each)]
    )
    low, high = model.evidence(np.array([0.3, 0.5]))
    neutral = log_odds_of(CONFIG.existence.neutral_confidence)
    assert low < neutral < high
    assert high - low > 2.5  # raw it is 0.85


def test_without_detections_nothing_is_fitted():
    nothing = Detected.joined([])
    assert fit_score_model([nothing])[0].is_identity
    assert fit_score_model([])[0].is_identity


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_detections_that_are_all_alike(right):
    n = 40
    each = np.arange(n)
    same = Detected(np.full(n, 0.7), np.full(n, right), each, each, each)
    model, loss = fit_score_model([same])
    assert set(loss) == set(KINDS)
    told = float(model.calibrated(np.array([0.7]))[0])
    assert abs(told - right) < 0.3
    assert 0.0 < told < 1.0


def test_losses_are_held_out():
    parts = [detected(np.random.default_rng(k), 500) for k in range(3)]
    loss = held_out_loss(parts)
    # The best there is: the entropy of the known probabilities, in the mean.
    assert 0.3 < loss["platt"] < loss["identity"]


# ---- labels and traces ----------------------------------------------------------------------


def test_labels_are_those_of_the_evaluation():
    one = recording(1)
    found = trace(one, CONFIG)
    labels = label(one, found)
    judged = figures([(one, found)], track_metrics=False)
    assert judged.boxes.boxes == np.count_nonzero(labels.counts)
    right, real = labels.right[labels.counts], labels.real[labels.counts]
    assert judged.score.true_share == pytest.approx(right.mean())
    assert judged.existence is not None
    assert judged.existence.true_share == pytest.approx(real.mean())
    raw = evaluate(truth=[one.truth], detections=[one.detections], track_metrics=False)
    assert raw.detections.score.true_share == pytest.approx(labels.detected.right.mean())
    assert raw.detections.boxes.boxes == len(labels.detected.confidence)


def test_a_trace_is_what_the_tracker_shows():
    from tracker import Detections, Tracker

    one = recording(2, 30)
    found, tracker = trace(one, CONFIG), Tracker(CONFIG)
    for k in range(30):
        mine = one.detections.within(np.array([k]))
        tracks = tracker.update(Detections(mine.xyxy, mine.score), timestamp_s=k / one.fps)
        rows = found.frame == k
        np.testing.assert_array_equal(found.track_id[rows], tracks.track_id)
        np.testing.assert_array_equal(found.existence[rows], tracks.existence)
        np.testing.assert_array_equal(found.seen[rows], tracks.seen)
        taken = found.detection[rows][tracks.seen]
        np.testing.assert_array_equal(one.detections.frame[taken], k)
        np.testing.assert_array_equal(
            one.detections.score[taken], mine.score[tracks.detection[tracks.seen]]
        )


def test_faded_sums_give_the_belief_back():
    found = trace(recording(3, 80), CONFIG)
    e = CONFIG.existence
    sums = leaky_sums(found, e)
    worth = 1.0 + e.correlation * np.maximum(found.looks - 1.0, 0.0)
    coefficients = e.gain * np.array([1.0, log_odds_of(e.neutral_confidence), e.miss])
    odds = log_odds_of(e.birth) + e.moved * found.moved + sums @ coefficients / worth
    odds = np.clip(odds, log_odds_of(e.floor), log_odds_of(e.ceiling))
    np.testing.assert_allclose(odds, found.existence_odds, atol=1e-9)


def test_constants_move_with_data_and_not_far():
    worlds = [recording(k, 150, shift=-0.7) for k in range(4)]
    tracked = track(worlds, by_truth(), CONFIG)
    few, many = (
        fit_constants([t.found for t in some], [t.labels for t in some], CONFIG.existence)
        for some in (tracked[:1], tracked)
    )
    for constants in (few, many):
        for name, value in constants.given.items():
            assert 0.5 <= value / getattr(CONFIG.existence, name) <= 2.0
    moved = [
        sum(
            abs(np.log(value / getattr(CONFIG.existence, name)))
            for name, value in constants.given.items()
        )
        for constants in (few, many)
    ]
    assert 0.0 < moved[0] < 0.6


def test_halves_are_apart_and_sequences_whole():
    one = recording(4, 61)
    halves = folds([one])
    parts = [part for fold in halves for part in fold]
    # A tenth in the middle belongs to neither.
    assert [(int(p.frames[0]), int(p.frames[-1])) for p in parts] == [(0, 26), (33, 60)]
    for part in parts:
        for boxes in (part.detections, part.truth):
            assert np.isin(boxes.frame, part.frames).all()
    kept = np.isin(one.detections.frame, np.concatenate([p.frames for p in parts]))
    assert sum(len(part.detections) for part in parts) == np.count_nonzero(kept)
    many = folds([recording(k, 5 + k) for k in range(11)], most=4)
    names = [part.name for fold in many for part in fold]
    assert len(many) == 4
    assert sorted(names) == sorted(f"world {k}" for k in range(11))


def test_one_scene_is_never_in_two_parts():
    """The same truth with the detections of two detectors, as MOT17 has each scene thrice."""
    a, b = recording(0, 30), recording(1, 30)
    again = [replace(one, name=f"{one.name} again") for one in (a, b)]
    blind = [replace(one, truth=None, name=f"{one.name} blind") for one in (a, b)]
    assert [[one.name for one in some] for some in scenes([a, b, *again])] == [
        ["world 0", "world 0 again"], ["world 1", "world 1 again"],
    ]  # fmt: skip
    parts = [sorted(part.name for part in fold) for fold in folds([a, *again, b])]
    assert sorted(parts) == [["world 0", "world 0 again"], ["world 1", "world 1 again"]]
    assert len(folds(blind)) == 2
    # A single scene is cut in time, for all of its detectors.
    halves = folds([a, again[0]])
    assert [[part.name.rpartition(": ")[2] for part in fold] for fold in halves] == [
        ["first half"] * 2, ["second half"] * 2,
    ]  # fmt: skip
    assert sum(len(part) for fold in halves for part in fold) == 2 * 27


def test_stretches_are_of_the_same_length_for_boxes_and_detections():
    one = recording(5, 130)
    found = trace(one, CONFIG)
    labels = label(one, found)
    assert set(found.stretch.tolist()) == {0, 1}
    assert set(labels.detected.stretch.tolist()) == {0, 1}
    assert STRETCH_S * one.fps == 100


def test_the_tracker_is_told_the_size_of_the_pictures(tmp_path):
    from tracker.calibration.fitting import read_recordings

    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "det.txt").write_text(
        "1,-1,10,10,30,80,0.9,-1,-1,-1\n3,-1,10,10,30,80,0.9,-1,-1,-1\n"
    )
    info = "[Sequence]\nname=a\nframeRate=10\nseqLength=3\n"
    for more, size in (("", None), ("imWidth=640\nimHeight=480\n", (640, 480))):
        (folder / "seqinfo.ini").write_text(info + more)
        for place in (folder, folder / "det.txt", tmp_path):
            (one,), _ = read_recordings(place)
            assert (one.image_size, one.fps, len(one)) == (size, 10.0, 3)
    assert one.cut(0, 1, "b").image_size == (640, 480)
    # A picture that ends where the box is: a track that has left it is not kept.
    inside, outside = (trace(replace(one, image_size=s), CONFIG) for s in ((640, 480), (9, 9)))
    assert len(inside) == 3
    assert len(outside) < 3


def test_recorded_times_are_what_the_tracker_is_given(tmp_path):
    """Ten frames, a minute's pause, and ten more: nobody is followed through the pause."""
    from tracker import Detections, InputError
    from tracker.calibration.fitting import read_recordings
    from tracker.calibration.fitting.telling import seen_afterwards
    from tracker.formats import DetectionsJsonlWriter
    from tracker.frames import Frame

    def write(times):
        with DetectionsJsonlWriter(tmp_path / "detections.jsonl", class_names=["person"]) as out:
            for k, time in enumerate(times):
                box = Detections([[10.0 + 4 * k, 20, 35 + 4 * k, 80]], [0.7], [0])
                out.write(Frame(np.zeros((96, 128, 3), np.uint8), time, 2 * k), box)

    write([0.1 * k + (60.0 if k >= 10 else 0.0) for k in range(20)])
    ((one,), _) = read_recordings(tmp_path)
    assert one.duration_s == pytest.approx(62.0)
    for found in (trace(one, CONFIG), seen_afterwards(one, CONFIG, Calibration())):
        assert (found.timestamp_s.min(), found.timestamp_s.max()) == (0.0, 61.9)
        before = set(found.track_id[found.timestamp_s < 30].tolist())
        assert not before & set(found.track_id[found.timestamp_s > 60.5].tolist())
        assert set(found.stretch.tolist()) == {0, 6}
    (labels,) = by_mixture([one], [trace(one, CONFIG)])
    assert set(labels.detected.stretch.tolist()) == {0, 6}
    (first,), (second,) = folds([one])
    assert (first.timestamp_s.max(), second.timestamp_s.min()) == pytest.approx((0.8, 61.1))
    # Text has no times: frames follow each other at the frame rate.
    (tmp_path / "det.txt").write_text("1,-1,10,10,30,80,0.9\n21,-1,10,10,30,80,0.9\n")
    ((text,), _) = read_recordings(tmp_path / "det.txt", fps=10.0)
    assert text.timestamp_s.tolist() == [k / 10.0 for k in range(21)]
    write([0.0, 0.2, 0.1, 0.3])
    with pytest.raises(InputError, match=r"frame 4 is at 0.1 s, but frame 2 before it at 0.2 s"):
        read_recordings(tmp_path)


# ---- telling --------------------------------------------------------------------------------


def test_much_footage_loosens_the_priors_and_little_does_not():
    """Outcomes that are probabilities: what is left between map and truth is the prior's."""
    true = LogOddsMap(-1.5, 2.0, 2.0)

    def left(n: int, loosened_by: float | None) -> float:
        z, each = np.linspace(-4, 4, n), np.arange(n)
        y = true.of_probability(1 / (1 + np.exp(-z)))
        return abs(fit_map(z, y, each, each, loosened_by=loosened_by).offset - true.offset)

    assert left(600, 60.0) < 0.3 * left(600, None)
    assert left(6, 60.0) > 0.8 * left(6, None)


def test_a_map_is_fitted_to_its_share_of_what_is_told():
    rng = np.random.default_rng(12)
    n = 20_000
    z, rest, each = rng.normal(0, 2, n), rng.normal(0, 1, n), np.arange(n)
    share = np.where(rng.random(n) < 0.5, 1.0, 0.3)
    true = LogOddsMap(0.8, 1.4, 1.4)
    odds = share * true(z) + (1.0 - share) * rest
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    found = fit_map(z, y, each, each, share=share, rest=(1.0 - share) * rest)
    assert (found.offset, found.low, found.high) == pytest.approx((0.8, 1.4, 1.4), abs=0.15)


@pytest.mark.parametrize("meet_at", [1.0, 0.6])
def test_both_are_true_wherever_they_meet(meet_at):
    """What the tracker tells with these maps has about the mean that turned out."""
    worlds = [recording(k, 100, shift=1.5, posts=3) for k in range(3)]
    tracked = track(worlds, by_truth(), CONFIG)
    maps = fit_maps([one.found for one in tracked], [one.labels for one in tracked], meet_at)
    calibration = Calibration(
        existence=maps[0],
        score_seen=maps[1],
        score_coasted=maps[2],
        consistent=True,
        meet_at=meet_at,
    )
    again = track(worlds, by_truth(), CONFIG, calibration)
    for told, turned_out in (("score", "right"), ("existence", "real")):
        counts = [one.labels.counts for one in again]
        p = np.concatenate([getattr(o.found, told)[c] for o, c in zip(again, counts, strict=True)])
        y = np.concatenate(
            [getattr(o.labels, turned_out)[c] for o, c in zip(again, counts, strict=True)]
        )
        assert p.mean() == pytest.approx(y.mean(), abs=0.06)
    assert all((one.found.existence >= one.found.score - 1e-12).all() for one in again)
