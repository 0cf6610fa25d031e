"""`conftrack evaluate`: tracks and raw detections held against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tracker.cli.console import Debug, Quiet, err, guard, note, out, show_log
from tracker.cli.evaluation_tables import render
from tracker.cli.helptext import epilog
from tracker.cli.options import name_list
from tracker.cli.report_files import KINDS, report_folder, write_report
from tracker.cli.run_folder import parse_kinds
from tracker.errors import InputError

if TYPE_CHECKING:
    from tracker.evaluation import BoxSequence, TruthSequence
    from tracker.evaluation.goals import Goal

__all__ = ["EPILOG", "evaluate"]

EPILOG = epilog(
    (
        "conftrack evaluate --tracks runs/street --truth street/gt.txt",
        "report in runs/street-evaluation",
    ),
    (
        "conftrack evaluate --tracks runs/street --truth gt.txt --cost-miss 10 --cost-false 1",
        "which threshold, if a miss is ten times as bad as a false alarm",
    ),
    (
        "conftrack evaluate --tracks runs/street --truth gt.txt --precision 0.95 --per object",
        "of all objects reported, 95 % must be real",
    ),
    (
        "conftrack evaluate --tracks out/ --truth MOT17/train",
        "many sequences: out/SEQUENCE.txt and MOT17/train/SEQUENCE/gt/gt.txt",
    ),
    (
        "conftrack evaluate --tracks out/ --truth label_02/ --classes car",
        "KITTI tracking labels, by KITTI's rules",
    ),
    ("conftrack evaluate --detections results.json --truth val.json", "a detector alone, COCO"),
    (
        "conftrack evaluate --tracks runs/street --answers runs/street/answers.jsonl",
        "by what people said of some tracks: what that can tell of all of them",
    ),
    ("conftrack evaluate --tracks runs/demo --truth runs/demo", "after `conftrack demo`"),
)


@guard
def evaluate(
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Ground truth: MOT text (gt.txt), KITTI tracking labels, COCO JSON, or a folder of"
            " sequences.",
            show_default=False,
            rich_help_panel="Input",
        ),
    ] = None,
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            help="In place of truth: what reviewers said of some tracks (answers.jsonl of"
            " `conftrack review`); may be given several times.",
            show_default=False,
            rich_help_panel="Input",
        ),
    ] = None,
    tracks: Annotated[
        Path | None,
        typer.Option(
            help="Tracks: a folder of `conftrack run`, tracks.jsonl, MOT text, or a folder with"
            " SEQUENCE.txt or SEQUENCE/tracks.jsonl.",
            show_default=False,
            rich_help_panel="Input",
        ),
    ] = None,
    detections: Annotated[
        Path | None,
        typer.Option(
            help="Raw detections to compare with: detections.jsonl, MOT text, COCO results, or a"
            " folder of sequences; `none` for none.",
            show_default="those beside the tracks or the truth, if any",
            rich_help_panel="Input",
        ),
    ] = None,
    score_map: Annotated[
        Literal["none", "sigmoid", "minmax"],
        typer.Option(
            help="Makes probabilities of raw scores that are none (logits, margins).",
            rich_help_panel="Input",
        ),
    ] = "none",
    classes: Annotated[
        str | None,
        typer.Option(
            help="Judge only these classes, such as person,car.",
            show_default="those of the benchmark that the tracks know",
            rich_help_panel="Judging",
        ),
    ] = None,
    iou: Annotated[
        float,
        typer.Option(help="Least overlap of a right box.", rich_help_panel="Judging"),
    ] = 0.5,
    min_height: Annotated[
        float | None,
        typer.Option(
            help="Unmatched boxes up to this height (px) are neither right nor wrong.",
            min=0.0,
            show_default="as the benchmark: KITTI 25, others 0",
            rich_help_panel="Judging",
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            help="Operating point of counts and of HOTA, IDF1, MOTA.",
            min=0.0,
            max=1.0,
            rich_help_panel="Judging",
        ),
    ] = 0.5,
    by: Annotated[
        Literal["score", "existence"],
        typer.Option(
            help="What is held to the threshold, and what is advised on.",
            rich_help_panel="Judging",
        ),
    ] = "score",
    cost_miss: Annotated[
        float | None,
        typer.Option(
            help="What a miss costs, for the advice.",
            show_default="1",
            rich_help_panel="Which threshold?",
        ),
    ] = None,
    cost_false: Annotated[
        float | None,
        typer.Option(
            help="What a false alarm costs, in the same unit.",
            show_default="1",
            rich_help_panel="Which threshold?",
        ),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            help="In place of costs: the precision that is wanted.",
            show_default=False,
            rich_help_panel="Which threshold?",
        ),
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(
            help="In place of costs: the recall that is wanted.",
            show_default=False,
            rich_help_panel="Which threshold?",
        ),
    ] = None,
    per: Annotated[
        Literal["box", "object"],
        typer.Option(
            help="What is missed or falsely reported: a box in a frame, or an object and a track"
            " as a whole.",
            rich_help_panel="Which threshold?",
        ),
    ] = "box",
    show_tracks: Annotated[
        str | None,
        typer.Option(
            help="Tracks whose life is drawn: 3,17 or SEQUENCE:3.",
            show_default="those that show most",
            rich_help_panel="Output",
        ),
    ] = None,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for the report.",
            show_default="runs/NAME-evaluation, numbered if taken",
            rich_help_panel="Output",
        ),
    ] = None,
    save: Annotated[
        str,
        typer.Option(
            help=f"What to write, of: {', '.join(KINDS)}; or all; or none.",
            rich_help_panel="Output",
        ),
    ] = "all",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace the report that --out holds already.",
            rich_help_panel="Output",
        ),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Hold tracks and raw detections against the truth; say how true they are.

    Prints precision, recall, AP, calibration, HOTA and which threshold to use; writes report.json,
    report.html (one file, works offline) and PNG files. docs/evaluate.md explains every figure.
    """
    show_log(debug=debug)
    kinds = parse_kinds(save, KINDS)
    if answers:
        _by_answers(answers, truth, tracks, kinds, threshold, out_folder, overwrite, quiet)
        return
    if truth is None:
        raise InputError("give --truth; or --answers, if people said of some tracks what they are")
    goal = _goal(cost_miss, cost_false, precision, recall)
    asked_for, without = detections is not None, str(detections) == "none"
    if tracks is None and (without or not asked_for):
        raise InputError("give --tracks, --detections, or both")
    from tracker import evaluation
    from tracker.evaluation.report import plots
    from tracker.evaluation.report.document import gather

    if "png" in kinds:
        plots.require()
    with err.status("reading") if err.is_terminal and not quiet else nullcontext() as status:

        def say(step: str) -> None:
            if status is not None:
                status.update(step)

        asked = evaluation.read_truth(truth)
        found = None if tracks is None else evaluation.read_tracks(tracks, asked)
        raw = None
        if detections is None:
            detections, raw = _found(truth, tracks, asked, score_map)
        elif not without:
            raw = evaluation.read_detections(
                detections, asked, score_map=score_map, dataset=_dataset(truth)
            )
        result = evaluation.evaluate(
            truth=asked,
            tracks=found,
            detections=raw,
            classes=name_list(classes, "--classes"),
            threshold=threshold,
            by=by,
            min_iou=iou,
            least_height=min_height,
            on_progress=say,
        )
        say("choosing a threshold")
        given = {"truth": truth, "tracks": tracks, "detections": None if without else detections}
        document = gather(
            result,
            names={name: str(path) for name, path in given.items() if path is not None},
            goal=goal,
            by=by,
            unit=per,
            show_tracks=name_list(show_tracks, "--show-tracks") or (),
        )
        files: list[Path] = []
        if kinds:
            folder = report_folder(
                out_folder, _name(tracks or detections or truth), overwrite=overwrite
            )
            files = write_report(folder, document, kinds, say)
    if not quiet:
        if detections is not None and not asked_for:
            note(f"raw detections: those in {detections} (--detections none leaves them out)")
        for text in result.notes:
            note(text)
        out.print(render(document, files, width=out.width))


