"""Keeps the memory of a process that runs for months flat.

Pictures of a megabyte come and go between small things that stay for minutes, such as the pages of
the evidence ledger. glibc learns to take such blocks from the heap, where what stays between them
keeps the holes from being used again: a megabyte a frame was lost that way until the ledger was
full. With a fixed threshold, large blocks are mapped and given back one by one.
"""

from __future__ import annotations

import ctypes

__all__ = ["give_large_blocks_back"]

# malloc.h of glibc.
_M_MMAP_THRESHOLD = -3
_LARGE = 256 * 1024


def give_large_blocks_back() -> bool:
    """Map blocks of 256 kB and more one by one; False where the system has no such call."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc: its trouble is not there either
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE))
