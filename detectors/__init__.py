"""Detectors for `tracker`: Faster R-CNN with full class vectors, and recorded detections.

```python
import detectors

detector = detectors.load("fasterrcnn_resnet50_fpn_v2", device="auto", score_threshold=0.05)
for detections in detector.detect(frames): ...
```

Importing this package imports no torch; `load` does.
"""

from __future__ import annotations

from detectors.base import Detector, ModelInfo, available, load, register

__all__ = ["Detector", "ModelInfo", "available", "load", "register"]
