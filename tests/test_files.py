"""A file under its own name is a whole one."""

import os

import pytest

from tracker.errors import InputError
from tracker.files import (
    Closing,
    WholePieces,
    put_all_in_place,
    put_in_place,
    unfinished,
    write_whole,
)


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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_names_the_file_and_takes_no_more():
    with WholePieces("/dev/full", "out/tracks.csv") as file:
        with pytest.raises(OSError, match="No space left") as caught:
            file.append("a\n")
        assert caught.value.filename == "out/tracks.csv"
        assert file.broken
        with pytest.raises(InputError, match=r"out/tracks\.csv could not be written before"):
            file.append("b\n")
    with pytest.raises(InputError, match="is closed"):
        file.append("c\n")


def test_a_piece_is_in_the_file_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.jsonl"
    with WholePieces(path) as file:
        file.append("größer\n")
        raw, file._file = file._file, Filling(file._file, room=3)
        with pytest.raises(OSError, match="No space left"):
            file.append("second\n")
        file._file = raw
    assert path.read_text() == "größer\n"


class Filling:
    """A file on a disk that has so many bytes left."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, data):
        if not self._room:
            raise OSError(28, "No space left on device")
        done = self._file.write(data[: min(2, self._room)])
        self._room -= done
        return done

    def __getattr__(self, name):
        return getattr(self._file, name)


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


@pytest.fixture(name="three")
def _three(tmp_path):
    """Three new files, and the names they get; the last is not taken yet."""
    (tmp_path / "new").mkdir()
    pairs = [(tmp_path / "new" / name, tmp_path / name) for name in "abc"]
    for finished, path in pairs:
        finished.write_text(f"new {path.name}")
    for _, path in pairs[:2]:
        path.write_text(f"old {path.name}")
    return pairs


def no_links(*_):
    raise OSError(95, "Operation not supported")


@pytest.mark.parametrize("links", [True, False])
def test_all_are_put_in_place(three, tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    put_all_in_place(three)
    assert [path.read_text() for _, path in three] == ["new a", "new b", "new c"]
    assert os.listdir(tmp_path / "new") == []


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize("of", ["fsync", "replace"])
def test_one_that_fails_brings_the_others_back(three, tmp_path, monkeypatch, of, failing, links):
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    works, calls = getattr(os, of), []
    moves = [str(finished) for finished, _ in three]

    def full(*given):
        if of == "fsync" or str(given[0]) in moves:
            calls.append(given)
            if len(calls) == failing:
                raise OSError(28, "No space left on device")
        return works(*given)

    monkeypatch.setattr(os, of, full)
    with pytest.raises(OSError, match="No space"):
        put_all_in_place(three)
    assert len(calls) == failing
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "new"]
    assert [path.read_text() for _, path in three[:2]] == ["old a", "old b"]
    assert not [name for name in os.listdir(tmp_path / "new") if "before" in name]
