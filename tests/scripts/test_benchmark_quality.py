"""Two short walks with a poster beside them: figures by hand, peers of any kind, files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scripts import benchmark_quality
from scripts.quality import methods, peers, scores, tables
from scripts.quality.comparison import best_peer, compare, thinned
from scripts.quality.running import fingerprint, sets_in
from tracker.evaluation import curve, evaluate

pytest.importorskip("trackeval")
pytest.importorskip("matplotlib")

FRAMES = 20


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A set of two sequences: a walker seen at 0.7, from frame 11 at 0.3; a poster at 0.4."""
    folder = tmp_path / "walks"
    for shift, name in ((0, "a"), (5, "b")):
        sequence = folder / name
        sequence.mkdir(parents=True)
        (sequence / "seqinfo.ini").write_text(
            f"[Sequence]\nname={name}\nframeRate=10\nseqLength={FRAMES}\n"
        )
        truth, found = [], []
        for k in range(1, FRAMES + 1):
            walker = f"{10 + shift + 2 * k},20,30,80"
            truth.append(f"{k},1,{walker},1,1,1\n")
            found.append(f"{k},-1,{walker},{0.7 if k <= 10 else 0.3},-1,-1,-1\n")
            if k % 2:
                found.append(f"{k},-1,300,20,30,80,0.4,-1,-1,-1\n")
        (sequence / "gt.txt").write_text("".join(truth))
        (sequence / "det.txt").write_text("".join(found))
    return folder


def all_boxes(floor: float) -> peers.Peer:
    """A peer that outputs every detection, the nth of a frame under the id n."""

    def make() -> peers.Feed:
        return lambda d: np.column_stack([d, np.arange(len(d))])

    return peers.Peer(("numpy",), floor, make)


def missing() -> peers.Peer:
    def make() -> peers.Feed:
        import no_such_tracker  # noqa: F401

        raise AssertionError

    return peers.Peer(("no-such-tracker",), 0.1, make)


def breaking() -> peers.Peer:
    def make() -> peers.Feed:
        def feed(d: np.ndarray) -> np.ndarray:
            raise RuntimeError("it breaks")

        return feed

    return peers.Peer(("numpy",), 0.1, make)


