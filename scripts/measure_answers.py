"""What answers are worth, with simulated reviewers who know the truth: two tables.

    python scripts/measure_answers.py DATA [DATA ...] [--write docs]

DATA is a set, or a folder of sets, in the layout of `scripts/benchmark_quality.py`.

The first table, for docs/calibration.md: what `conftrack calibrate --answers` fits to. A set is cut
into thirds (of one sequence: halves), each judged with what was fitted to the others. Of these the
most valuable tracks in doubt are asked about, as `conftrack review` does of smoothed runs, with or
without audits; naive is a fit to the answered tracks alone. Figures are those of all boxes with all
of the truth: score, existence.

The second, for docs/evaluate.md: what `conftrack evaluate --answers` tells of the longest run of
each set beside what is true, means over draws of the audits; alone is what the answered tracks are
by themselves.
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

from scripts.measure_review import written
from scripts.quality.running import sets_in
from scripts.review.answers import answers_table, judged_table
from tracker import ConftrackError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    command = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="sets, or folders of sets")
    parser.add_argument("--write", type=Path, help="put the tables into the pages of this folder")
    options = parser.parse_args(arguments)
    try:
        folders = sets_in(options.data)
        tables = {
            ("evaluate.md", "answers-judged"): judged_table(folders),
            ("calibration.md", "answers"): answers_table(folders),
        }
    except (ConftrackError, OSError) as error:
        print(f"measure_answers: {error}", file=sys.stderr)
        return 2
    root = Path(__file__).resolve().parents[1]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True
    ).stdout.strip()
    shown = shlex.join(["python", "scripts/measure_answers.py", *map(str, command)])
    made = f"\nMade at commit {commit or 'unknown'} by `{shown}`.\n"
    for (name, mark), text in tables.items():
        print(f"{text}{made}")
        if options.write is not None:
            path = options.write / name
            page = written(path.read_text(encoding="utf-8"), mark, f"{text}{made}")
            path.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
