r"""Draw how many objects recorded detections find for how many false boxes, for docs/loop.md.

Example:
    python -m scripts.make_loop_figure docs/images/loop.png \
        --panel "another street" truth.txt \
        --line before runs/before/detections.jsonl --line ranked runs/ranked/detections.jsonl

Each --panel is one video with its ground truth in MOT17's layout, followed by its lines: a name and
recorded detections. Lines of the same name have the same colour. IoU 0.5.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import detectors
from detectors.replay import ReplayDetector
from scripts.evaluate_detector import asked_for
from tracker.errors import ConftrackError, InputError
from tracker.evaluation.curves import CurveBuilder
from tracker.evaluation.matching import match_boxes
from tracker.formats import mot

COLOURS = ("#808080", "#0072b2", "#d55e00", "#009e73", "#cc79a7")
MARKED = 0.5  # the score that is shown as a dot


@dataclass
class Panel:
    """One video: its title, its truth, and the detections to compare."""

    title: str
    truth: Path
    lines: list[tuple[str, Path]] = field(default_factory=list)


class _AddPanel(argparse.Action):
    def __call__(self, _p: Any, namespace: Any, values: Any, _option: Any = None) -> None:
        namespace.panels = [*namespace.panels, Panel(values[0], Path(values[1]))]


class _AddLine(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, _option: Any = None) -> None:
        if not namespace.panels:
            parser.error("--line comes after the --panel that it belongs to")
        namespace.panels[-1].lines.append((values[0], Path(values[1])))


def curve_of(detections: Path, truth: mot.MotRows) -> tuple[Any, int]:
    """The curve of recorded detections, over the frames that were looked at, and their number."""
    replay = detectors.load(f"replay:{detections}")
    assert isinstance(replay, ReplayDetector)
    wanted, builder = asked_for(truth), CurveBuilder()
    for frame in replay:
        here, found = truth.frame == frame.index + 1, frame.detections
        verdict = match_boxes(
            found.xyxy,
            found.confidence,
            truth.xyxy[here & wanted],
            ignore_xyxy=truth.xyxy[here & ~wanted],
        )
        builder.add(found.confidence, verdict)
    return builder.curve(), builder.frames


def draw(panels: Sequence[Panel], path: Path, *, most: float) -> None:
    """Writes the figure; `most` is the end of the axis of false boxes a frame."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for panel in panels for name, _ in panel.lines))
    colours = dict(zip(names, COLOURS, strict=False))
    figure, row = pyplot.subplots(
        1, len(panels), figsize=(4.2 * len(panels), 3.4), dpi=110, squeeze=False
    )
    for panel, axes in zip(panels, row[0], strict=True):
        truth = mot.read(panel.truth)
        for name, file in panel.lines:
            curve, frames = curve_of(file, truth)
            false, recall = curve.false / frames, curve.recall
            axes.plot(false, recall, color=colours[name], label=name, linewidth=1.4)
            at = curve.at(MARKED)
            axes.plot(
                at[1] / frames, curve.recall_at(MARKED), "o", color=colours[name], markersize=4
            )
        axes.set(title=panel.title, xlabel="false boxes a frame", xlim=(0, most), ylim=(0.75, 1))
        axes.grid(alpha=0.3)
    row[0][0].set_ylabel("share of people found")
    row[0][-1].legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.make_loop_figure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("out", type=Path, help="a .png")
    result.set_defaults(panels=[])
    result.add_argument(
        "--panel", nargs=2, metavar=("TITLE", "TRUTH"), action=_AddPanel, required=True
    )
    result.add_argument("--line", nargs=2, metavar=("NAME", "DETECTIONS"), action=_AddLine)
    result.add_argument("--most", type=float, default=3.0, help="false boxes (%(default)s)")
    return result


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    args = parser().parse_args(argv)
    try:
        for panel in args.panels:
            if not panel.lines:
                raise InputError(f"{panel.title} has no --line")
        draw(args.panels, args.out, most=args.most)
    except (ConftrackError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
