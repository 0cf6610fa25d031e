"""Measure what `conftrack calibrate` is worth on footage that was not fitted on: tables, a figure.

    python scripts/benchmark_calibration.py DATA [DATA ...] --out DIR [--jobs N]
    python scripts/benchmark_calibration.py DATA [DATA ...] --out DIR --vary existence.memory_s

DATA is a set, a folder of sequences as scripts/benchmark_quality.py takes them, or a folder of
sets. DIR gets calibration.md and calibration.png. Each sequence is judged with what the others of
its set give; a set of one sequence is cut into halves in time with ten seconds between them. What
the tables show stands in docs/calibration.md. With --vary there is one table instead: calibrated
with settings that no calibration fits, as they are, halved and doubled.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import io
import shlex
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.benchmark_quality import made
from scripts.quality.running import sets_in
from tracker import ConftrackError, InputError, TrackerConfig
from tracker.calibration import Calibration
from tracker.calibration.fitting import (
    HeldOut,
    Recording,
    Trace,
    by_mixture,
    by_truth,
    compare,
    figures,
    fit,
    folds,
    read_recordings,
    trace,
    track,
)
from tracker.calibration.fitting.fit import STEPS, Labeller, Step, Tracked
from tracker.evaluation import Figures

__all__ = ["main", "short_footage"]

CONFIG = TrackerConfig()
SHORT_S = (2.0, 5.0, 10.0)
STEPS_TRIED: tuple[tuple[Step, ...], ...] = (
    (), ("confidence",), ("constants",), ("confidence", "constants"), STEPS,
)  # fmt: skip
HEAD = (
    "AP", "HOTA", "false tracks per 1,000 frames",
    "score: ECE", "log-loss", "existence: ECE", "log-loss",
)  # fmt: skip
Row = tuple[str, ...]


def short_footage(
    recordings: Sequence[Recording], seconds: float
) -> Iterator[tuple[list[Recording], Recording]]:
    """Three short pieces of other sequences to fit on, and a whole sequence to judge.

    A single sequence is cut into halves; the pieces are from the other half.
    """
    if len(recordings) == 1:
        halves = [one for part in folds(recordings) for one in part]
        for judged, other in ((halves[0], halves[1]), (halves[1], halves[0])):
            starts = [k * len(other) // 3 for k in range(3)]
            yield [_piece(other, start, seconds) for start in starts], judged
        return
    for k, judged in enumerate(recordings):
        others = [recordings[(k + i) % len(recordings)] for i in range(1, len(recordings))]
        yield [_piece(other, 0, seconds) for other in others[:3]], judged


def _piece(recording: Recording, start: int, seconds: float) -> Recording:
    end = start + round(seconds * recording.fps)
    return recording.cut(start, end, f"{recording.name}: {seconds:g} s from frame {start}")


def _row(name: str, kind: str, f: Figures) -> Row:
    assert f.tracks is not None
    assert f.score is not None
    assert f.existence is not None
    numbers = (
        f"{f.boxes.ap:.3f}", f"{f.tracks.hota:.3f}", f"{f.tracks.false_tracks_per_1000:.0f}",
        f"{f.score.ece:.3f}", f"{f.score.log_loss:.3f}",
        f"{f.existence.ece:.3f}", f"{f.existence.log_loss:.3f}",
    )  # fmt: skip
    return (name, kind, *numbers)


def _losses(f: Figures) -> tuple[float, float]:
    assert f.score is not None
    assert f.existence is not None
    return f.score.log_loss, f.existence.log_loss


def _with_scenes(recordings: list[Recording], held: HeldOut, label: Labeller) -> Figures:
    """The halves of one fixed camera, each with calibration and scene of the other."""
    halves = [one for part in folds(recordings) for one in part]
    pairs = []
    for judged, other, calibration in zip(halves, halves[::-1], held.calibrations, strict=True):
        scene = trace(other, CONFIG, calibration).scene
        pairs.append((judged, trace(judged, CONFIG, replace(calibration, scene=scene))))
    return figures(pairs)


def _measure(folder: Path) -> dict[str, Any]:
    """All rows of one set."""
    recordings, _ = read_recordings(None, folder)
    parts = folds(recordings)
    whole = [one for part in parts for one in part]
    first = track(whole, by_truth(), CONFIG)
    guessed = [
        Tracked(one.recording, one.found, labels)
        for one, labels in zip(first, by_mixture(whole, [o.found for o in first]), strict=True)
    ]
    name = folder.name
    rows, steps_rows = [], []
    held = compare(recordings, by_truth(), CONFIG, parts=parts, first=first)
    rows += [_row(name, "none", held.before), _row(name, "labelled", held.after)]
    for steps in STEPS_TRIED:
        after = held.after
        if steps != STEPS:
            after = compare(
                recordings, by_truth(), CONFIG, parts=parts, first=first, steps=steps
            ).after
        steps_rows.append(_row(name, " + ".join(("maps", *steps)), after))
    told = compare(recordings, by_mixture, CONFIG, parts=parts, first=guessed)
    rows.append(_row(name, "unlabelled", told.after))
    if len(recordings) == 1:
        for kind, one in (("labelled", held), ("unlabelled", told)):
            scenes = _with_scenes(recordings, one, by_truth())
            rows.append(_row(name, f"{kind}, with scene", scenes))
    return {
        "rows": rows,
        "steps": steps_rows,
        "short": [
            _short(name, recordings, seconds, {o.recording.name: o.found for o in first})
            for seconds in SHORT_S
        ],
        "held": held,
    }


def _mapped(folders: Sequence[Path], jobs: int) -> Iterator[dict[str, Any]]:
    """`_measure` of every folder, in their order, so many at a time."""
    if jobs == 1:
        yield from map(_measure, folders)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(_measure, folders)


def _short(name: str, recordings: list[Recording], seconds: float, known: dict[str, Trace]) -> Row:
    """Before and after with three short pieces, over all that is judged, and at worst."""
    plain, fitted, worst, counted = [], [], [0.0, 0.0], []
    for pieces, judged in short_footage(recordings, seconds):
        calibration: Calibration = fit(pieces, by_truth(), CONFIG, afterwards=False)
        counted.append(calibration.about.counted_as)
        before, after = (judged, known[judged.name]), (judged, trace(judged, CONFIG, calibration))
        old, new = (_losses(figures([pair], track_metrics=False)) for pair in (before, after))
        worst = [max(w, b - a) for w, a, b in zip(worst, old, new, strict=True)]
        plain.append(before)
        fitted.append(after)
    old, new = (_losses(figures(pairs, track_metrics=False)) for pairs in (plain, fitted))
    cells = [f"{a:.3f} → {b:.3f} (+{w:.3f})" for a, b, w in zip(old, new, worst, strict=True)]
    return (name, f"3 × {seconds:g} s", f"{min(counted):.0f} to {max(counted):.0f}", *cells)


def _varied(folder: Path, names: Sequence[str]) -> list[Row]:
    """Rows of one set, calibrated with some settings as they are, halved and doubled."""
    recordings, _ = read_recordings(None, folder)
    rows = [_row(folder.name, "as it is", compare(recordings, by_truth(), CONFIG).after)]
    for name in names:
        section, _, key = name.partition(".")
        for factor in (0.5, 2.0):
            table = CONFIG.to_dict()
            if not isinstance(table.get(section, {}).get(key), float):
                raise InputError(f"--vary {name}: no setting that is a number, as SECTION.KEY")
            table[section][key] *= factor
            after = compare(recordings, by_truth(), TrackerConfig.from_dict(table)).after
            rows.append(_row(folder.name, f"{name} = {table[section][key]:g}", after))
    return rows


def _table(head: Sequence[str], rows: Sequence[Row]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _draw(sets: dict[str, dict[str, Any]], path: Path) -> None:
    """Reliability of score and existence without a calibration and with one, a line a set."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from PIL import Image

    figure, panels = plt.subplots(1, 2, figsize=(8.4, 4.2), sharey=True)
    for axes, name in zip(panels, ("score", "existence"), strict=True):
        axes.plot([0, 1], [0, 1], color="#808080", linestyle=":")
        for which, color, label in (
            ("before", "#d55e00", "without"),
            ("after", "#0072b2", "calibrated on other footage"),
        ):
            for one in sets.values():
                bins = [b for b in getattr(getattr(one["held"], which), name).bins if b.boxes >= 50]
                told, true = [b.mean for b in bins], [b.true_share for b in bins]
                axes.plot(told, true, color=color, marker=".", alpha=0.8, label=label)
                label = "_"
        axes.set_xlabel(f"{name} told")
        axes.set_aspect("equal")
    panels[0].set_ylabel("share that was true")
    panels[0].legend(loc="upper left", frameon=False)
    figure.tight_layout()
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(64).save(path, optimize=True)


