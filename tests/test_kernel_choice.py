"""Who chooses between the compiled kernels and NumPy, and what happens where there is no choice."""

import os
import subprocess
import sys

import pytest

from tests.built import BUILT, needs_kernels
from tracker import ConfigError, kernels


def test_unknown_wishes_are_refused():
    with pytest.raises(ConfigError, match="got 'fast'"):
        kernels.load("fast")


def test_numpy_can_be_asked_for():
    assert kernels.load("numpy") is None


def test_kernels_that_are_not_built(monkeypatch):
    monkeypatch.setitem(sys.modules, "tracker._kernels", None)
    assert kernels.load("auto") is None
    with pytest.raises(ConfigError, match="not built"):
        kernels.load("compiled")


@pytest.mark.parametrize("wish", ["numpy", "auto", pytest.param("compiled", marks=needs_kernels)])
def test_the_environment_chooses(wish):
    code = "import tracker.kernels as k; print(k.COMPILED, k.native is not None)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "CONFTRACK_KERNELS": wish},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = wish != "numpy" and BUILT is not None
    assert done.stdout.split() == [str(expected)] * 2
