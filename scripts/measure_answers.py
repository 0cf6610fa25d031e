"""What `conftrack calibrate --answers` is worth, with reviewers who know the truth: a table.

    python scripts/measure_answers.py DATA [DATA ...] [--write docs/calibration.md]

DATA is a set, or a folder of sets, in the layout of `scripts/benchmark_quality.py`. Each sequence
is judged with what was fitted to other thirds of its set; a set of one sequence is cut into halves.
Of the others the most valuable tracks in doubt are asked about, as `conftrack review` does of
smoothed runs, with or without audits; naive is a fit to the answered tracks alone. Figures are
those of all boxes with all of the truth: score, existence.
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
from scripts.review.answers import answers_table
from tracker import ConftrackError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    command = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="sets, or folders of sets")
    parser.add_argument("--write", type=Path, help="put the table into this page")
    options = parser.parse_args(arguments)
    try:
        text = answers_table(sets_in(options.data))
    except (ConftrackError, OSError) as error:
        print(f"measure_answers: {error}", file=sys.stderr)
        return 2
    root = Path(__file__).resolve().parents[1]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True
    ).stdout.strip()
    shown = shlex.join(["python", "scripts/measure_answers.py", *map(str, command)])
    text += f"\nMade at commit {commit or 'unknown'} by `{shown}`.\n"
    print(text)
    if options.write is not None:
        page = options.write.read_text(encoding="utf-8")
        options.write.write_text(written(page, "answers", text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
