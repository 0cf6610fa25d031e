"""The state of a live system as Prometheus reads it.

In comes what `LiveSystem.health` gives; out goes text in the exposition format 0.0.4. Counters
only grow while the process lives; names and labels are described in docs/live.md and tested.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

__all__ = ["exposition"]

_STATES = ("connecting", "up", "frozen", "black", "down", "ended")
_EVENTS = ("confirmed", "lost", "class_changed")

# Name, kind, help, and the key of a camera's health.
_OF_CAMERAS: tuple[tuple[str, str, str, str], ...] = (
    ("frames_received_total", "counter", "Frames that came.", "received"),
    ("frames_looked_total", "counter", "Frames that the detector looked at.", "looked"),
    ("frames_dropped_total", "counter", "Frames overtaken by newer ones.", "dropped"),
    ("frames_skipped_total", "counter", "Frames left out by max_fps.", "skipped"),
    ("decode_errors_total", "counter", "Packets and frames not decoded.", "decode_errors"),
    ("detector_errors_total", "counter", "Frames the detector failed at.", "detector_errors"),
    ("reconnects_total", "counter", "Connections after the first.", "reconnects"),
    ("connections_hanging", "gauge", "Connections given up that hang.", "hanging"),
    ("clock_jumps_total", "counter", "Jumps of the stream's clock.", "clock_jumps"),
    ("size_changes_total", "counter", "Changes of the size of the picture.", "size_changes"),
    ("frames_per_second_received", "gauge", "Over the last 5 s.", "fps_in"),
    ("frames_per_second_looked", "gauge", "Over the last 5 s.", "fps_looked"),
)
_OF_OUTLETS: tuple[tuple[str, str, str, str], ...] = (
    ("outlet_delivered_total", "counter", "Items that arrived.", "delivered"),
    ("outlet_dropped_total", "counter", "Items the queue could not hold.", "dropped"),
    ("outlet_rejected_total", "counter", "Items that were refused.", "rejected"),
    ("outlet_failures_total", "counter", "Tries that failed.", "failures"),
    ("outlet_waiting", "gauge", "Items in the queue.", "waiting"),
)

Sample = tuple[dict[str, str], float]


def exposition(health: dict[str, Any]) -> str:
    """The text to serve at /metrics.

    Args:
        health: As `LiveSystem.health` gives it.
    """
    cameras, outlets = health["cameras"], health["outlets"]
    blocks = [
        _block("up", "gauge", "1 if the process is looking.", [({}, float(health["alive"]))]),
        _block(
            "camera_state",
            "gauge",
            "1 for the state a camera is in.",
            (
                ({"camera": c["camera"], "state": state}, float(c["state"] == state))
                for c in cameras
                for state in _STATES
            ),
        ),
        *(
            _block(name, kind, about, (({"camera": c["camera"]}, c[key]) for c in cameras))
            for name, kind, about, key in _OF_CAMERAS
        ),
        _block(
            "frames_not_looked_total",
            "counter",
            "Frames that showed nothing new, by why.",
            (
                ({"camera": c["camera"], "reason": why}, c["not_looked"].get(why, 0))
                for c in cameras
                for why in ("duplicate", "frozen", "black", "corrupt")
            ),
        ),
        _block(
            "latency_seconds",
            "gauge",
            "From capture to result, quantiles of the last 200 looks.",
            (
                ({"camera": c["camera"], "quantile": quantile}, c["latency_s"][key])
                for c in cameras
                for quantile, key in (("0.5", "p50"), ("0.95", "p95"))
                if c["latency_s"][key] is not None  # before the first look
            ),
        ),
        _block(
            "tracks",
            "gauge",
            "Living tracks by state.",
            (
                ({"camera": c["camera"], "state": state}, count)
                for c in cameras
                for state, count in c["tracks"].items()
            ),
        ),
        _block(
            "events_total",
            "counter",
            "Events by kind.",
            (
                ({"camera": c["camera"], "event": event}, c["events"].get(event, 0))
                for c in cameras
                for event in _EVENTS
            ),
        ),
        *(
            _block(name, kind, about, (({"outlet": o["outlet"]}, o[key]) for o in outlets))
            for name, kind, about, key in _OF_OUTLETS
        ),
        _block(
            "detector_seconds_per_frame",
            "gauge",
            "Work for one frame, lately.",
            [({}, health["detector"]["ms_per_frame"] / 1000)],
        ),
        *_process(),
    ]
    return "".join(blocks)


def _block(name: str, kind: str, about: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP conftrack_{name} {about}", f"# TYPE conftrack_{name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"conftrack_{name}{{{inside}}} {value:.17g}" if inside
                     else f"conftrack_{name} {value:.17g}")  # fmt: skip
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _process() -> list[str]:
    """Memory and open files, where the system tells (Linux)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        files = len(os.listdir("/proc/self/fd"))
    except (OSError, ValueError, IndexError):
        return []
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    return [
        _block("resident_memory_bytes", "gauge", "Memory of the process.", [({}, float(memory))]),
        _block("open_files", "gauge", "Open files of the process.", [({}, float(files))]),
    ]