@pytest.fixture
def three_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that runs, one that is not installed and one that breaks, in place of the real ones."""
    monkeypatch.setattr(
        peers,
        "PEERS",
        {
            "same .35": all_boxes(0.35),
            "same .6": all_boxes(0.6),
            "no": missing(),
            "bad": breaking(),
        },
    )


def run(data: Path, out: Path, *more: str) -> dict:
    assert benchmark_quality.main([str(data), "--out", str(out), *more]) == 0
    return json.loads((out / "results.json").read_text())


@pytest.mark.usefixtures("three_peers")
def test_figures_by_hand(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    results = run(data, out, "--methods", "ours", "fuser raw", "fuser n-of-m")
    one = results["sets"]["walks"]
    assert (one["frames"], one["objects"], one["sequences"]) == (40, 40, ["a", "b"])
    # Thresholds: 0.7 gives 20 right boxes, 0.4 adds the 20 of the poster, 0.3 the other 20.
    raw = one["raw"]
    assert raw["ap"] == pytest.approx(0.5 + 0.5 * 40 / 60)
    assert (raw["true"], raw["false"], raw["max_recall"]) == (20, 0, 1.0)

    # The peers hand the detections through: their points lie on the curve of the detections.
    assert [one["peers"]["same .35"][k] for k in ("true", "false")] == [20, 20]
    assert [one["peers"]["same .6"][k] for k in ("true", "false")] == [20, 0]
    assert one["peers"]["same .6"]["hota"] > one["peers"]["same .35"]["hota"]
    assert one["peers"]["same .6"]["versions"] == {"numpy": np.__version__}
    assert raw["fp_over_peer"] == {"same .35": 0.0, "same .6": 0.0}

    # The walker moves and the poster stands: ours believes the walker where it is weak too.
    ours, same = one["methods"]["ours"], one["methods"]["fuser raw"]
    assert ours["ap"] > same["ap"] == pytest.approx(raw["ap"])
    assert ours["gain"] == pytest.approx(100 * (ours["ap"] - raw["ap"]))
    assert same["gain"] == pytest.approx(0)
    assert ours["reached"] == 2
    # At 20 right boxes the poster is not needed; at 40 it is one false track in each sequence.
    assert (ours["false_tracks_at_best"], same["false_tracks_at_best"]) == (0, 0)
    loaded = scores.load(data)
    for recording in loaded.recordings:
        methods.run("fuser raw", recording, tmp_path / f"{recording.name}.txt")
    more = scores.score(loaded, tmp_path, at_true=40).figures
    assert more["false_tracks_at_best"] == pytest.approx(1000 * 2 / 40)
    assert more["false_tracks_at_best_existence"] == pytest.approx(1000 * 2 / 40)
    assert scores.score(loaded, tmp_path, at_true=41).figures["false_tracks_at_best"] is None
    # n of m: the poster is never seen three times in a row, nor are the walker's first two boxes.
    counted = one["methods"]["fuser n-of-m"]
    assert (counted["max_recall"], one["sweeps"]["fuser n-of-m"][0]) == (36 / 40, [0])

    assert set(results["absent"]) == {"no", "bad"}
    assert "not installed" in results["absent"]["no"]
    assert "failed on walks: RuntimeError: it breaks" in results["absent"]["bad"]
    text = (out / "benchmark.md").read_text()
    assert "Absent: no: not installed" in text
    assert "pip install no-such-tracker" in text
    assert "Absent: bad: failed on walks" in text
    assert "Absent: no" in capsys.readouterr().out


@pytest.mark.usefixtures("three_peers")
def test_the_same_as_the_ruler_says(data: Path, tmp_path: Path):
    kept = tmp_path / "kept"
    results = run(
        data, tmp_path / "out", "--methods", "ours", "--peers", "none", "--tracks", str(kept)
    )
    mine = results["sets"]["walks"]["methods"]["ours"]
    by_score = evaluate(truth=data, tracks=kept / "walks" / "ours", detections=data)
    by_existence = evaluate(
        truth=data, tracks=kept / "walks" / "ours", detections=data, by="existence"
    )
    assert mine["ap"] == by_score.tracks.boxes.ap
    assert mine["ece"] == by_score.tracks.score.ece
    assert mine["ece_existence"] == by_score.tracks.existence.ece
    assert mine["hota"] == by_score.tracks.tracks.hota
    assert mine["hota_existence"] == by_existence.tracks.tracks.hota
    assert mine["true_existence"] == by_existence.tracks.boxes.true
    assert mine["fp_over_raw"] is None, "no peers, no recalls of theirs"
    assert mine["fp_over_raw_strong"] == 0


@pytest.mark.usefixtures("three_peers")
def test_peers_of_an_earlier_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    first = run(data, tmp_path / "peers", "--methods", "none", "--peers", "same .35", "same .6")
    assert first["sets"]["walks"]["methods"] == {}
    for name in ("same .35", "same .6"):
        monkeypatch.setitem(peers.PEERS, name, missing())
    cached = ("--peer-results", str(tmp_path / "peers" / "results.json"))
    again = run(data, tmp_path / "out", "--methods", "ours", *cached)
    assert again["sets"]["walks"]["peers"] == first["sets"]["walks"]["peers"]
    assert set(again["absent"]) == {"no", "bad"}
    assert again["made"]["packages"]["numpy"] == np.__version__

    (data / "a" / "det.txt").write_text("1,-1,10,20,30,80,0.8,-1,-1,-1\n")
    assert benchmark_quality.main([str(data), "--out", str(tmp_path / "c"), *cached]) == 2
    assert "are of other data" in capsys.readouterr().err


@pytest.mark.usefixtures("three_peers")
def test_every_method_in_tables_and_plot(data: Path, tmp_path: Path):
    from PIL import Image

    out = tmp_path / "out"
    results = run(data, out)
    rows = {
        line.split(" | ")[0].strip("| ") for line in (out / "benchmark.md").read_text().splitlines()
    }
    assert {"raw detections", *methods.NAMES, "same .35", "same .6"} <= rows
    assert len(methods.NAMES) == 10
    short = (out / "summary.md").read_text()
    assert short.count("| walks |") == 4  # three rows, and a column
    for word in (results["made"]["commit"], "scripts/benchmark_quality.py", np.__version__):
        assert word in short
    with Image.open(out / "frontier.png") as picture:
        assert picture.width > 400
    assert (out / "frontier.png").stat().st_size < 150_000


def test_a_frame_without_boxes_and_a_method_without_output(tmp_path: Path, monkeypatch):
    """An object that nobody detects: figures that do not exist are "-", nothing breaks."""
    sequence = tmp_path / "dark" / "a"
    sequence.mkdir(parents=True)
    (sequence / "seqinfo.ini").write_text("[Sequence]\nname=a\nframeRate=10\nseqLength=3\n")
    (sequence / "gt.txt").write_text("1,1,10,20,30,80,1,1,1\n")
    (sequence / "det.txt").write_text("")
    monkeypatch.setattr(peers, "PEERS", {"same .35": all_boxes(0.35)})
    results = run(tmp_path / "dark", tmp_path / "out", "--methods", "ours")
    one = results["sets"]["dark"]
    assert one["methods"]["ours"]["ap"] == 0
    assert one["methods"]["ours"]["ece"] is None
    assert "| ours | 0.000 | 0.000 | 0.0 |" in (tmp_path / "out" / "benchmark.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--methods", "our"), "no 'our'; known are none, ours, ours calibrated, ours smoothed"),
        (("--peers", "sort"), "no 'sort'; known are none, roboflow SORT .25"),
        (("--peer-results", "x.json"), "x.json"),
    ],
)
def test_mistakes_are_named(data: Path, tmp_path: Path, capsys, options, message):
    assert benchmark_quality.main([str(data), "--out", str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_no_results_file(data: Path, tmp_path: Path, capsys):
    (tmp_path / "other.json").write_text('{"schema": "something"}')
    options = ["--out", str(tmp_path / "out"), "--peer-results", str(tmp_path / "other.json")]
    assert benchmark_quality.main([str(data), *options]) == 2
    assert "no results.json of this script" in capsys.readouterr().err


def test_sets_are_found_by_themselves_or_in_a_folder(data: Path, tmp_path: Path, capsys):
    assert sets_in([data]) == sets_in([data.parent]) == [data]
    assert benchmark_quality.main([str(data), str(data), "--out", str(tmp_path / "out")]) == 2
    assert "two sets are called 'walks'" in capsys.readouterr().err
    assert benchmark_quality.main([str(data / "a"), "--out", str(tmp_path / "out")]) == 2
    assert "holds no SEQUENCE/seqinfo.ini" in capsys.readouterr().err


def test_processes_give_the_same(data: Path, tmp_path: Path):
    options = ("--methods", "ours", "fuser ema", "--peers", "none")
    one, two = (
        run(data, tmp_path / "1", *options),
        run(data, tmp_path / "2", *options, "--jobs", "2"),
    )
    assert one["sets"] == two["sets"]


def test_the_fingerprint_is_of_all_the_data(data: Path):
    before = fingerprint(data)
    assert fingerprint(data) == before
    (data / "b" / "gt.txt").write_text(
        (data / "b" / "gt.txt").read_text().replace("1,1,1", "1,7,1")
    )
    assert fingerprint(data) != before


def test_comparison_by_hand():
    """Right and wrong boxes by descending score: + − + − −, objects 4."""
    sweep = curve([0.9, 0.8, 0.7, 0.6, 0.5], [True, False, True, False, False], 4)
    raw = curve([0.9, 0.8, 0.7, 0.6, 0.5], [False, True, False, False, True], 4)
    points = {
        "a": {"true": 1, "false": 4, "hota": 0.3},
        "b": {"true": 2, "false": 1, "hota": 0.5},
        "c": {"true": 3, "false": 1, "hota": None},
    }
    told = compare(sweep, raw, points)
    assert told["fp_over_peer"] == {"a": 0.0, "b": 1.0, "c": None}
    assert (told["fp_over_peers"], told["fp_over_peers_worst"], told["reached"]) == (0.5, 1.0, 2)
    # At 1 right box: 0 over 1; at 2: 1 over 3.
    assert told["fp_over_raw"] == pytest.approx((0 / 1 + 1 / 3) / 2)
    assert told["fp_over_raw_strong"] == pytest.approx(1 / 3)
    assert best_peer(points) == "b"
    assert best_peer({}) is None
    assert thinned(sweep) == ([1, 2, 3], [2, 2, 2])


def test_a_thinned_sweep_keeps_its_ends_and_its_shape():
    rng = np.random.default_rng(0)
    right = rng.random(5000) < 0.5
    sweep = curve(rng.random(5000), right, 5000)
    false, true = (np.array(part) for part in thinned(sweep))
    assert len(false) <= 300
    assert (false[-1], true[-1]) == (sweep.false_total, int(right.sum()))
    assert (np.diff(false) > 0).all()
    assert all(sweep.false_at(t) <= f for f, t in zip(false.tolist(), true.tolist(), strict=True))


@pytest.mark.parametrize("name", peers.PEERS)
def test_peers_that_are_installed_give_boxes_and_ids(name: str, data: Path, tmp_path: Path):
    reason = peers.absence(name)
    if reason is not None:
        assert "pip install" in reason or "lacks it" in reason
        pytest.skip(reason)
    for file in data.glob("*/det.txt"):
        file.write_text(file.read_text().replace(",0.7,", ",0.9,"))
    loaded = scores.load(data)
    for recording in loaded.recordings:
        peers.run(name, recording, tmp_path / f"{recording.name}.txt")
    found = scores.score(loaded, tmp_path, threshold=0.0)
    # The walkers' ten strong boxes each, or most of them: some need a hit or two first.
    assert found.figures["true"] >= 14
    assert found.figures["id_switches"] == 0


def test_tables_say_what_is_not_reached():
    one = {"peers": {"a": {}, "b": {}}}
    m = {"fp_over_peers": 0.5, "fp_over_peers_worst": 0.75, "reached": 1}
    assert tables._over_peers(m, one) == "0.50 (0.75), 1 of 2 not reached"
    assert tables._over_peers(m | {"reached": 2}, one) == "0.50 (0.75)"


def test_the_page_knows_every_fuser_and_column():
    page = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text(encoding="utf-8")
    for name in methods.NAMES:
        assert f"`{name.removeprefix('fuser ')}`" in page
    named = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| "))
    columns = {*tables._METHOD, *tables._PEER} - {"precision", "recall", "MOTA", "ID switches"}
    for column in columns:
        words = column.removesuffix(" by existence").removesuffix(": mean (worst)")
        assert words in named, column


def test_what_is_judged_was_not_fitted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each sequence, and each half of a single one, is tracked with what the rest gives."""
    from scripts.quality import calibrated
    from tests.calibration.kit import recording as world
    from tests.cli.test_calibrate import write
    from tracker import Tracker

    used: list[tuple[str, ...]] = []
    update = Tracker.update

    def noting(self: Tracker, *arguments: object, **options: object) -> object:
        used.append(self.calibration.about.sequences)
        return update(self, *arguments, **options)  # type: ignore[arg-type]

    for k in range(3):
        write(world(k, 30), tmp_path / "set" / f"s{k}")
    write(world(4, 60), tmp_path / "camera" / "one")
    for name in ("set", "camera"):
        data = scores.load(tmp_path / name)
        method = calibrated.calibrated_elsewhere(tmp_path / name)
        with monkeypatch.context() as patch:
            patch.setattr(Tracker, "update", noting)
            for one in data.recordings:
                used.clear()
                shown = list(method(one))
                assert len(shown) == len(used) == len(one.frames)
                if name == "set":
                    others = tuple(f"s{k}" for k in range(3) if f"s{k}" != one.name)
                    assert {tuple(sorted(names)) for names in used} == {others}
                else:
                    assert used[:30] == [("one: second half",)] * 30
                    assert used[30:] == [("one: first half",)] * 30
                    # The same tracks go on.
                    before, after = (set(tracks.track_id.tolist()) for tracks in shown[29:31])
                    assert before & after
