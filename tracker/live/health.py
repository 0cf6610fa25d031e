"""How the cameras and outlets are, as plain values: for the terminal, `/healthz`, measures, a page.

In come the parts of a running system; out go dictionaries without secrets. Reading them stops
nobody.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracker.live.camera import LiveCamera
from tracker.live.outlets.base import Outlet

__all__ = ["health_of", "outlet_of"]

# States in which a camera does what it is there for.
WELL = ("up", "ended")


def health_of(camera: LiveCamera, now_s: float) -> dict[str, Any]:
    """One camera, in numbers; docs/live.md describes every key.

    Args:
        camera: Of a running system.
        now_s: The present on its time line.
    """
    reader, counts = camera.reader, camera.counts
    recent = np.array(tuple(counts.recent_latency_s))
    since = None if counts.last_look_s is None else round(now_s - counts.last_look_s, 3)
    # The frames of a file that waits for the detector have times of their own.
    captured = camera.view.captured_s if camera.settings.policy == "newest" else None
    state = camera.state
    return {
        "camera": camera.name,
        "source": reader.shown,
        "state": state,
        "why": reader.why,
        "well": state in WELL,
        "size": camera.view.size,
        "fps_in": round(counts.arriving.told(now_s), 2),
        "fps_looked": round(counts.looking.told(now_s), 2),
        "received": counts.received,
        "looked": counts.looked,
        "dropped": camera.slot.dropped,
        "skipped": counts.skipped,
        "not_looked": dict(counts.verdicts),
        "decode_errors": reader.errors + counts.unreadable,
        "detector_errors": counts.detector_errors,
        "latency_s": {
            key: round(float(np.quantile(recent, share)), 4) if len(recent) else None
            for key, share in (("p50", 0.5), ("p95", 0.95))
        },
        "since_look_s": since,
        "picture_age_s": None if captured is None else round(max(0.0, now_s - captured), 3),
        "reconnects": max(0, reader.connects - 1),
        "failures": reader.failures,
        "hanging": reader.left_behind,
        "restart_s": None if reader.restart_s is None else round(reader.restart_s, 3),
        "clock_jumps": counts.clock_jumps,
        "size_changes": counts.size_changes,
        "tracks": camera.view.counts(),
        "events": dict(counts.events),
    }


def outlet_of(outlet: Outlet[Any]) -> dict[str, Any]:
    """One outlet, in numbers."""
    counts = outlet.counts()
    return {
        "outlet": outlet.name,
        "delivered": counts.delivered,
        "dropped": counts.dropped,
        "rejected": counts.rejected,
        "failures": counts.failures,
        "waiting": counts.waiting,
        "trouble": counts.trouble,
    }
