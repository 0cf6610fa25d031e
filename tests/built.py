"""The compiled kernels, where they are built; tests that need them skip where they are not."""

import pytest

from tracker import ConfigError, kernels

try:
    BUILT = kernels.load("compiled")
except ConfigError as error:
    BUILT = None
    REASON = str(error)
else:
    REASON = ""

needs_kernels = pytest.mark.skipif(BUILT is None, reason=REASON)
