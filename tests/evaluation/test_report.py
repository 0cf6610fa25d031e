"""Groups, lives of tracks, and the files of a report."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.evaluation.kit import FAR, A, boxes, run_folder, truth
from tracker.errors import InputError
from tracker.evaluation import Evaluation, evaluate
from tracker.evaluation.goals import Goal
from tracker.evaluation.report.chart import Chart, Line, Mark
from tracker.evaluation.report.document import Document, gather, to_json
from tracker.evaluation.report.page import page
from tracker.evaluation.report.svg import drawing
from tracker.evaluation.report.tables import group_table, sections
from tracker.evaluation.report.words import advice_sentences, furthest, headline
from tracker.evaluation.slices import slices
from tracker.evaluation.timelines import timelines

pytest.importorskip("trackeval")
DOCS = (Path(__file__).parents[2] / "docs" / "evaluate.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("world")
    gt = run_folder(folder / "run")
    return evaluate(truth=gt, tracks=folder / "run", detections=folder / "run")


@pytest.fixture(scope="module")
def document(result: Evaluation) -> Document:
    return gather(
        result,
        names={"truth": "gt.txt", "tracks": "runs/<b>street</b>", "detections": "d"},
        goal=Goal(cost_miss=10, cost_false=1),
        created="2026-01-31T12:00:00+00:00",
    )


def test_slices_by_age_and_size() -> None:
    big = (0.0, 0.0, 100.0, 100.0)
    there = truth([(f, 1, big) for f in range(8)], 8, fps=10.0)
    rows = [(f, 1, big, 0.75, 0.5) for f in range(8)] + [(7, 2, FAR, 0.25, 0.25)]
    groups = slices(evaluate(truth=there, tracks=boxes(rows)).parts, "score")
    named = {(g.by, g.name): (g.calibration.boxes, g.calibration.true_share) for g in groups}
    assert named == {
        ("age", "first box"): (2, 0.5),
        ("age", "to 0.2 s"): (2, 1.0),
        ("age", "0.2–0.5 s"): (3, 1.0),
        ("age", "0.5–1 s"): (2, 1.0),
        ("size", "below 16 px"): (1, 0.0),
        ("size", "96–128 px"): (8, 1.0),
        ("class", "person"): (9, pytest.approx(8 / 9)),
    }
    frames = evaluate(truth=truth([(0, 1, big)], 8), tracks=boxes(rows)).parts
    assert [g.name for g in slices(frames, "existence") if g.by == "age"] == [
        "first box",
        "1–4 frames",
        "5–12 frames",
    ]


def test_groups_add_up(result: Evaluation) -> None:
    for column in ("score", "existence"):
        whole = getattr(result.tracks, column)
        groups = slices(result.parts, column)  # type: ignore[arg-type]
        for by in ("age", "size", "class"):
            some = [g.calibration for g in groups if g.by == by]
            assert sum(c.boxes for c in some) == whole.boxes
            assert sum(c.boxes * c.mean for c in some) == pytest.approx(whole.boxes * whole.mean)


def test_a_timeline_is_the_life_of_its_track() -> None:
    there = truth([(f, 1, A) for f in range(6)], 6, fps=2.0)
    rows = [(f, 1, A if f < 4 else FAR, 0.5 + f / 100, 0.6) for f in (0, 1, 2, 4)]
    raw = boxes([(1, -1, A, 0.3), (1, -1, (0, 0, 10, 9), 0.9), (2, -1, FAR, 0.8)])
    result = evaluate(truth=there, tracks=boxes(rows), detections=raw)
    (life,) = timelines(result.parts, wanted=["1"])
    assert (life.sequence, life.track_id, life.unit) == ("seq", 1, "s")
    assert life.time.tolist() == [0.0, 0.5, 1.0, 2.0]
    assert life.right.tolist() == [True, True, True, False]
    assert life.raw[1] == 0.3  # the one that overlaps most
    assert np.isnan(life.raw[[0, 2, 3]]).all()
    for wanted, words in (("2", "no track '2'"), ("other:1", "no track"), ("x", "named by ID")):
        with pytest.raises(InputError, match=words):
            timelines(result.parts, wanted=[wanted])


def test_chosen_tracks_show_different_things() -> None:
    there = truth([(f, 1, A) for f in range(20)], 20)
    rows = [(f, 1, A, 0.9, 0.9) for f in range(20)]
    rows += [(f, 2, FAR, 0.4, 0.7) for f in range(10)]  # false, and believed
    rows += [(f, 3, (300, 0, 10, 10), 0.1, 0.1) for f in range(15)]  # false, and long
    rows += [(0, 4, (600, 0, 10, 10), 0.9, 0.95)]  # too short to show
    lives = timelines(evaluate(truth=there, tracks=boxes(rows)).parts)
    assert [(life.track_id, life.why) for life in lives] == [
        (1, "a real object, followed long"),
        (2, "false, and believed most"),
        (3, "false, and living long"),
    ]
    assert len(timelines(evaluate(truth=there, tracks=boxes(rows)).parts, count=1)) == 1


def keys(value: Any) -> set[str]:
    """Every key of nested JSON."""
    if isinstance(value, list):
        return set().union(*(keys(v) for v in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys(v) for v in value.values()))


def test_report_json_is_valid_complete_and_documented(document: Document) -> None:
    content = to_json(document)
    text = json.dumps(content, allow_nan=False)  # NaN would be no JSON
    assert json.loads(text) == content
    assert (content["schema"], content["version"]) == ("conftrack.evaluation", 1)
    names = {"truth", "tracks", "detections", "person", *content["by_sequence"]}
    documented = set(re.findall(r"`(\w+)`", DOCS))
    assert keys(content) - names <= documented
    figures = content["overall"]["tracks"]
    at = content["curves"]["tracks"]["score"]["at"]
    assert len(at) == 101
    half = next(row for row in at if row["threshold"] == 0.5)
    assert {k: half[k] for k in ("true", "false", "missed")} == {
        k: figures["boxes"][k] for k in ("true", "false", "missed")
    }
    assert all(row["false"] + row["held_back"] == at[0]["false"] for row in at)
    assert content["advice"]["chosen"]["cost"] <= content["advice"]["usual"]["cost"]


def test_nothing_known_is_null() -> None:
    empty = evaluate(truth=truth([], 3), tracks=boxes([]))
    content = to_json(gather(empty, names={}, goal=Goal(recall=0.9)))
    assert content["overall"]["tracks"]["boxes"]["ap"] is None
    assert content["overall"]["tracks"]["score"]["ece"] is None
    assert content["chosen_tracks"] == []
    assert page(gather(empty, names={}, goal=Goal(recall=0.9)))


def test_the_page_needs_nothing_else(document: Document) -> None:
    text = page(document, version="1.2")
    assert "<b>street</b>" not in text  # names are escaped
    assert "&lt;b&gt;street" in text
    for loads in ("src=", "href=", "@import", "url(http", "//cdn", "<link"):
        assert loads not in text
    # http:// stands in it once: the name of SVG in the script, which nothing is loaded from.
    assert re.findall(r"https?://[^\"']+", text) == ["http://www.w3.org/2000/svg"]
    assert len(text) < 400_000
    for chart in document.every_chart:
        assert drawing(chart, height=230) in text or drawing(chart) in text
    for section in sections(document.result):
        assert section.title.replace("'", "&#x27;") in text
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text


def test_drawings_are_well_formed_and_inside(document: Document) -> None:
    for chart in document.every_chart:
        root = ElementTree.fromstring(drawing(chart))
        width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
        for circle in root.iter("circle"):
            assert 0 <= float(circle.attrib["cx"]) <= width
            assert -1 <= float(circle.attrib["cy"]) <= height


def test_a_drawing_puts_points_where_they_belong() -> None:
    line = Line("a", "tracks", np.array([0.0, 0.5, 1.0]), np.array([0.0, math.nan, 1.0]))
    text = drawing(
        Chart("k", "t", "c", "x", "y", lines=(line,), marks=(Mark("m", "raw", 0.5, 0.5),))
    )
    root = ElementTree.fromstring(text)
    left, top, right, bottom = (float(v) for v in root.attrib["data-box"].split(","))
    (path,) = [p for p in root.iter("path") if p.get("data-name") == "a"]
    # NaN interrupts the line: two moves and no stroke between.
    assert path.attrib["d"] == f"M{left:.1f} {bottom:.1f}M{right:.1f} {top:.1f}"
    (mark,) = [c for c in root.iter("circle") if c.get("class") == "mark"]
    assert float(mark.attrib["cx"]) == pytest.approx((left + right) / 2)


def test_pngs_are_written(document: Document, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from tracker.evaluation.report.plots import write_pngs

    some = [document.charts[2], document.group_charts[0], document.track_charts[0]]
    paths = write_pngs(some, tmp_path)
    assert [p.name for p in paths] == [f"{chart.key}.png" for chart in some]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in paths)
    assert len({chart.key for chart in document.every_chart}) == len(document.every_chart)


def test_the_words_of_the_advice(document: Document) -> None:
    assert document.advised is not None
    first, gives, costs, believed = advice_sentences(document.advised)
    assert re.match(
        r"For a miss that costs 10 and a false alarm that costs 1, counting boxes: ", first
    )
    assert re.search(r"score ≥ 0\.\d+ \(95 %: 0\.\d+ to (0\.\d+|reporting nothing)\)\.$", first)
    assert gives.startswith("It gives precision")
    assert "The best threshold on the raw detections costs" in costs
    assert "0.091" in believed


def test_the_tables(document: Document) -> None:
    result = document.result
    rows = {row.name: row for section in sections(result) for row in section.rows}
    assert rows["AP at IoU 0.5"].tracks == f"{result.tracks.boxes.ap:.3f}"
    assert rows["AP at IoU 0.5"].raw == f"{result.detections.boxes.ap:.3f}"
    assert rows["HOTA"].raw == ""
    header, lines = group_table(result.by_sequence, "sequence")
    assert header[:3] == ["sequence", "raw AP", "AP"]
    assert len(lines) == 1
    assert len(lines[0]) == len(header)
    assert next(name for name, _, _ in headline(result)) == "AP at IoU 0.5"
    assert all("told" in text for text in furthest(document))


def test_detections_alone() -> None:
    there = truth([(f, 1, A) for f in range(3)], 3)
    raw = evaluate(truth=there, detections=boxes([(f, -1, A, 0.9) for f in range(2)]))
    found = gather(raw, names={"detections": "d.json"}, goal=Goal(cost_miss=1, cost_false=1))
    assert found.advised is not None
    assert found.tracks == ()
    assert found.group_charts == ()
    header, _ = group_table(raw.by_class, "class")
    assert header == ["class", "AP", "prec.", "recall", "ECE", "boxes"]
    assert "Evaluation of d.json" in page(found)
    assert to_json(found)["overall"]["tracks"] is None
