"""docs/robotics.md is true: its code runs in the order of the page, and does what the page says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "robotics.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that are there after all blocks have run, one after the other."""
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        for block in BLOCKS:
            if "RerunLog" in block:
                names["logged"] = importlib.util.find_spec("rerun") is not None
                if not names["logged"]:
                    continue
            exec(compile(block, "docs/robotics.md", "exec"), names)
        names["written"] = {path.name for path in Path().iterdir()}
    return names


def test_the_stop_does_not_fire_on_flicker_and_does_on_the_weak_one(ran: dict[str, Any]) -> None:
    assert ran["stops_for_nothing"] == 0
    expected = ran["seconds_to_believe"](0.45, fps=10)
    assert expected is not None
    assert ran["stopped_after_s"] == pytest.approx(expected)
    assert ran["blind"], "and without frames it stops"


def test_a_threshold_on_confidence_does_the_opposite(ran: dict[str, Any]) -> None:
    # What the page says of it: every false box is above 0.5, and the weak one never is.
    assert (ran["weak"].confidence < 0.5).all()
    assert "[0.95]" in next(block for block in BLOCKS if "stops_for_nothing" in block)


def test_who_is_hidden_still_stops(ran: dict[str, Any]) -> None:
    from tracker import Detections

    stop, detections = ran["SafetyStop"](hold_s=0.0), Detections([[300, 220, 360, 400]], [0.9])
    for k in range(20):
        stop.update(detections, k / 10)
    states = []
    for k in range(20, 30):  # one second unseen, while others are looked at
        assert stop.update(Detections.empty(), k / 10)
        states.append(int(stop.tracker.predict(timestamp_s=k / 10).state[0]))
    assert set(states) <= {2, 4}


def test_outside_of_the_zone_nobody_stops(ran: dict[str, Any]) -> None:
    from tracker import Detections

    stop = ran["SafetyStop"]()
    assert stop.must_stop(0.0), "nothing was ever seen"
    for k in range(40):
        assert not stop.update(Detections([[20, 20, 60, 120]], [0.9]), k / 10)
    assert stop.tracker.predict(timestamp_s=4.0).believed.all()


def test_late_and_restarted_times_did_what_the_page_says(ran: dict[str, Any]) -> None:
    assert ran["fresh"].timestamp_ns == ran["start"]
    assert ran["fresh"].hits.tolist() == [1], "all tracks ended"
    assert ran["soon"].timestamp_ns == ran["start"] + 80_000_000


def test_three_dimensions(ran: dict[str, Any]) -> None:
    assert ran["belief"].confirmed[0]
    assert len(ran["places"]) == len(ran["belief"])
    assert (ran["belief"].existence[1:] < 0.1).all()


def test_the_recording_is_there(ran: dict[str, Any]) -> None:
    if not ran["logged"]:
        pytest.skip("rerun-sdk is not installed")
    assert ran["written"] == {"robot.rrd"}


def test_other_libraries(ran: dict[str, Any]) -> None:
    assert ran["found"].xyxy.tolist() == [[300, 220, 360, 400]]
    assert ran["found"].confidence.tolist() == [0.45]


def test_links_and_headings_exist() -> None:
    folder = Path(__file__).parents[1] / "docs"
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        name, _, place = target.partition("#")
        assert not name or (folder / name).exists(), target
        if place:
            text = (folder / name).read_text(encoding="utf-8") if name else PAGE
            headings = re.findall(r"^#+ (.+)$", text, re.M)
            slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert place in slugs, target
