"""What large pictures leave behind between small things that stay: nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A process of its own: what the C library has learnt about sizes stays with a process.
PICTURES = """
import os, sys, threading
from pathlib import Path

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

if sys.argv[1] == "live":
    from tests.live.fakes import Opener, SquareDetector, refused
    from tracker.live.settings import CameraSettings, LiveSettings
    from tracker.live.system import LiveSystem

    stop = threading.Event()
    stop.set()
    cameras = {"a": CameraSettings(source="rtsp://h/x")}
    LiveSystem(SquareDetector(), LiveSettings(cameras=cameras), opener=Opener(refused())).run(stop)
# After a few pictures have come and gone glibc takes their like from the heap, if it is let.
for _ in range(4):
    bytearray(b"x") * 3_000_000
before = resident_mb()
pictures, stays = [], []
for _ in range(64):
    pictures.append(bytearray(b"x") * 1_000_000)
    stays.append(bytearray(b"x") * 50_000)
pictures.clear()
print(resident_mb() - before)
"""


def left_mb(how: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PICTURES, how], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return float(done.stdout)


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="this system does not tell its memory"
)
def test_a_running_system_gives_the_memory_of_pictures_back():
    """64 pictures of a megabyte, each followed by something small that stays for minutes."""
    kept = left_mb("plain")
    if kept < 30:
        pytest.skip("this C library gives it back by itself")
    assert left_mb("live") < 8
