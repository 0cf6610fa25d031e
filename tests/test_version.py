"""A version that says where it is from."""

import tomllib
from pathlib import Path

import pytest

from tracker.version import version_of_source

ROOT = Path(__file__).parents[1]


def test_a_clone_goes_by_its_own_pyproject():
    named = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert version_of_source(ROOT) == f"{named['version']}+source"


@pytest.mark.parametrize(
    "text",
    [None, "not toml", "[tool]\n", '[project]\nname = "other"\nversion = "9"\n',
     '[project]\nname = "conftrack"\n'],
)  # fmt: skip
def test_what_is_no_clone_of_this_has_no_version(tmp_path, text):
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    assert version_of_source(tmp_path) == "0+unknown"
