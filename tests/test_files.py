"""A file under its own name is a whole one."""

import os

import pytest

from tracker.files import Closing, put_in_place, unfinished, write_whole


class Thing(Closing):
    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1


def test_a_thing_is_closed_when_its_block_ends_or_breaks():
    with Thing() as whole:
        assert whole.closed == 0
    broken = Thing()
    with pytest.raises(ZeroDivisionError), broken:
        raise ZeroDivisionError
    assert (whole.closed, broken.closed) == (1, 1)


def test_writing_replaces_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a.json"
    for text in ("first\n", "größer\n"):
        write_whole(path, text)
        assert path.read_bytes() == text.encode()
    assert os.listdir(tmp_path) == ["a.json"]


def test_what_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_whole(path, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_put_in_place(tmp_path):
    path = tmp_path / "deep.name.csv"
    unfinished(path).write_text("x")
    path.write_text("y")
    put_in_place(unfinished(path), path)
    assert path.read_text() == "x"
    assert not unfinished(path).exists()
