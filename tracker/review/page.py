"""triage.html: the queue of maybe tracks in one file that needs no network.

In: a `Triage` and the files of `clips`. Out: HTML with styles, crops, clips and drawings inside. It
has the looks of the report of an evaluation, whose styles and drawings it uses.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from tracker.evaluation.report.chart import Band, Chart, Line
from tracker.evaluation.report.svg import drawing
from tracker.review.clips import View
from tracker.review.triage import Triage

__all__ = ["belief_chart", "page"]

_CHART_HEIGHT = 150.0
_LISTED = 500
_TYPES = {".jpg": "image/jpeg", ".mp4": "video/mp4"}


def page(
    result: Triage,
    views: Mapping[int, View],
    folder: Path,
    *,
    queue: Sequence[int] | None = None,
    version: str = "",
    created: str = "",
) -> str:
    """Write the page.

    Args:
        result: The triage.
        views: Crops and clip of tracks, by row; {} without the video.
        folder: What the views are relative to.
        queue: Rows of the tracks to show; None shows the whole queue.
        version: Of this program, for the last line.
        created: When, for the last line.

    Raises:
        OSError: A crop or clip cannot be read.
    """
    shown = result.queue if queue is None else queue
    styles = files("tracker.evaluation.report").joinpath("page.css").read_text(encoding="utf-8")
    here = files("tracker.review")
    own, script = (here.joinpath(n).read_text(encoding="utf-8") for n in ("page.css", "page.js"))
    tips = files("tracker.evaluation.report").joinpath("page.js").read_text(encoding="utf-8")
    title = f"Triage of {result.run.name}"
    cards = "".join(_track(result, k, views.get(k), folder) for k in shown)
    rest = len(result.queue) - len(shown)
    more = f'<p class="soft">{rest:,} more in triage.json.</p>' if rest else ""
    nothing = '<p class="soft">No track is in doubt.</p>' if not result.queue else ""
    body = "".join(
        (
            f"<h1>{escape(title)}</h1>",
            f'<p class="soft what">{escape(result.run.source)} · {len(result.run):,} frames ·'
            f" {len(result.lives):,} tracks</p>",
            _counts(result),
            f"<p>{escape(_rule(result))}</p>",
            "<h2>Maybe: worth a look</h2>",
            '<p class="soft">The most valuable look first. Thick box: detected; thin: predicted.'
            " The strip at the foot of each drawing: orange where it was looked for and not"
            " found.</p>",
            f'<div class="queue">{cards}</div>{more}{nothing}',
            _list(result, "yes"),
            _list(result, "no"),
            f'<footer class="soft">conftrack {escape(version)}{", " if created else ""}'
            f"{escape(created)}. triage.json has every track.</footer>",
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{styles}{own}</style></head>"
        f"<body><main>{body}</main><script>{tips}</script><script>{script}</script></body></html>\n"
    )


def _counts(result: Triage) -> str:
    e = result.expected
    cards = (
        ("yes", f"{e.yes:,}", f"{e.false:.1f} ± {e.false_spread:.1f} of them false"),
        ("maybe", f"{e.maybe:,}", "a look at each"),
        ("no", f"{e.no:,}", f"{e.missed:.1f} ± {e.missed_spread:.1f} of them real"),
        ("expected cost", f"{e.cost:.1f}", f"{e.cost_unseen:.1f} if nobody looked"),
    )
    text = "".join(
        f'<div class="card"><div class="name">{name}</div><div class="value">{value}</div>'
        f'<div class="soft">{escape(what)}</div></div>'
        for name, value, what in cards
    )
    return f'<div class="cards">{text}</div>'


def _rule(result: Triage) -> str:
    """In words: what decided."""
    t, c = result.thresholds, result.costs
    number = "mean existence" if result.run.smoothing else "mean score"
    limits = f"Yes from a probability of {t.yes:.3g} on, no below {t.no:.3g} ({number} of a track)."
    if result.given:
        return (
            f"{limits} By the costs given: a miss {c.miss:g}, a false one {c.false:g}, a look"
            f" {c.review:g}."
        )
    return f"{limits} Costs are counted in looks: a miss {c.miss:.3g}, a false one {c.false:.3g}."


def _track(result: Triage, k: int, view: View | None, folder: Path) -> str:
    """One track of the queue."""
    lives, run = result.lives, result.run
    number, p = int(lives.track_id[k]), float(lives.probability[k])
    first, last = run.timestamp_s[lives.first[k]], run.timestamp_s[lives.last_seen[k]]
    best = float(lives.confidence[k])
    sure = f", confidence at most {best:.2f}"
    if np.isnan(best):
        sure = ", confidence not recorded: run with --save all"
    clip = crops = ""
    if view is not None and view.clip:
        still = f' poster="{_inside(folder / view.still)}"' if view.still else ""
        clip = (
            f'<video src="{_inside(folder / view.clip)}"{still} loop muted playsinline'
            ' preload="none"></video>'
        )
    if view is not None and view.crops:
        crops = f'<img src="{_inside(folder / view.crops)}" alt="track {number} over its life">'
    legend = (
        '<span style="--c:var(--existence)">existence</span>'
        '<span style="--c:var(--tracks)">score</span>'
        + ("" if np.isnan(best) else '<span class="dot">confidence</span>')
    )
    return (
        f'<article class="track" id="track-{number}"><h3>Track {number} <span class="soft">'
        f'{escape(_class(result, k))}</span> <span class="p">P {p:.2f}</span></h3>'
        f'<div class="seen{"" if clip else " alone"}">{clip}<div>{crops}<figure>'
        f'<div class="legend">{legend}</div>'
        f"{drawing(belief_chart(result, k), height=_CHART_HEIGHT)}</figure></div></div>"
        f'<p class="soft">Seen in {int(lives.hits[k])} of {int(lives.boxes[k])} frames,'
        f" {first:.1f} to {last:.1f} s{sure}. Value of a look {float(result.value[k]):.2f}.</p>"
        "</article>"
    )


def belief_chart(result: Triage, k: int) -> Chart:
    """Belief in a track over its life; orange at the foot where it was missed."""
    run, lives = result.run, result.lives
    rows = lives.rows(k)
    times = run.timestamp_s[run.tracks.frame[rows]]
    half = (run.period_s or 0.1) / 2
    missed = times[~run.tracks.seen[rows] & run.looked[run.tracks.frame[rows]]]
    return Chart(
        key=f"belief-{int(lives.track_id[k])}",
        title=f"Belief in track {int(lives.track_id[k])} over time",
        caption="",
        x_label="seconds",
        y_label="",
        x_range=(float(times[0]) - half, float(times[-1]) + half),
        lines=(
            Line("existence", "existence", times, run.tracks.existence[rows]),
            Line("score", "tracks", times, run.tracks.score[rows]),
            Line("confidence", "raw", times, run.tracks.confidence[rows], "points"),
        ),
        bands=tuple(Band("raw", t - half, t + half) for t in missed.tolist()),
    )


def _list(result: Triage, verdict: str) -> str:
    """The tracks of a verdict as a table that is folded in; the least sure first."""
    lives = result.lives
    mine = [k for k, told in enumerate(result.verdict) if told == verdict]
    mine.sort(key=lambda k: -float(result.value[k]))
    rows = "".join(
        f"<tr><td>{int(lives.track_id[k])}</td><td>{escape(_class(result, k))}</td>"
        f"<td>{float(lives.probability[k]):.3f}</td><td>{int(lives.hits[k])}</td>"
        f"<td>{result.run.timestamp_s[lives.first[k]]:.1f}</td>"
        f"<td>{result.run.timestamp_s[lives.last_seen[k]]:.1f}</td></tr>"
        for k in mine[:_LISTED]
    )
    left = f" The first {_LISTED:,}; all are in triage.json." if len(mine) > _LISTED else ""
    head = "".join(f"<th>{t}</th>" for t in ("track", "class", "P", "hits", "from s", "to s"))
    return (
        f"<details><summary>{verdict.capitalize()}: {len(mine):,} tracks, the least sure first."
        f'{left}</summary><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}'
        "</tbody></table></div></details>"
    )


def _class(result: Triage, k: int) -> str:
    number, names = int(result.lives.class_id[k]), result.run.class_names
    return names[number] if number < len(names) else f"class {number}"


def _inside(path: Path) -> str:
    """A file as an address that holds it."""
    return f"data:{_TYPES[path.suffix]};base64,{b64encode(path.read_bytes()).decode()}"
