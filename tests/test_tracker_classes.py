"""The class of a track over time, as its user meets it."""

import numpy as np
import pytest

from tracker import AssociationConfig, Detections, InputError, Tracker, TrackerConfig

BOX = np.array([100.0, 100.0, 140.0, 200.0])


def classified(labels, confidence=0.7, vectors=None):
    tracker, out = Tracker(), []
    for k, label in enumerate(labels):
        full = None if vectors is None else [vectors[k]]
        out.append(
            tracker.update(Detections([BOX + k], [confidence], label, full), timestamp_s=k / 30)
        )
    return out


def test_a_label_does_not_flip_on_one_frame():
    tracks = classified([1] * 30 + [2] + [1] * 5 + [2, 2] + [1] * 5)
    assert all(t.class_id.tolist() == [1] for t in tracks)


def test_a_lasting_change_is_followed():
    tracks = classified([1] * 60 + [2] * 150)
    assert tracks[62].class_id.tolist() == [1]
    assert tracks[-1].class_id.tolist() == [2]
    assert tracks[-1].track_id.tolist() == [1]


def test_full_vectors_tell_more_than_labels():
    """The label alternates; the vectors say that it is class 0 all along."""
    vectors = [[0.45, 0.40, 0.0] if k % 2 else [0.30, 0.31, 0.3] for k in range(60)]
    tracks = classified([int(np.argmax(v)) for v in vectors], vectors=vectors)[-1]
    assert tracks.class_id.tolist() == [0]
    assert tracks.class_probabilities.shape == (1, 3)
    np.testing.assert_allclose(tracks.class_probabilities.sum(axis=1), 1.0)


def test_new_classes_may_turn_up_later():
    tracks = classified([0, 0, 3])
    assert [t.class_probabilities.shape for t in tracks] == [(1, 1), (1, 1), (1, 4)]


def test_a_class_without_a_column_changes_nothing():
    tracker = Tracker()
    with pytest.raises(InputError, match=r"class_id 2 has no column in class_probabilities of 2"):
        tracker.update(Detections([BOX], [0.5], 2, [[0.5, 0.5]]), timestamp_s=9.0)
    with pytest.raises(InputError, match=r"class_id 999999 is too large"):
        tracker.update(Detections([BOX], [0.5], 999_999), timestamp_s=9.0)
    assert len(tracker.update(Detections([BOX], [0.5]), timestamp_s=0.0)) == 1


@pytest.mark.parametrize(("per_class", "ids"), [(False, [1]), (True, [1, 2])])
def test_a_detection_of_another_class(per_class, ids):
    tracker = Tracker(TrackerConfig(association=AssociationConfig(per_class=per_class)))
    for k in range(10):
        tracker.update(Detections([BOX], [0.6], 1), timestamp_s=k / 30)
    assert tracker.update(Detections([BOX], [0.6], 2), timestamp_s=0.4).track_id.tolist() == ids


def test_a_class_elsewhere_changes_no_label():
    """The first detection of class 7 makes the vectors longer, of all tracks."""
    tracker = Tracker()
    near, far = [10, 10, 50, 110], [500, 10, 540, 110]
    for k in range(100):
        tracks = tracker.update(Detections([near], [0.9], [0]), timestamp_s=k / 10)
    tracks = tracker.update(Detections([near, far], [0.9, 0.9], [0, 7]), timestamp_s=10.0)
    assert tracks.class_id.tolist() == [0, 7]
    assert tracks.class_probabilities[0, 0] > 0.95


def test_a_label_of_the_first_class_does_not_flip_on_one_frame():
    labels = [0] * 10 + [1] + [0] * 5
    tracker, seen = Tracker(), []
    for k, label in enumerate(labels):
        tracks = tracker.update(Detections([[10, 10, 50, 110]], [0.6], [label]), timestamp_s=k / 30)
        seen.append(int(tracks.class_id[0]))
    assert seen == [0] * len(labels)


def test_what_is_never_clear_has_the_class_it_is_always_given():
    """Of two classes 0.3 is less than an even share, and the label still tells which."""
    tracker = Tracker()
    near, far = [10, 10, 50, 110], [500, 10, 540, 110]
    for k in range(20):
        tracks = tracker.update(Detections([near, far], [0.9, 0.3], [0, 1]), timestamp_s=k / 10)
    assert tracks.class_id.tolist() == [0, 1]
