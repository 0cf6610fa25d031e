"""What several tests compare results with."""

import numpy as np

from tracker import Tracks


def assert_same(a: Tracks, b: Tracks, *, but: tuple[str, ...] = ()) -> None:
    """Bit for bit."""
    for name in Tracks.__dataclass_fields__:
        if name not in but:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
