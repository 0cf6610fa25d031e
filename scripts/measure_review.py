"""What `conftrack rank` and `conftrack triage` are worth, on labelled sequences: three tables.

    python scripts/measure_review.py DATA [DATA ...] [--share 0.05] [--write docs/review.md]

DATA is a set, or a folder of sets, in the layout of `scripts/benchmark_quality.py`. All sequences
of a set are ranked together, by smoothed tracks, as `conftrack run` leaves them of files.

The first table: the share of the detector's mistakes (false boxes and missed objects of its
detections of at least 0.5, by the rule of docs/evaluate.md) that lie in the best frames by each
ranking, how many frames that took, and the share of the objects to label in them. The second: how
true each number of a track is as the probability that it follows a real object, over whole tracks;
tracks as they are told at once, and smoothed. The third: what `conftrack triage` expects of its
default thresholds on the smoothed tracks, and what came true.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.quality.running import sets_in
from scripts.review.frames import frames_table
from scripts.review.labelled import load
from scripts.review.tracks import tracks_table, triage_table
from tracker import ConftrackError

__all__ = ["main", "written"]

BEGIN, END = "<!-- {} -->\n", "<!-- /{} -->\n"


def written(page: str, name: str, text: str) -> str:
    """A page with a text between its marks of that name.

    Raises:
        ValueError: It has no such marks.
    """
    begin, end = BEGIN.format(name), END.format(name)
    before, first, rest = page.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise ValueError(f"the page has no {begin.strip()} … {end.strip()}")
    return f"{before}{begin}{text}{end}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    command = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="sets, or folders of sets")
    parser.add_argument("--share", type=float, default=0.05, help="of the frames that is picked")
    parser.add_argument("--write", type=Path, help="put the tables into this page")
    options = parser.parse_args(arguments)
    try:
        sets = {folder.name: load(folder) for folder in sets_in(options.data)}
    except (ConftrackError, OSError) as error:
        print(f"measure_review: {error}", file=sys.stderr)
        return 2
    root = Path(__file__).resolve().parents[1]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True
    ).stdout.strip()
    shown = shlex.join(["python", "scripts/measure_review.py", *map(str, command)])
    made = f"\nMade at commit {commit or 'unknown'} by `{shown}`.\n"
    tables = {"frames": frames_table(sets, options.share), "tracks": tracks_table(sets)}
    tables["triage"] = triage_table(sets)
    for name, text in tables.items():
        print(f"{text}{made}")
        if options.write is not None:
            page = options.write.read_text(encoding="utf-8")
            options.write.write_text(written(page, name, f"{text}{made}"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
