"""Compare this project's fusers with other trackers on labelled sequences: tables and a plot.

    python scripts/benchmark_quality.py DATA [DATA ...] --out DIR
        [--methods NAME ...] [--peers NAME ...] [--peer-results FILE] [--jobs N] [--tracks DIR]

DATA is a set: a folder that holds a folder for each sequence with `seqinfo.ini`, `gt.txt` and
detections (`det_prob.txt`, `det.txt` or `det/det.txt`, scores in [0, 1]); or a folder of sets. DIR
gets benchmark.md (everything), summary.md (for a README), frontier.png and results.json.

Peers that are installed run; those that are not are said to be absent. Where their dependencies
conflict with this project's, let them run elsewhere first and read what they gave:

    peers/bin/python scripts/benchmark_quality.py DATA --methods none --out peers
    python scripts/benchmark_quality.py DATA --peer-results peers/results.json --out benchmark

What each column is stands in docs/benchmark.md.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import json
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tracker
from scripts.quality import methods, peers, plot, tables
from scripts.quality.running import benchmark, runner, sets_in, version
from tracker import ConftrackError, InputError, kernels

__all__ = ["main"]

SCHEMA = {"schema": "conftrack.benchmark_quality", "version": 1}
PACKAGES = ("numpy", "scipy", "trackeval", "matplotlib")


def made(command: list[str], wanted: list[str], sets: dict[str, Any]) -> dict[str, Any]:
    """Commit, command, versions, machine and date."""
    root = Path(__file__).resolve().parents[1]

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    packages = {"conftrack": tracker.__version__} | {p: version(p) for p in PACKAGES}
    for name in wanted:
        for one in sets.values():
            packages |= one["peers"].get(name, {}).get("versions", {})
    kind = "compiled" if kernels.COMPILED else "NumPy"
    return {
        "commit": (git("rev-parse", "--short", "HEAD") or "unknown")
        + (" with changes" if git("status", "--porcelain", "--untracked-files=no") else ""),
        "command": shlex.join(["python", "scripts/benchmark_quality.py", *command]),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {kind} kernels",
        "packages": packages,
    }


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    command = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="sets, or folders of sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    names = ", ".join(methods.NAMES)
    parser.add_argument("--methods", nargs="+", metavar="NAME", help=f"or none; of: {names}")
    parser.add_argument(
        "--peers", nargs="+", metavar="NAME", help=f"or none; of: {', '.join(peers.PEERS)}"
    )
    parser.add_argument("--peer-results", type=Path, help="results.json whose peers are taken")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--tracks", type=Path, help="keep the MOT files here")
    options = parser.parse_args(arguments)
    try:
        folders = sets_in(options.data)
        wanted_methods = _chosen(options.methods, list(methods.NAMES), "--methods")
        wanted_peers = _chosen(options.peers, list(peers.PEERS), "--peers")
        cached = {}
        if options.peer_results is not None:
            cached = json.loads(options.peer_results.read_text(encoding="utf-8"))
            if {key: cached.get(key) for key in SCHEMA} != SCHEMA:
                raise InputError(f"{options.peer_results} is no results.json of this script")
        with runner(options.jobs) as run:
            results = benchmark(
                folders, wanted_methods, wanted_peers, cached, run=run, tracks=options.tracks
            )
    except (ConftrackError, OSError, json.JSONDecodeError) as error:
        print(f"benchmark_quality: {error}", file=sys.stderr)
        return 2
    results = {**SCHEMA, "made": made(list(command), wanted_peers, results["sets"]), **results}
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, allow_nan=False)
    (options.out / "results.json").write_text(text + "\n", encoding="utf-8")
    (options.out / "benchmark.md").write_text(tables.details(results), encoding="utf-8")
    (options.out / "summary.md").write_text(tables.summary(results), encoding="utf-8")
    plot.frontier(results, options.out / "frontier.png")
    print(tables.summary(results))
    print(f"written: {options.out}/benchmark.md, summary.md, frontier.png, results.json")
    return 0


def _chosen(given: list[str] | None, known: list[str], option: str) -> list[str]:
    """The names that were asked for: all, none or some."""
    if given is None:
        return known
    if given == ["none"]:
        return []
    strange = [name for name in given if name not in known]
    if strange:
        raise InputError(f"{option}: no {strange[0]!r}; known are none, {', '.join(known)}")
    return given


if __name__ == "__main__":
    sys.exit(main())
