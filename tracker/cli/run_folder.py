"""Where the results of a run go: one folder, fixed file names, nothing overwritten unasked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tracker.errors import InputError

__all__ = [
    "ASKED_KINDS",
    "FILES",
    "KINDS",
    "discard",
    "file_names",
    "parse_kinds",
    "prepare_folder",
    "run_name",
]

FILES = {
    "video": "annotated.mp4",
    "jsonl": "tracks.jsonl",
    "csv": "tracks.csv",
    "mot": "tracks.txt",
    "detections": "detections.jsonl",
    "rerun": "tracks.rrd",
    "summary": "summary.json",
}
KINDS: tuple[str, ...] = ("video", "jsonl", "csv", "mot", "detections")
# Large, or in need of a library that few have: not part of "all".
ASKED_KINDS: tuple[str, ...] = ("rerun",)


def parse_kinds(
    text: str, known: tuple[str, ...] = KINDS, *, asked: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Read what `--save` says, in the order of what is known.

    Args:
        text: Words with commas between them, or all, or none.
        known: What can be saved.
        asked: What can be saved besides, and is not meant by all.

    Raises:
        InputError: An unknown word; the message lists the known ones.

    Example:
        >>> parse_kinds("mot, video"), parse_kinds("none"), parse_kinds("all", ("json", "png"))
        (('video', 'mot'), (), ('json', 'png'))
        >>> parse_kinds("all", ("a", "b"), asked=("c",)), parse_kinds("c,all", ("a",), asked=("c",))
        (('a', 'b'), ('a', 'c'))
    """
    words = {word.strip().lower() for word in text.split(",") if word.strip()}
    if words == {"none"}:
        return ()
    if "all" in words:
        words = words - {"all"} | set(known)
    known += asked
    unknown = sorted(words - set(known))
    if unknown or not words:
        raise InputError(
            f"--save does not know {', '.join(map(repr, unknown)) or repr(text)};"
            f" it takes a list such as {','.join(known[:2])} of: {', '.join(known)}; or all; or"
            " none"
        )
    return tuple(kind for kind in known if kind in words)


def run_name(source: str) -> str:
    """A short folder name for a source's name.

    Example:
        >>> run_name("/data/My street.final.mp4"), run_name("rtsp://10.0.0.7:554/cam/1?x=2")
        ('My-street.final', '10.0.0.7-554-cam-1')
        >>> run_name("shots/*.png"), run_name("camera 0")
        ('shots', 'camera-0')
    """
    if "://" in source:
        name = source.split("://", 1)[1].split("?", 1)[0]
    else:
        path = Path(source)
        # A glob is called after its folder.
        name = path.parent.name if re.search(r"[*?\[]", path.name) else path.name
        name = re.sub(r"\.[A-Za-z0-9]{2,5}$", "", name)
    return re.sub(r"[^\w.]+", "-", name).strip("-.")[:80] or "run"


def prepare_folder(
    out: Path | None,
    name: str,
    files: Iterable[str],
    *,
    overwrite: bool = False,
    inputs: Iterable[str] = (),
    family: Iterable[str] = tuple(FILES.values()),
) -> Path:
    """Choose and create the folder of a run.

    Args:
        out: What the user asked for; None chooses `runs/NAME`, `runs/NAME-2` and so on, the first
            that does not exist.
        name: Short name of the source.
        files: Names of the files that will be written there.
        overwrite: Allow `out` to hold results already. All that an earlier run can have written is
            removed, so that the results there belong together; other files stay.
        inputs: What the run reads, as the user named it; such a file is never removed.
        family: What an earlier run of this command can have written besides `files`.

    Returns:
        The folder; it exists.

    Raises:
        InputError: `out` holds such files already, or is a file, or one of `inputs` is among what
            would be replaced.
        OSError: It cannot be created.
    """
    if out is None:
        number = 1
        while True:
            folder = Path("runs") / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                number += 1
                continue
            return folder
    if out.exists() and not out.is_dir():
        raise InputError(f"--out must be a folder, but {out} is a file")
    there = sorted({name for name in (*files, *family) if (out / name).exists()})
    if there and not overwrite:
        raise InputError(
            f"{out} holds results already ({', '.join(there)}): give another --out, or"
            " --overwrite to replace them"
        )
    for name in there:
        for text in inputs:
            path = Path(text.removeprefix("replay:"))
            if path.exists() and path.samefile(out / name):
                raise InputError(f"{path} is read by this run and would be replaced by it")
    for name in there:
        (out / name).unlink()
    out.mkdir(parents=True, exist_ok=True)
    return out


def discard(folder: Path) -> None:
    """Remove the files of a run that came to nothing, and its folder if nothing else is there."""
    for name in FILES.values():
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def file_names(kinds: Sequence[str]) -> list[str]:
    """Names of all files that a run with these kinds of output writes."""
    return [FILES[kind] for kind in (*kinds, "summary")]
