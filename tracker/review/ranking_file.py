"""ranking.json: which frames were picked, in what order, and why.

In: a `Ranking`. Out: the JSON object that docs/review.md describes, from which a script can take
the frames without reading anything else.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tracker.review.ranking import Ranking

__all__ = ["to_json"]

SCHEMA, VERSION = "conftrack.ranking", 1


def to_json(
    ranking: Ranking, *, options: dict[str, Any], created: str | None = None
) -> dict[str, Any]:
    """The content of ranking.json.

    Args:
        ranking: The frames.
        options: What was asked for.
        created: ISO 8601 time; None is now.
    """
    runs = ranking.runs
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "created": created or datetime.now(UTC).isoformat(timespec="seconds"),
        "by": ranking.by,
        "higher_first": ranking.higher_first,
        "candidates": ranking.candidates,
        "told_apart_by": list(ranking.looks),
        "options": options,
        "runs": [{"name": run.name, "source": run.source, "frames": len(run)} for run in runs],
        "frames": [
            {
                "rank": number,
                "run": pick.run,
                "frame": int(runs[pick.run].frame[pick.position]),
                "timestamp_s": round(float(runs[pick.run].timestamp_s[pick.position]), 6),
                # NaN is no JSON: a frame without boxes has no entropy.
                "value": round(pick.value, 6) if pick.value == pick.value else None,
                "tracks": {name: list(ids) for name, ids in asdict(pick.reasons).items()},
            }
            for number, pick in enumerate(ranking.picks, 1)
        ],
    }
