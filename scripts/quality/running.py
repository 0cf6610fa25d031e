"""Every method and peer on every set: who runs, who is taken over or absent.

In come folders and names; out go all results as plain values. Peers come first, for the methods
are compared at the best peer's recall.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from scripts.quality import methods, peers, scores
from scripts.quality.comparison import best_peer, compare, thinned
from tracker import InputError

__all__ = ["Task", "benchmark", "do", "fingerprint", "runner", "sets_in", "version"]

Run = Callable[[list["Task"]], Iterable["scores.Scored | str"]]


@dataclass(frozen=True)
class Task:
    """One method or peer on one set."""

    folder: Path
    kind: str
    name: str
    at_true: int | None = None
    tracks: Path | None = None


def do(task: Task) -> scores.Scored | str:
    """Run and score; a peer that fails is its message."""
    data = scores.load(task.folder)
    if task.kind == "raw":
        return scores.raw(data)
    try:
        return _scored(task, data)
    except Exception as error:
        if task.kind == "methods":
            raise
        return f"failed on {data.name}: {type(error).__name__}: {error}"


def _scored(task: Task, data: scores.SetData) -> scores.Scored:
    threshold = scores.STRONG if task.kind == "methods" else 0.0
    with _folder(task) as folder:
        if task.kind == "methods":
            method = methods.method_of(task.name, task.folder)
            run = partial(methods.run, method=method)
        else:
            run = partial(peers.run)
        for recording in data.recordings:
            run(task.name, recording, folder / f"{recording.name}.txt")
        return scores.score(data, folder, threshold=threshold, at_true=task.at_true)


@contextmanager
def _folder(task: Task) -> Iterator[Path]:
    """Where the MOT files of a task go: kept, or gone afterwards."""
    if task.tracks is None:
        with tempfile.TemporaryDirectory() as passing:
            yield Path(passing)
        return
    folder = task.tracks / task.folder.name / task.name.replace(" ", "_")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


def sets_in(folders: Iterable[Path]) -> list[Path]:
    """The sets: folders of sequences, given themselves or inside a given folder."""
    found = []
    for folder in folders:
        inside = (
            [folder]
            if any(folder.glob("*/seqinfo.ini"))
            else sorted({path.parent.parent for path in folder.glob("*/*/seqinfo.ini")})
        )
        if not inside:
            raise InputError(f"{folder} holds no SEQUENCE/seqinfo.ini and no SET/SEQUENCE/…")
        found += inside
    names = [folder.name for folder in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"two sets are called {min(twice)!r}: rename one")
    return found


def fingerprint(folder: Path) -> str:
    """What tells whether results are of this data: of all text files of all its sequences."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*/*.txt"), *folder.glob("*/*/*.txt")]):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def benchmark(
    folders: list[Path],
    wanted_methods: list[str],
    wanted_peers: list[str],
    cached: Mapping[str, Any],
    *,
    run: Run,
    tracks: Path | None = None,
) -> dict[str, Any]:
    """All results of all sets.

    Args:
        folders: The sets.
        wanted_methods: Of `methods.NAMES`.
        wanted_peers: Of `peers.PEERS`.
        cached: Results of an earlier run whose peers are taken over; {} for none.
        run: Maps `do` over tasks, in order.
        tracks: Folder that keeps the MOT files; None keeps none.
    """
    known = {f: _cached_peers(cached, f, wanted_peers) for f in folders}
    raw, absent = _run_first(known, wanted_peers, run, tracks)
    sets = {f.name: _described(f, raw[f], known[f], wanted_peers) for f in folders}
    tasks = []
    for f in folders:
        best = best_peer(known[f])
        at_true = known[f][best]["true"] if best else None
        tasks += [Task(f, "methods", name, at_true, tracks) for name in wanted_methods]
    for task, scored in zip(tasks, run(tasks), strict=True):
        assert isinstance(scored, scores.Scored)
        one, base = sets[task.folder.name], raw[task.folder]
        ap, raw_ap = scored.figures["ap"], base.figures["ap"]
        one["methods"][task.name] = {
            **scored.figures,
            **compare(scored.sweep, base.sweep, known[task.folder]),
            "gain": None if ap is None or raw_ap is None else 100.0 * (ap - raw_ap),
        }
        one["sweeps"][task.name] = thinned(scored.sweep)
    return {"absent": absent, "sets": sets}


def _run_first(
    known: dict[Path, dict[str, Any]], wanted: list[str], run: Run, tracks: Path | None
) -> tuple[dict[Path, scores.Scored], dict[str, str]]:
    """The raw detections, and the peers that are not known yet, put into `known`."""
    missing = [name for name in wanted if any(name not in one for one in known.values())]
    reasons = {name: peers.absence(name) for name in missing}
    absent = {name: reason for name, reason in reasons.items() if reason is not None}
    tasks = [Task(f, "raw", "raw") for f in known]
    for f, one in known.items():
        tasks += [
            Task(f, "peers", name, tracks=tracks)
            for name in missing
            if name not in one and name not in absent
        ]
    raw = {}
    for task, scored in zip(tasks, run(tasks), strict=True):
        if isinstance(scored, str):
            absent[task.name] = scored
        elif task.kind == "raw":
            raw[task.folder] = scored
        else:
            versions = {p: version(p) for p in peers.PEERS[task.name].packages}
            known[task.folder][task.name] = {**scored.figures, "versions": versions}
    return raw, absent


def _described(
    folder: Path, raw: scores.Scored, known: Mapping[str, Any], wanted: list[str]
) -> dict[str, Any]:
    """A set with its detections and peers, before any method."""
    recordings = scores.load(folder).recordings
    return {
        "fingerprint": fingerprint(folder),
        "sequences": [recording.name for recording in recordings],
        "frames": sum(len(recording.frames) for recording in recordings),
        "objects": raw.sweep.objects,
        "raw": raw.figures | compare(raw.sweep, raw.sweep, known),
        "methods": {},
        "peers": {name: known[name] for name in wanted if name in known},
        "sweeps": {"raw": thinned(raw.sweep)},
    }


def _cached_peers(cached: Mapping[str, Any], folder: Path, wanted: list[str]) -> dict[str, Any]:
    """What an earlier run has of the wanted peers on this set."""
    if not cached:
        return {}
    one = cached["sets"].get(folder.name)
    if one is None:
        raise InputError(f"the peer results have no set {folder.name}")
    if one["fingerprint"] != fingerprint(folder):
        raise InputError(f"the peer results are of other data than {folder}: run the peers again")
    return {name: figures for name, figures in one["peers"].items() if name in wanted}


def version(package: str) -> str:
    """The installed version of a package, or "absent"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


@contextmanager
def runner(jobs: int) -> Iterator[Run]:
    """Maps tasks here or over processes, and says on stderr how far it is."""

    def said(tasks: list[Task], done: Iterable[Any]) -> Iterator[Any]:
        for task, result in zip(tasks, done, strict=True):
            print(f"{task.folder.name}: {task.name}", file=sys.stderr, flush=True)
            yield result

    if jobs <= 1:
        yield lambda tasks: said(tasks, map(do, tasks))
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield lambda tasks: said(tasks, pool.map(do, tasks))
