"""What answers to some tracks teach: truer elsewhere than nothing, and than the answered alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from scripts.review.answers import naive
from tests.calibration.kit import recording
from tests.calibration.reviewed import answer_all, street, world
from tracker import InputError, TrackerConfig
from tracker.calibration import Calibration
from tracker.calibration.fitting import (
    Answered,
    Recording,
    Trace,
    by_answers,
    figures,
    fit,
    read_recordings,
    trace,
)
from tracker.calibration.fitting.answers import piles, told_by_others
from tracker.calibration.fitting.fit import Labeller
from tracker.review.answered import answered_of
from tracker.review.answers import AnswerLog
from tracker.review.consensus import Consensus, consensus
from tracker.review.lives import lives_of
from tracker.review.reading import read_run

CONFIG = TrackerConfig()


@dataclass(frozen=True)
class Taught:
    """A reviewed run."""

    folder: Path
    real: dict[int, bool]
    recording: Recording
    together: list[Consensus]
    answered: Answered
    found: Trace


def reviewed(folder: Path, shift: float, audits: int) -> Taught:
    real = street(folder, shift)
    run = read_run(folder)
    lives = lives_of(run)
    low = lives.track_id[lives.probability < 0.1].tolist()
    drawn = [(track, audits / len(low)) for track in low[:: len(low) // 10][:audits]]
    answers = answer_all(AnswerLog(folder / "answers.jsonl"), folder, real, audits=drawn)
    (one,), _ = read_recordings(folder)
    together = consensus(answers)
    return Taught(folder, real, one, together, answered_of(run, together, one), trace(one, CONFIG))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    return reviewed(tmp_path_factory.mktemp("runs") / "street", 1.0, 10)


def elsewhere(label: Labeller | None, one: Recording, shift: float = 1.0) -> tuple[float, float]:
    """Log-loss and ECE of existence on other footage of the kind."""
    found = Calibration() if label is None else fit([one], label, CONFIG, afterwards=False)
    other = world(shift, 7, 100)
    told = figures([(other, trace(other, CONFIG, found))], track_metrics=False).existence
    assert told is not None
    return told.log_loss, told.ece


def test_it_is_truer_elsewhere_than_nothing(taught: Taught) -> None:
    nothing = elsewhere(None, taught.recording)
    label = by_answers([(taught.recording, taught.answered)])
    corrected = elsewhere(label, taught.recording)
    assert corrected[0] < 0.9 * nothing[0]
    assert corrected[1] < 0.9 * nothing[1]


def test_tracks_in_doubt_are_not_taken_for_all_there_are(tmp_path: Path) -> None:
    # Here the tracker is true already. Of the tracks in doubt half are real, of all hardly any.
    mine = reviewed(tmp_path / "street", 0.0, 0)
    pairs = [(mine.recording, mine.answered)]
    nothing, corrected, alone = (
        elsewhere(label, mine.recording, 0.0) for label in (None, by_answers(pairs), naive(pairs))
    )
    assert corrected[0] < nothing[0] + 0.003
    assert corrected[1] < nothing[1] + 0.003
    assert alone[0] > nothing[0] + 0.01
    assert alone[1] > nothing[1] + 0.01


def test_a_single_answer_changes_little(taught: Taught) -> None:
    nothing, _ = elsewhere(None, taught.recording)
    k = int(np.flatnonzero(~np.isnan(taught.answered.said))[0])
    for answer in (0.0, 1.0):
        said = np.full_like(taught.answered.said, np.nan)
        said[k] = answer
        label = by_answers([(taught.recording, replace(taught.answered, said=said))])
        loss, _ = elsewhere(label, taught.recording)
        assert loss < nothing + 0.01


def test_what_was_answered_is_what_the_fit_takes(taught: Taught) -> None:
    (told,) = by_answers([(taught.recording, taught.answered)])([taught.recording], [taught.found])
    for one in taught.together:
        mine = taught.found.track_id == one.track
        assert mine.any()
        assert (told.real[mine] == (one.answer == "yes")).all()
    others = ~np.isin(taught.found.track_id, [one.track for one in taught.together])
    assert ((told.real[others] > 0) & (told.real[others] < 1)).all()
    assert told.trust.share > told.trust_of_boxes.share
    assert not told.trust.is_of_labels


def test_more_answers_are_trusted_more(taught: Taught) -> None:
    trusts = []
    for number in (2, 50):
        said = taught.answered.said.copy()
        said[np.flatnonzero(~np.isnan(said))[number:]] = np.nan
        few = replace(taught.answered, said=said)
        (told,) = by_answers([(taught.recording, few)])([taught.recording], [taught.found])
        trusts.append(told.trust)
    assert trusts[0].share < trusts[1].share < 1
    assert trusts[0].most < trusts[1].most


def test_smoothed_tracks_have_maps_of_their_own(taught: Taught) -> None:
    found = fit([taught.recording], by_answers([(taught.recording, taught.answered)]), CONFIG)
    assert not found.afterwards.is_identity


def test_piles_say_what_was_asked_and_what_is_fitted(taught: Taught) -> None:
    yes, maybe, no = piles([taught.answered], [taught.found])
    p = taught.answered.probability
    assert [yes.tracks, maybe.tracks, no.tracks] == [
        (p >= 0.9).sum(), ((p >= 0.1) & (p < 0.9)).sum(), (p < 0.1).sum()
    ]  # fmt: skip
    assert (maybe.answered, no.answered) == (maybe.tracks, 10)
    assert maybe.real == sum(one.answer == "yes" for one in taught.together if one.asked == "maybe")
    assert maybe.model == pytest.approx(maybe.real / maybe.answered)
    assert np.isnan(maybe.audited)
    assert no.audited == pytest.approx(no.real / 10)
    assert no.model < 0.1


def test_audits_are_weighed_by_what_they_were_drawn_from() -> None:
    p = np.array([0.05, 0.05, 0.5])
    owner = np.array([0, 1, 2])
    one = Answered(
        owner, p, np.array([1.0, 0.0, 0.0]), np.array([0.1, 0.4, 1.0]),
        np.array([True, True, False]),
    )  # fmt: skip
    found = _three_tracks()
    assert piles([one], [found])[2].audited == pytest.approx(10 / (10 + 2.5))


def test_other_answers_tell_answers_better_than_the_run_did(taught: Taught) -> None:
    before, after, number = told_by_others([taught.answered], [taught.found])
    assert number == len(taught.together)
    assert after < before


def test_a_track_has_the_answer_if_it_has_most_of_the_detections(taught: Taught) -> None:
    # Track 0 of the run has detections of tracks 0 and 1 of the trace, most of them of 1.
    found = _three_tracks(hits=(1, 3, 2))
    one = Answered(
        np.array([0, 0, 0, 0, -1, -1]), np.array([0.5]), np.array([1.0]), np.ones(1),
        np.zeros(1, bool),
    )  # fmt: skip
    (told,) = by_answers([(taught.recording, one)])([taught.recording], [found])
    real = {track: told.real[found.track_id == track] for track in (0, 1, 2)}
    assert (real[1] == 1).all()
    assert (real[0] < 1).all()
    assert (real[2] < 1).all()


def test_what_does_not_belong_together_is_refused(taught: Taught) -> None:
    run = read_run(taught.folder)
    other = recording(3, 60)
    with pytest.raises(InputError, match="of different runs"):
        answered_of(run, taught.together, other)
    with pytest.raises(InputError, match=r"detections\.jsonl"):
        answered_of(replace(run, detections=None), taught.together, taught.recording)
    wrong = [replace(taught.together[0], track=10**6)]
    with pytest.raises(InputError, match="track 1000000, which the run lacks"):
        answered_of(run, wrong, taught.recording)
    unsaid = replace(taught.answered, said=np.full_like(taught.answered.said, np.nan))
    with pytest.raises(InputError, match="nothing was answered"):
        by_answers([(taught.recording, unsaid)])
    open_ones = [replace(one, answer=None) for one in taught.together]
    assert np.isnan(answered_of(run, open_ones, taught.recording).said).all()


def _three_tracks(hits: Sequence[int] = (1, 1, 1)) -> Trace:
    """Tracks 0, 1, 2 with so many hits, one a frame; detections are numbered in that order."""
    base = trace(recording(0, 10), CONFIG)
    n = sum(hits)
    number = np.arange(n)
    columns = {
        name: np.resize(getattr(base, name), (n, *getattr(base, name).shape[1:]))
        for name in Trace.__dataclass_fields__
        if name != "scene"
    }
    columns |= {
        "frame": number, "timestamp_s": number / 10, "track_id": np.repeat([0, 1, 2], hits),
        "detection": number, "evidence": np.zeros(n), "against": np.zeros(n),
        "existence": np.full(n, 0.3),
    }  # fmt: skip
    return Trace(**columns, scene=base.scene)
