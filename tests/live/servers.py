"""The servers of `scripts.live_servers`; where one is not installed its tests skip and say so.

What they play is a test picture, or the video that `CONFTRACK_LIVE_VIDEO` names.
"""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from scripts import live_servers
from scripts.live_servers import files, rtsp_url

__all__ = ["VIDEO", "files", "hls", "http_mjpeg", "http_ts", "rtsp", "rtsp_url", "tcp_ts", "udp_ts"]

VIDEO = Path(named) if (named := os.environ.get("CONFTRACK_LIVE_VIDEO")) else None

P = ParamSpec("P")
R = TypeVar("R")


def _or_skip(make: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return make(*args, **kwargs)
        except live_servers.NotInstalledError as error:
            pytest.skip(str(error))

    return made


rtsp = _or_skip(live_servers.rtsp)
http_ts = _or_skip(live_servers.http_ts)
http_mjpeg = _or_skip(live_servers.http_mjpeg)
tcp_ts = _or_skip(live_servers.tcp_ts)
udp_ts = _or_skip(live_servers.udp_ts)
hls = _or_skip(live_servers.hls)
