"""`conftrack rank`: the frames of a run most worth labelling, with labels to start from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tracker.cli.console import Debug, Quiet, err, guard, out, show_log
from tracker.cli.helptext import epilog
from tracker.cli.ranking_tables import table_of, tell_notes
from tracker.cli.run_folder import prepare_folder
from tracker.errors import InputError
from tracker.files import write_whole
from tracker.review.acquisition import ACQUISITIONS
from tracker.review.signals import SIGNALS

if TYPE_CHECKING:
    from tracker.review.runs import Run

__all__ = ["EPILOG", "rank"]

_RANKING = "ranking.json"
_LABELS = {
    "coco": ("coco.json",),
    "yolo": ("data.yaml",),
    "label-studio": ("label_studio.json", "label_studio.xml"),
    "cvat": ("cvat.xml",),
    "fiftyone": ("fiftyone.json",),
}
_FOLDERS = ("images", "labels")
EPILOG = epilog(
    ("conftrack rank runs/street", "200 frames where track and detector disagree most"),
    ("conftrack rank runs/street --diverse --export coco,yolo", "to label: spread, with labels"),
    ("conftrack rank runs/a runs/b --diverse --export cvat", "several videos, an even share"),
    ("conftrack rank runs/street --by entropy --top 50", "needs `conftrack run --save all`"),
    ("conftrack rank runs/street --by hard-negatives --export coco", "what fools the detector"),
)


@guard
def rank(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Folders of `conftrack run`, or their tracks.jsonl; of one detector.",
            show_default=False,
        ),
    ],
    by: Annotated[
        str,
        typer.Option(
            help="What the detector knows (with recorded detections: --save all):"
            f" {', '.join(ACQUISITIONS)}; what only the tracker knows: {', '.join(SIGNALS)}.",
            rich_help_panel="Ranking",
        ),
    ] = "track-disagreement",
    top: Annotated[
        int, typer.Option(help="How many frames.", min=1, rich_help_panel="Ranking")
    ] = 200,
    strong: Annotated[
        float,
        typer.Option(
            help="Confidence from which the detector alone would report a box.",
            min=0.0,
            max=1.0,
            rich_help_panel="Ranking",
        ),
    ] = 0.5,
    diverse: Annotated[
        bool,
        typer.Option(
            "--diverse",
            help="No two frames that tell the same: apart in time, unlike in looks, an even share"
            " for each video.",
            rich_help_panel="Diversity",
        ),
    ] = False,
    apart: Annotated[
        float,
        typer.Option(
            help="With --diverse: least seconds between two frames of a video.",
            min=0.0,
            rich_help_panel="Diversity",
        ),
    ] = 1.0,
    likeness: Annotated[
        float | None,
        typer.Option(
            help="With --diverse: how unlike two frames must be, from 0 (anything goes) to 1.",
            min=0.0,
            max=1.0,
            show_default="0.12 for pictures, 0.3 for the layout of boxes",
            rich_help_panel="Diversity",
        ),
    ] = None,
    per_video: Annotated[
        int | None,
        typer.Option(
            help="Most frames of a video.",
            min=1,
            show_default="with --diverse an even share, else no limit",
            rich_help_panel="Diversity",
        ),
    ] = None,
    video: Annotated[
        list[str] | None,
        typer.Option(
            help="The video of each run, in their order, where it is not at its place any more;"
            " none for no pictures.",
            show_default="what the runs were made of",
            rich_help_panel="Pictures and labels",
        ),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(
            help="Write the frames as pictures, with the tracks' boxes as labels to start from:"
            f" {', '.join(_LABELS)}; all; or images for pictures alone.",
            show_default="nothing",
            rich_help_panel="Pictures and labels",
        ),
    ] = None,
    label_from: Annotated[
        float,
        typer.Option(
            help="Least score of a box that becomes a label.",
            min=0.0,
            max=1.0,
            rich_help_panel="Pictures and labels",
        ),
    ] = 0.5,
    image_format: Annotated[
        Literal["jpg", "png"],
        typer.Option(help="Of the pictures.", rich_help_panel="Pictures and labels"),
    ] = "jpg",
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for ranking.json, pictures and labels.",
            show_default="runs/NAME-rank, numbered if taken",
            rich_help_panel="Output",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace a ranking that --out holds already, with its pictures and labels.",
            rich_help_panel="Output",
        ),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Pick the frames that are most worth labelling.

    Ranks all frames by how unsure the detector is, or by where the tracker knows it to be wrong;
    writes ranking.json, and pictures with labels for COCO, YOLO, Label Studio, CVAT and FiftyOne.
    docs/review.md has the formulas, and how many mistakes each finds.
    """
    show_log(debug=debug)
    kinds = _kinds(export)
    from tracker.review.exports.writing import write_exports
    from tracker.review.ranking import RANKINGS
    from tracker.review.ranking import rank as pick_frames
    from tracker.review.ranking_file import to_json
    from tracker.review.reading import read_run

    if by not in RANKINGS:
        raise InputError(f"--by takes one of {', '.join(RANKINGS)}; got {by!r}")
    with err.status("reading") if err.is_terminal and not quiet else nullcontext() as status:

        def say(step: str) -> None:
            if status is not None:
                status.update(step)

        given = [read_run(path) for path in runs]
        videos = _videos(given, video)
        if kinds is not None and None in videos:
            lost = given[videos.index(None)]
            raise InputError(
                f"--export needs the video of {lost.name} ({lost.source or 'source unknown'}),"
                " which is not there: say where with --video"
            )
        say("ranking")
        ranking = pick_frames(
            given,
            by,
            top=top,
            diverse=diverse,
            apart_s=apart,
            per_video=per_video,
            likeness=likeness,
            pictures=None if None in videos else _pictures(given, videos),
            strong=strong,
        )
        folder = _folder(out_folder, given, kinds, overwrite=overwrite)
        files = [folder / _RANKING]
        missing: tuple[tuple[str, int], ...] = ()
        if kinds is not None:
            say("writing pictures and labels")
            written = write_exports(
                ranking,
                [v for v in videos if v is not None],
                folder,
                kinds,
                image_format=image_format,
                least=label_from,
            )
            files += written.files
            missing = written.missing
        options = {
            "top": top,
            "strong": strong,
            "diverse": diverse,
            "apart_s": apart,
            "likeness": likeness,
            "per_video": per_video,
            "label_from": label_from,
        }
        text = json.dumps(to_json(ranking, options=options), ensure_ascii=False, allow_nan=False)
        write_whole(files[0], text + "\n")
    if quiet:
        return
    tell_notes(ranking, top, diverse, missing)
    out.print(table_of(ranking))
    for path in files:
        out.print(str(path), soft_wrap=True)


