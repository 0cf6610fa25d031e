"""Tracks as they are seen afterwards: existence, score and boxes given past and future.

A tracker answers at once, and what it says of a frame it says without knowing what comes. Where
there is time, the future is the best witness: what flickers was never there, what stays was there
from its first frame, and a box between two detections is known better than one that is predicted.

```
tracker.update ──▶ Recorder.add ──▶ smooth ──▶ a Tracks for every frame     files
tracker.update ──▶ LagSmoother.add ──▶ the Tracks of half a second ago      streams
```

Boxes are those of a Rauch-Tung-Striebel smoother (`rts`) over the tracker's own motion filter;
existence and score join the looks of both directions of time (`evidence`). Ends of tracks that are
surely one object are joined (`stitching`).

Example:
    >>> from tracker import Detections, Tracker
    >>> from tracker.smoothing import Recorder, smooth
    >>> tracker, recorder = Tracker(), Recorder()
    >>> for k in range(30):
    ...     detections = Detections([[10 + k, 20, 50 + k, 120]], [0.8])
    ...     recorder.add(detections, tracker.update(detections, timestamp_s=k / 30))
    >>> [bool(tracks.confirmed[0]) for tracks in smooth(recorder)][:3]
    [True, True, True]
"""

from tracker.smoothing.lag import LagSmoother
from tracker.smoothing.recording import Recorder, Records
from tracker.smoothing.result import Smoothed
from tracker.smoothing.whole import smooth

__all__ = ["LagSmoother", "Recorder", "Records", "Smoothed", "smooth"]