def _made(command: Sequence[str]) -> str:
    about = made(list(command), [], {})
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    line = shlex.join(["python", "scripts/benchmark_calibration.py", *map(str, command)])
    return (
        f"Made {about['date']} at commit {about['commit']} by\n\n    {line}\n\n"
        f"with Python {about['python']} on {about['machine']}, {packages}.\n"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    command = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="sets, or folders of sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--jobs", type=int, default=1, help="sets measured at a time (default: 1)")
    parser.add_argument("--vary", nargs="+", metavar="SECTION.KEY", help="settings to vary")
    options = parser.parse_args(arguments)
    sets: dict[str, dict[str, Any]] = {}
    try:
        folders = sets_in(options.data)
        if options.vary:
            varied = [row for folder in folders for row in _varied(folder, options.vary)]
            text = _table(("set", "settings", *HEAD), varied) + "\n" + _made(command)
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / "varied.md").write_text(text, encoding="utf-8")
            print(text)
            return 0
        for folder, measured in zip(folders, _mapped(folders, options.jobs), strict=True):
            print(f"{folder.name}: done", file=sys.stderr, flush=True)
            sets[folder.name] = measured
    except (ConftrackError, OSError) as error:
        print(f"benchmark_calibration: {error}", file=sys.stderr)
        return 2
    text = "\n".join(
        (
            _table(
                ("set", "calibration", *HEAD), [r for one in sets.values() for r in one["rows"]]
            ),
            "Three short sequences: log-loss without and with (worst sequence):\n",
            _table(
                ("set", "fitted to", "counts as independent tracks", "score", "existence"),
                [r for one in sets.values() for r in one["short"]],
            ),
            "What each part is worth:\n",
            _table(("set", "fitted", *HEAD), [r for one in sets.values() for r in one["steps"]]),
            _made(command),
        )
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "calibration.md").write_text(text, encoding="utf-8")
    _draw(sets, options.out / "calibration.png")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
