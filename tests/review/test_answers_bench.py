"""What docs say of answers holds on real data, where there is any.

Runs where the environment variable CONFTRACK_BENCH names a folder with `data_dev`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.review.answers import figures_of, judged_table, load, naive, taught
from tracker.calibration.fitting import by_answers

BENCH = Path(os.environ.get("CONFTRACK_BENCH", ".")) / "data_dev"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("CONFTRACK_BENCH" not in os.environ, reason="CONFTRACK_BENCH is not set"),
]


def test_answers_make_it_truer_and_the_answered_alone_do_not() -> None:
    parts = load(BENCH / "vtest_fastestdet")
    nothing = figures_of(parts, lambda _: None)
    corrected = figures_of(parts, taught(parts, 50, 0.0, by_answers))
    score, loss, existence, existence_loss = corrected[:4]
    assert existence < 0.7 * nothing[2]
    assert existence_loss < 0.7 * nothing[3]
    assert (score, loss) < (nothing[0] + 0.005, nothing[1])
    other = load(BENCH / "vtest_ssdlite")
    alone = figures_of(other, taught(other, 50, 0.0, naive))
    mine = figures_of(other, taught(other, 50, 0.0, by_answers))
    assert mine[2] < 0.2 * alone[2]


@pytest.mark.parametrize("name", ["mot15_acf", "mot17"])
def test_what_answers_tell_of_a_run_is_true(name: str) -> None:
    cells = judged_table([BENCH / name]).splitlines()[2].strip("| ").split(" | ")
    numbers = [float(cell) for cell in cells[3:-1]]
    for k in (0, 3, 6):
        true, told, alone = numbers[k : k + 3]
        assert abs(told - true) < 0.02
        assert abs(alone - true) > 3 * abs(told - true)
    assert int(cells[-1].rstrip("%")) >= 85
