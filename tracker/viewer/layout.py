"""How the viewer opens: picture and events above, existence and score below.

Out goes a blueprint, which the viewer takes unless its user has made one of their own.
"""

from __future__ import annotations

from typing import Any

from tracker.viewer.optional import import_rerun
from tracker.viewer.stream import CAPTURE_TIME

__all__ = ["SHOWN_S", "layout"]

SHOWN_S = 15.0
"""The plots show so many seconds before and after the moment in the picture."""


def layout() -> Any:
    """The blueprint.

    Raises:
        MissingExtraError: `rerun-sdk` is not installed.
    """
    rrb = import_rerun("rerun.blueprint")
    boundary = rrb.TimeRangeBoundary.cursor_relative
    shown = rrb.VisibleTimeRange(
        CAPTURE_TIME, start=boundary(seconds=-SHOWN_S), end=boundary(seconds=SHOWN_S)
    )

    def plot(name: str) -> Any:
        return rrb.TimeSeriesView(
            origin=f"/{name}",
            name=name,
            # A probability: the axis is the same for every track and does not move.
            axis_y=rrb.ScalarAxis(range=(-0.02, 1.02), zoom_lock=True),
            plot_legend=rrb.PlotLegend(rrb.Corner2D.RightTop),
            time_ranges=[shown],
        )

    return rrb.Blueprint(
        rrb.Vertical(
            rrb.Horizontal(
                rrb.Spatial2DView(origin="/camera", name="camera"),
                rrb.TextLogView(origin="/events", name="events"),
                column_shares=[3, 2],
            ),
            rrb.Tabs(plot("existence"), plot("score"), name="belief"),
            row_shares=[3, 2],
        ),
        rrb.TimePanel(timeline=CAPTURE_TIME, state="collapsed"),
        auto_views=False,
        collapse_panels=True,
    )
