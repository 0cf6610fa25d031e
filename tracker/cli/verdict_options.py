"""The options that say where yes, maybe and no part, of `triage` and `review`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tracker.errors import InputError

if TYPE_CHECKING:
    from tracker.review.decisions import Costs, Thresholds

__all__ = ["CostFalse", "CostMiss", "CostReview", "No", "Yes", "decided_by"]

_YES, _NO = 0.9, 0.1
_THRESHOLDS, _COSTS = "By thresholds", "By costs"

Yes = Annotated[
    float | None,
    typer.Option(
        help="Probability from which a track is taken for real.",
        min=0.0,
        max=1.0,
        show_default=f"{_YES}",
        rich_help_panel=_THRESHOLDS,
    ),
]
No = Annotated[
    float | None,
    typer.Option(
        help="Probability below which it is not.",
        min=0.0,
        max=1.0,
        show_default=f"{_NO}",
        rich_help_panel=_THRESHOLDS,
    ),
]
CostMiss = Annotated[
    float | None,
    typer.Option(
        help="What it costs to say no to a real object.",
        show_default=False,
        rich_help_panel=_COSTS,
    ),
]
CostFalse = Annotated[
    float | None,
    typer.Option(
        help="What it costs to say yes to a false one.",
        show_default=False,
        rich_help_panel=_COSTS,
    ),
]
CostReview = Annotated[
    float | None,
    typer.Option(
        help="What a person's look costs, in the same unit.",
        show_default=False,
        rich_help_panel=_COSTS,
    ),
]


def decided_by(
    yes: float | None,
    no: float | None,
    cost_miss: float | None,
    cost_false: float | None,
    cost_review: float | None,
) -> tuple[Thresholds | None, Costs | None]:
    """What decides: thresholds, or costs.

    Raises:
        InputError: Both were given, some of the costs only, or values that cannot be.
    """
    from tracker.review.decisions import Costs, Thresholds

    costs = (cost_miss, cost_false, cost_review)
    if all(cost is None for cost in costs):
        return Thresholds(_YES if yes is None else yes, _NO if no is None else no), None
    if yes is not None or no is not None:
        raise InputError("give --yes and --no, or costs: the costs say where the thresholds are")
    if cost_miss is None or cost_false is None or cost_review is None:
        raise InputError("give all of --cost-miss, --cost-false and --cost-review")
    return None, Costs(cost_miss, cost_false, cost_review)
