"""What the tracker believes, as a recording that the Rerun viewer shows.

```
frame, detections, tracks ──> RerunLog ──> layers    picture, detections, boxes by state
                              (log.py)     plots     existence and score, a line a track
                                           changes   what happened to the believed tracks
                                           layout    how the viewer opens
launch ──> a viewer, for this machine only           page   the same for a browser
```

The library (`rerun-sdk`, extra `robotics`) is imported when the first log is opened.
"""

from tracker.viewer.launch import Viewer
from tracker.viewer.log import RerunLog

__all__ = ["RerunLog", "Viewer"]
