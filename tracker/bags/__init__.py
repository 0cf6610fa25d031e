"""Bags of robots: ROS 2 (MCAP, sqlite3) and ROS 1 in, ROS 2 in MCAP out; no ROS installation.

```
container ──> reading.BagSource ──> pipeline ──> writing.BagWriter
  bytes          frames, headers      tracks        messages
```

What a message means is in `messages`, `images` and `annotations`: functions on objects with
attributes, which live nodes use too. Needs the extra `robotics`; docs/bags.md describes the topics.
"""

from __future__ import annotations

from tracker.bags.container import Container, RawMessage, Topic, open_container
from tracker.bags.labels import Labels
from tracker.bags.message_detector import MessageDetector
from tracker.bags.reading import BagFrame, BagSource
from tracker.bags.topics import choose_topic, read_labels, use_of
from tracker.bags.writing import BagWriter

__all__ = [
    "BagFrame",
    "BagSource",
    "BagWriter",
    "Container",
    "Labels",
    "MessageDetector",
    "RawMessage",
    "Topic",
    "choose_topic",
    "open_container",
    "read_labels",
    "use_of",
]
