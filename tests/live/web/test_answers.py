"""What the page is told, once for all who ask."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from tests.live.fakes import picture
from tests.live.web.world import World
from tracker.live.view import Moment, from_jpeg
from tracker.live.web.answers import Answers, Shared, bars

pytest.importorskip("cv2")


def asked(data):
    return json.loads(data)


def test_the_state_has_cameras_and_their_objects():
    world = World()
    answers = Answers(world.system)
    empty = asked(answers.state())
    assert [c["objects"] for c in empty["cameras"]] == [[], []]
    assert answers.picture(0) is None
    world.watch(3.0)
    answers = Answers(world.system)
    state = asked(answers.state())
    front, back = state["cameras"]
    assert (front["camera"], front["state"], back["objects"]) == ("front", "up", [])
    (one,) = front["objects"]
    assert one["class"] == "person"
    assert one["state"] == "confirmed"
    assert one["hits"] == 30
    assert len(one["bars"]["existence"]) == len(one["bars"]["looks"])
    assert set(one["bars"]["looks"]) <= {"h", "."}
    assert one["bars"]["existence"][-1] == round(100 * one["existence"])
    assert state["confirm_at"] == world.system.config.existence.confirm_at


def test_a_track_is_explained_with_its_pictures_also_when_it_is_gone():
    world = World()
    world.watch(3.0)
    answers = Answers(world.system)
    track = asked(answers.track(0, 1))
    assert track["alive"]
    assert track["ledger"][-1]["event"] == "birth"
    assert track["evidence"]["hits"] == 30
    assert from_jpeg(answers.crop(0, 1)).ndim == 3
    assert from_jpeg(answers.crop(0, 1, now=True)).ndim == 3
    world.watch(30.0, image=picture)
    answers = Answers(world.system)
    track = asked(answers.track(0, 1))
    assert not track["alive"]
    assert track["ledger"][0]["event"] == "dead"
    assert track["ledger"][0]["confidence"] is None
    assert answers.crop(0, 1)
    assert answers.crop(0, 1, now=True) is None
    for camera, track_id in ((0, 99), (1, 1), (2, 1), (-1, 1)):
        assert answers.track(camera, track_id) is None
        assert answers.crop(camera, track_id) is None
        assert answers.crop(camera, track_id, now=True) is None
    assert answers.picture(2) is None
    assert answers.picture(-1) is None


@pytest.mark.parametrize("confidence", [0.3, 0.45, 0.6, 0.9])
def test_what_would_be_confirmed_at_the_threshold_as_it_is_set_is_what_was(confidence):
    world = World()
    world.system.detector.confidence = confidence
    confirmed = set()
    world.system.looker._cameras[0]._tell = lambda result: confirmed.update(
        result.tracks.track_id[result.tracks.confirmed].tolist()
    )
    for _ in range(4):
        world.watch(1.0)
        world.watch(6.0, image=picture)
    told = asked(Answers(world.system).what_if())
    assert {t["id"] for t in told["tracks"] if t["peak"] >= told["confirm_at"]} == confirmed


def test_bars_are_as_many_as_time_has_passed_and_no_more():
    moments = [
        Moment(0.1 * i, 0.01 * (i % 100), 0.005 * (i % 100), "hit" if i % 3 else "miss")
        for i in range(1, 301)
    ]
    for most in (1, 7, 48, 160):
        full = bars(moments, 30.0, most)
        assert len(full["existence"]) == most == len(full["looks"])
    assert bars(moments, 30.0, 48)["looks"] == "h" * 48, "a hit in a bar is what counts"
    young = bars(moments[:10], 1.0, 50)
    assert len(young["looks"]) == 10, "a young track does not fill the width"
    assert bars([], 5.0, 10) == {"existence": [], "earned": [], "looks": "", "seconds": 0.0}
    assert bars(moments[:1], moments[0].timestamp_s, 10)["existence"] == [1]


def test_many_who_ask_at_once_are_answered_by_one_drawing():
    made, gate = [], threading.Barrier(8)
    shared = Shared()

    def make():
        made.append(1)
        return len(made)

    def ask():
        gate.wait()
        assert shared.get("x", 60.0, make) == 1

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    now = [0.0]
    shared = Shared(now=lambda: now[0], most=3)
    assert [shared.get("x", 1.0, make) for now[0] in (0.0, 0.9, 1.0, 1.5)] == [2, 2, 3, 3]
    for key in range(100):
        shared.get(key, 1.0, make)
    assert len(shared._kept) == 3


def test_a_picture_has_another_tag_when_it_is_another():
    world = World()
    world.watch(1.0)
    answers = Answers(world.system)
    answers._of_pictures[0] = Shared(now=iter(range(100)).__next__)
    tag, jpeg, _ = answers.picture(0)
    assert answers.picture(0)[:2] == (tag, jpeg)
    world.watch(0.1)
    other, newer, _ = answers.picture(0)
    assert other != tag
    assert not np.array_equal(from_jpeg(jpeg), from_jpeg(newer))


def test_a_picture_has_its_age_but_for_files_that_wait():
    world = World()
    world.watch(1.0)
    answers = Answers(world.system)
    assert answers.picture(0)[2] == pytest.approx(0.0, abs=1e-3)
    world.clock.pass_(0.7)
    assert answers.picture(0)[2] == pytest.approx(0.7, abs=1e-3)
    front, back = asked(answers.state())["cameras"]
    assert front["picture_age_s"] == pytest.approx(0.7, abs=1e-3)
    assert back["picture_age_s"] is None
    world.front.settings = replace(world.front.settings, policy="every")
    assert answers.picture(0)[2] is None
    assert asked(Answers(world.system).state())["cameras"][0]["picture_age_s"] is None
