"""The optional compiled kernels; everything else about the package is in pyproject.toml.

Where there is no C compiler the package installs without them and runs the NumPy functions that
they stand for, see `tracker.kernels`.
"""

import os
import sys

from setuptools import Extension, setup

# A product and a sum must not be joined into one rounding: the kernels round as NumPy does.
FLAGS = [] if os.name == "nt" else ["-std=c99", "-ffp-contract=off", "-O2"]

KERNELS = Extension(
    "tracker._kernels",
    ["tracker/_kernels.c"],
    define_macros=[("Py_LIMITED_API", "0x030b0000")],
    extra_compile_args=FLAGS,
    libraries=[] if os.name == "nt" else ["m"],
    py_limited_api=True,
    optional=True,
)

setup(
    # The kernels take row numbers as int64, which NumPy makes on 64-bit systems.
    ext_modules=[KERNELS] if sys.maxsize > 2**32 else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
