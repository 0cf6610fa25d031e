"""The compiled kernels, where they are built and wanted.

An update is some two hundred small NumPy calls, and for few objects nearly all of its time is the
overhead of calling. The steps of an update therefore have twins in C (`_kernels.c`). Each NumPy
function that has one looks here for it at every call; it stays the reference, and runs where
nothing is built. Both give the same ids and states, and the same numbers to about twelve digits.

The environment variable `CONFTRACK_KERNELS` chooses, once, at import: `auto` (the default:
compiled where built), `compiled` (an error where not built) or `numpy`. `COMPILED` says which run.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from tracker.errors import ConfigError

__all__ = ["COMPILED", "Kernels", "load", "native"]

Array = NDArray[Any]


class Kernels(Protocol):
    """The functions of `tracker._kernels`, with lengths and types as their arrays must have them.

    All arrays are C-contiguous; N tracks, M detections. Outputs are arrays that the caller made.

    Raises:
        ValueError: An array of another type, length or width; the message names it.
        IndexError: A row number outside the array it points into.
        BufferError: An array that is not contiguous, or is read-only and should be written to.
    """

    def all_good(
        self, xyxy: Array, confidence: Array, class_id: Array, furthest_px: float, /
    ) -> bool:
        """Twin of `tracker.detections._all_good`, but for class vectors."""
        ...

    def believe(
        self, rows: Array, match: Array, weight: Array, telling: Array, hidden: Array,
        cxcywh: Array, evidence: Array, against: Array, standing: Array, old: int, fade: float,
        share: float, first_share: float, now_s: float, looked_s: float, neutral: float,
        surest: float, miss: float, gain: float, correlation: float, prior: float, moved: float,
        floor: float, ceiling: float, confirm_at: float, release_at: float, moved_widths: float,
        stand_s: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.belief.believe`; writes `rows`, `weight` and `standing`."""
        ...

    def born(
        self, old_rows: Array, old_motion: Array, new: Array, cxcywh: Array, confidence: Array,
        rows: Array, motion: Array, next_id: int, looks_before: int, now_s: float,
        strong_confidence: float, noise_weak: float, noise_strong: float, velocity2: float,
        least_height: float, size_ratio: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.births.born`; writes `rows` and `motion`."""
        ...

    def candidates(
        self, rows: Array, motion: Array, order: Array, xyxy: Array, cxcywh: Array,
        confidence: Array, strong_confidence: float, iou_strong: float, iou_weak: float,
        mahalanobis2: float, confidence_offset: float, believed: float, noise_weak: float,
        noise_strong: float, /,
    ) -> bytes:  # fmt: skip
        """Twin of `tracker.association.candidates`.

        `order` sorts the detections by left edge. The columns of the pairs come one after the
        other, 8 bytes a value: track, detection, tier (all int64) and similarity (float64).
        """
        ...

    def clutter(
        self, cells: Array, xyxy: Array, against: Array, half: float, whole: float, scale: float,
        weight: float, most: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.clutter.ClutterMap.against`; adds to `against`.

        `half` and `whole` turn sums of two and one pixels into cells, `scale` what they hold into
        hits in units of `scale_s`.
        """
        ...

    def correct(
        self, state: Array, match: Array, cxcywh: Array, confidence: Array, noise_weak: float,
        noise_strong: float, least_height: float, size_ratio: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.motion.correct_matched`; changes `state`."""
        ...

    def columns(
        self, rows: Array, motion: Array, match: Array, source: Array, evidence: Array,
        against: Array, xyxy: Array, velocity: Array, covariance: Array, earned: Array,
        existence: Array, score: Array, state: Array, detection: Array, consistent: bool,
        confidence_weight: float, existence_weight: float, bias: float,
        coast_existence_weight: float, coast_bias: float,
        coast_uncertainty_weight: float, coast_hidden_weight: float, lost_below: float,
        agreement: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.output.columns`; writes the arrays from `xyxy` to `detection`."""
        ...

    def doubles(
        self, order: Array, xyxy: Array, evidence: Array, class_id: Array, against: Array,
        weight: float, iou: float, much: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.doubles.against_doubles`; writes `against`.

        `order` sorts the detections by left edge.
        """
        ...

    def ground_against(
        self, known: Array, xyxy: Array, class_id: Array, against: Array, unit_px: float,
        weight: float, most: float, enough_s: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.ground.GroundModel.against`; adds to `against`."""
        ...

    def ground_learn(
        self, known: Array, learned: Array, seen: Array, picture: Array, xyxy: Array,
        class_id: Array, score: Array, prior: Array, seen_is_rim: bool, margin_px: float,
        look_s: float, faded: float, unit_px: float, least_score: float, far: float,
        furthest: float, limit: float, least_pivot: float, prior_rss: float, prior_s: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.ground.GroundModel.learn`; writes `learned`, adds to `seen`."""
        ...

    def observe(
        self, order: Array, given_xyxy: Array, given_confidence: Array, given_class_id: Array,
        xyxy: Array, cxcywh: Array, confidence: Array, class_id: Array, /,
    ) -> bool:  # fmt: skip
        """Twin of `tracker.observation.observe`; writes the last four.

        Whether two neighbours in `order` are alike sure.
        """
        ...

    def visibility(
        self, rows: Array, motion: Array, match: Array, order: Array, xyxy: Array, hidden: Array,
        inside: Array, telling: Array, loss: float, small_px: float, width: float, height: float, /,
    ) -> None:  # fmt: skip
        """Twin of `tracker.visibility.visibility`; writes `hidden`, `inside` and `telling`.

        `order` sorts the detections by left edge; a width of 0 says that there is no size.
        """
        ...


def load(wish: str) -> Kernels | None:
    """The compiled kernels, None where the NumPy functions are to run.

    Args:
        wish: `"auto"`, `"compiled"` or `"numpy"`.

    Raises:
        ConfigError: Another wish, or `"compiled"` where they are not built.
    """
    if wish not in ("auto", "compiled", "numpy"):
        raise ConfigError(f'CONFTRACK_KERNELS must be "auto", "compiled" or "numpy", got {wish!r}')
    if wish == "numpy":
        return None
    try:
        return cast(Kernels, importlib.import_module("tracker._kernels"))
    except ImportError as error:
        if wish == "compiled":
            raise ConfigError(
                "CONFTRACK_KERNELS=compiled, but the compiled kernels are not built"
                f" ({error}). Install a C compiler and the package again, or unset the variable"
            ) from error
        return None


native = load(os.environ.get("CONFTRACK_KERNELS", "auto"))
COMPILED = native is not None