def _kinds(export: str | None) -> list[str] | None:
    """The exports that are wanted; [] for pictures alone, None for nothing."""
    if export is None:
        return None
    words = [word.strip() for word in export.split(",") if word.strip()]
    if "all" in words:
        return list(_LABELS)
    unknown = [word for word in words if word not in (*_LABELS, "images")]
    if unknown or not words:
        raise InputError(
            f"--export takes a list such as coco,yolo of: {', '.join(_LABELS)}; or all; or images;"
            f" got {export!r}"
        )
    return [kind for kind in _LABELS if kind in words]


def _videos(given: Sequence[Run], video: list[str] | None) -> list[str | None]:
    """The video of each run, None where there is none."""
    if video == ["none"]:
        return [None] * len(given)
    if video is None:
        from tracker.review.pictures import video_of

        return [video_of(run) for run in given]
    if len(video) != len(given):
        raise InputError(f"--video was given {len(video)} times for {len(given)} runs")
    return list(video)


def _pictures(given: Sequence[Run], videos: Sequence[str | None]) -> Any:
    """What `ranking.rank` asks for descriptors of pictures."""
    from tracker.review.pictures import grey_levels

    def levels(number: int, positions: Sequence[int]) -> Any:
        path = videos[number]
        return None if path is None else grey_levels(given[number], path, positions)

    return levels


def _folder(
    out_folder: Path | None, given: Sequence[Run], kinds: list[str] | None, *, overwrite: bool
) -> Path:
    """Choose and create the folder; of an earlier ranking nothing stays."""
    files = [_RANKING, *(name for names in _LABELS.values() for name in names)]
    if out_folder is not None and overwrite and (out_folder / _RANKING).is_file():
        for name in _FOLDERS:
            shutil.rmtree(out_folder / name, ignore_errors=True)
    folder = prepare_folder(
        out_folder, f"{given[0].name}-rank", files, overwrite=overwrite, family=()
    )
    if kinds is not None and any((folder / name).exists() for name in _FOLDERS):
        raise InputError(
            f"{folder} has a folder {' or '.join(_FOLDERS)} that no ranking wrote: give another"
            " --out"
        )
    return folder