def _by_answers(
    answers: list[Path],
    truth: Path | None,
    tracks: Path | None,
    kinds: tuple[str, ...],
    threshold: float,
    out_folder: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """The report that answers can give."""
    if truth is not None:
        raise InputError("give --truth or --answers: with the whole truth answers tell nothing new")
    if tracks is None:
        raise InputError("--answers needs --tracks, the folder of the run that they are about")
    from tracker.cli.by_answers import judge_by_answers, render_partial, write_partial
    from tracker.evaluation.report import plots

    if "png" in kinds:
        plots.require()
    report = judge_by_answers(tracks, answers, threshold=threshold)
    files = write_partial(report, kinds, out_folder, _name(tracks), overwrite=overwrite)
    if not quiet:
        out.print(render_partial(report, files, width=out.width))


def _found(
    truth: Path,
    tracks: Path | None,
    asked: Sequence[TruthSequence],
    score_map: Literal["none", "sigmoid", "minmax"],
) -> tuple[Path | None, list[BoxSequence] | None]:
    """The raw detections that lie beside the tracks or the truth, if there are usable ones."""
    from tracker import evaluation

    place = evaluation.find_detections(truth, tracks, asked)
    if place is None:
        return None, None
    try:
        found = evaluation.read_detections(place, asked, score_map=score_map)
    except InputError as error:
        note(f"compared with no raw detections: {error}", warning=True)
        return None, None
    return place, found


def _dataset(truth: Path) -> Path | None:
    """The data set that COCO results belong to."""
    return truth if truth.suffix == ".json" else None


def _goal(
    cost_miss: float | None,
    cost_false: float | None,
    precision: float | None,
    recall: float | None,
) -> Goal:
    """What is wanted; a miss as bad as a false alarm where nothing is said."""
    from tracker.evaluation.goals import Goal

    if all(value is None for value in (cost_miss, cost_false, precision, recall)):
        return Goal(cost_miss=1.0, cost_false=1.0)
    return Goal(cost_miss, cost_false, precision, recall)


def _name(path: Path) -> str:
    """What the report is called after: the folder of a run, or the file.

    >>> _name(Path("runs/street")), _name(Path("runs/street/tracks.jsonl")), _name(Path("a.txt"))
    ('street', 'street', 'a')
    """
    path = path.resolve()
    return path.parent.name if path.stem in ("tracks", "detections") else path.stem
