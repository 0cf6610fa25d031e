"""How long it takes until a track is believed: seconds and frames, by confidence and frame rate.

    python scripts/confirmation_delay.py [--config NAME] [--calibration NAME] [--at 0.5]
    python scripts/confirmation_delay.py --write docs/robotics.md

The equations are those of the tracker (`tracker.existence`), followed look by look for one object
that the detector finds in every frame with the same confidence, until its existence reaches what
confirms a track. Nothing else is at work: no neighbour that it might be a double of, no map of
clutter. `--at` asks for another existence than the one that confirms; `--hits 3 --of 4` for an
object that is found in three frames of four. `--write` puts the table of the default settings into
a page, between its marks; run it after changing a constant.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tracker import ExistenceFilter, TrackerConfig, existence, presets
from tracker.calibration import Calibration, load
from tracker.config import ExistenceConfig

__all__ = ["Delay", "Detector", "delay", "least_share", "main", "table", "written"]

CONFIDENCES = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
RATES = (5.0, 10.0, 15.0, 30.0)
MOVING_RATE, WIDTHS_PER_S = 10.0, 2.0
LIMIT_S = 30.0
BEGIN, END = "<!-- delays -->\n", "<!-- /delays -->\n"


@dataclass(frozen=True)
class Detector:
    """What looks at the object, and what is made of it.

    Attributes:
        config: Constants of the belief.
        calibration: What its confidences are worth.
        hits, of: It finds the object in the first so many of so many frames.
    """

    config: ExistenceConfig = field(default_factory=ExistenceConfig)
    calibration: Calibration = field(default_factory=Calibration)
    hits: int = 1
    of: int = 1

    def log_ratio(self, confidence: float) -> float:
        """What a look in full at this confidence adds to the log-odds."""
        raw = np.array([confidence])
        model = self.calibration.confidence
        evidence = existence.logit(raw) if model.is_identity else model.evidence(raw)
        bounded = float(existence.bounded_evidence(evidence, self.config)[0])
        return self.config.gain * (bounded - existence.log_odds_of(self.config.neutral_confidence))


@dataclass(frozen=True)
class Delay:
    """When a track is believed.

    Attributes:
        seconds: From the first frame in which it was found; None: never.
        frames: Frames until then, the first one included.
        most: The largest existence until then.
    """

    seconds: float | None
    frames: int
    most: float

    def __str__(self) -> str:
        """As it stands in the table."""
        if self.seconds is None:
            return f"never ({self.most:.2f})"
        return f"{self.seconds:.1f} s ({self.frames})"


def delay(
    confidence: float, fps: float, detector: Detector, *, widths_per_s: float = 0.0,
    moved_widths: float = 1.0,
) -> Delay:  # fmt: skip
    """Follow the belief in one object.

    Args:
        confidence: Of every detection of it.
        fps: Frames a second.
        detector: What looks at it.
        widths_per_s: How fast it moves, in widths of its box.
        moved_widths: So far it must be from its start to count as moved.
    """
    ratio = detector.log_ratio(confidence)
    belief = ExistenceFilter(detector.config)
    belief.birth(log_ratio=[ratio])
    told = detector.calibration.existence.of_probability
    most, frames = float(told(belief.existence)[0]), 1
    while not (belief.confirmed[0] or belief.overdue[0]) and frames < LIMIT_S * fps:
        moved = widths_per_s * frames / fps > moved_widths
        hit = frames % detector.of < detector.hits
        belief.update([hit], dt_s=1 / fps, log_ratio=[ratio], moved=[moved])
        most, frames = max(most, float(told(belief.existence)[0])), frames + 1
    return Delay((frames - 1) / fps if belief.confirmed[0] else None, frames, most)


def least_share(confidence: float, fps: float, detector: Detector) -> float | None:
    """In which share of its frames an object must be found to be believed in the long run.

    From the limit of the equation: with n looks that are not yet faded, their mean evidence x̄ must
    reach (ℓ − ℓ0) (1 + ρ (n − 1)) / (g n), where hits bring x and misses −miss.

    Returns:
        The share; None where even all frames are not enough.
    """
    config = detector.config
    dt_s = 1 / fps
    share = existence.look_share(min(dt_s, config.longest_look_s), config)
    looks = share / (1 - existence.faded(dt_s, config))
    wanted = existence.log_odds_of(config.confirm_at) - existence.log_odds_of(config.birth)
    mean = wanted * (1 + config.correlation * max(looks - 1, 0)) / (config.gain * looks)
    hit = detector.log_ratio(confidence) / config.gain
    least = (mean + config.miss) / (hit + config.miss)
    return least if hit > 0 and least <= 1 else None


def table(detector: Detector, moved_widths: float = 1.0) -> str:
    """All of it as Markdown."""
    rates = [f"{rate:g} frames/s" for rate in RATES]
    heads = ["confidence", *rates, f"moving, {MOVING_RATE:g} frames/s", "least share of hits"]
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    for confidence in CONFIDENCES:
        standing = [str(delay(confidence, rate, detector)) for rate in RATES]
        moving = delay(
            confidence,
            MOVING_RATE,
            detector,
            widths_per_s=WIDTHS_PER_S,
            moved_widths=moved_widths,
        )
        share = least_share(confidence, MOVING_RATE, detector)
        least = "–" if share is None else f"{100 * share:.0f} %"
        lines.append(" | ".join([f"{confidence:g}", *standing, str(moving), least]))
    return "".join(f"| {line} |\n" for line in lines)


def written(page: str, text: str) -> str:
    """A page with the text between its marks.

    Raises:
        ValueError: It has no such marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN.strip()} … {END.strip()}")
    return f"{before}{BEGIN}{text}{END}{after}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, print the table or write it into a page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="", help="settings: a file or a packaged name")
    parser.add_argument("--calibration", help="a calibration: a file or a packaged name")
    parser.add_argument("--at", type=float, help="existence that is waited for")
    parser.add_argument("--hits", type=int, default=1, help="found in so many frames …")
    parser.add_argument("--of", type=int, default=1, help="… of so many")
    parser.add_argument("--write", type=Path, help="put the defaults' table into this page")
    given = parser.parse_args(arguments)
    if given.write is not None:
        if given.config or given.calibration or given.at or given.hits != given.of:
            parser.error("--write is for the default settings")
        page = given.write.read_text(encoding="utf-8")
        given.write.write_text(written(page, table(Detector())), encoding="utf-8")
        return
    if not 1 <= given.hits <= given.of:
        parser.error("--hits must be from 1 to --of")
    settings = presets.load(given.config) if given.config else TrackerConfig()
    if given.at is not None:
        sure = replace(
            settings.existence,
            confirm_at=given.at,
            release_at=min(settings.existence.release_at, given.at),
        )
        settings = replace(settings, existence=sure)
    name = given.calibration or settings.calibration
    calibration = load(name) if name else Calibration()
    settings = calibration.inside(calibration.applied(settings))
    detector = Detector(settings.existence, calibration, given.hits, given.of)
    print(table(detector, settings.clutter.moved_widths), end="")


if __name__ == "__main__":
    main()
