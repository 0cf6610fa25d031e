import struct
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tracker.errors import InputError, SourceError
from tracker.video.sources import file_of, open_source

VARIABLE = [0.0, 0.04, 0.1, 0.5, 0.52, 0.9, 1.7, 1.733, 2.0, 2.5, 2.54, 3.0, 3.3, 3.301, 3.9]


def read(path, **choice):
    with open_source(path, **choice) as source:
        frames = [(round(f.timestamp_s, 6), f.index, f.image) for f in source]
    return source, frames


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_variable_frame_rate_keeps_the_times_of_the_container(tmp_path, make_video, number, suffix):
    path = make_video(tmp_path / f"v.{suffix}", VARIABLE)
    source, frames = read(path)
    assert [t for t, _, _ in frames] == VARIABLE
    assert [i for _, i, _ in frames] == list(range(len(VARIABLE)))
    assert [number(image) for _, _, image in frames] == list(range(len(VARIABLE)))
    assert source.damage == []
    assert not source.live


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi"])
def test_whole_file(constant_rate, number, kind):
    source, frames = read(constant_rate[kind])
    assert [number(image) for _, _, image in frames] == list(range(60))
    assert [t for t, _, _ in frames] == pytest.approx([i / 10 for i in range(60)], abs=1e-5)
    assert [i for _, i, _ in frames] == list(range(60))
    assert source.damage == []
    assert source.fps == pytest.approx(10)
    assert (source.width, source.height) == (64, 48)
    assert source.duration_s == pytest.approx(6.0, abs=0.11)
    assert source.frame_count in (60, 61)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("start", [0.1, 1.15, 1.2, 1.3, 2.4, 5.85])
def test_start_and_stop_are_exact(constant_rate, number, kind, start):
    first = int(np.ceil(start * 10 - 1e-6))
    source, frames = read(constant_rate[kind], start_s=start, stop_s=5.9)
    assert [number(image) for _, _, image in frames] == list(range(first, 59))
    assert [t for t, _, _ in frames] == pytest.approx([i / 10 for i in range(first, 59)], abs=1e-5)
    assert [i for _, i, _ in frames] == list(range(first, 59))
    assert source.damage == []
    assert source.duration_s == pytest.approx(5.9 - start, abs=0.01)


@pytest.mark.parametrize("start", [0.3, 1.0, 1.72, 2.52, 3.3])
def test_frame_numbers_after_a_seek_are_exact_at_variable_rate(tmp_path, make_video, number, start):
    path = make_video(tmp_path / "v.mp4", VARIABLE, gop=4)
    _, frames = read(path, start_s=start)
    assert [i for _, i, _ in frames] == [i for i, t in enumerate(VARIABLE) if t >= start]
    assert [number(image) for _, _, image in frames] == [i for _, i, _ in frames]


def test_every_counts_from_the_first_chosen_frame(constant_rate):
    source, frames = read(constant_rate["mp4"], start_s=1.0, stop_s=3.0, every=7)
    assert [i for _, i, _ in frames] == [10, 17, 24]
    assert source.frame_count == 3


def test_start_after_the_end_gives_no_frames(constant_rate):
    source, frames = read(constant_rate["mp4"], start_s=100.0)
    assert frames == []
    assert source.frame_count == 0


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"every": 0}, "every must be"),
        ({"every": 1.5}, "every must be"),
        ({"start_s": -1}, "start_s must be"),
        ({"start_s": float("nan")}, "start_s must be"),
        ({"start_s": 3, "stop_s": 3}, "must be after start_s"),
    ],
)
def test_bad_choices(constant_rate, choice, message):
    with pytest.raises(InputError, match=message):
        open_source(constant_rate["mp4"], **choice)


def set_rotation(path: Path, degrees: int) -> None:
    """Write a display matrix into the track header, as phones do."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    a, b, c, d = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[degrees]
    struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize(("degrees", "turns"), [(90, -1), (180, 2), (270, 1)])
def test_rotation_of_phone_videos_is_applied(tmp_path, make_video, picture, degrees, turns):
    path = make_video(tmp_path / "phone.mp4", [0.0, 0.1], numbers=[200, 201])
    set_rotation(path, degrees)
    source, frames = read(path)
    upright = np.rot90(picture(200), turns)
    assert frames[0][2].shape == upright.shape
    assert (source.height, source.width) == upright.shape[:2]
    assert np.abs(frames[0][2].astype(int) - upright).mean() < 12
    assert frames[0][2].flags["C_CONTIGUOUS"]


def test_odd_size(tmp_path, make_video, number):
    path = make_video(
        tmp_path / "odd.mkv", [0, 0.1, 0.2], codec="ffv1", size=(67, 45), pix_fmt="yuv444p"
    )
    source, frames = read(path)
    assert (source.width, source.height) == (67, 45)
    assert [f[2].shape for f in frames] == [(45, 67, 3)] * 3
    assert [number(f[2]) for f in frames] == [0, 1, 2]


def test_colours_are_rgb(tmp_path):
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 255
    path = tmp_path / "red.mp4"
    from tracker.video.writer import VideoWriter

    with VideoWriter(path) as writer:
        writer.write(red, 0.0)
    _, frames = read(path)
    assert frames[0][2][24, 32].tolist() == pytest.approx([255, 0, 0], abs=12)


# -- damage ----------------------------------------------------------------------------------


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    out = path.with_name(f"cut{path.suffix}")
    out.write_bytes(data[: int(len(data) * share)])
    return out


def test_truncated_avi_is_told_by_its_promise(tmp_path, make_video, number):
    whole = make_video(
        tmp_path / "m.avi",
        [i / 10 for i in range(40)],
        codec="mjpeg",
        pix_fmt="yuvj420p",
        ticks=None,
    )
    source, frames = read(cut(whole, 0.5))
    assert 10 < len(frames) < 30
    assert [number(f[2]) for f in frames[:-1]] == list(range(len(frames) - 1))
    truncated = [d for d in source.damage if d.reason == "truncated"]
    assert len(truncated) == 1
    assert truncated[0].timestamp_s == frames[-1][0]
    assert "of 40 promised frames" in truncated[0].detail
    assert f"{truncated[0].timestamp_s:.3f} s" in str(truncated[0])


def test_truncated_mp4_with_index_in_front(tmp_path, make_video, number):
    whole = make_video(
        tmp_path / "m.mp4", [i / 10 for i in range(60)], movflags="faststart", size=(320, 240)
    )
    source, frames = read(cut(whole, 0.7))
    assert 5 < len(frames) < 60
    assert [number(f[2]) for f in frames[:5]] == list(range(5))
    assert [d.reason for d in source.damage].count("truncated") == 1


def test_truncated_mkv(tmp_path, make_video):
    whole = make_video(tmp_path / "m.mkv", [i / 10 for i in range(60)])
    source, frames = read(cut(whole, 0.6))
    assert 5 < len(frames) < 60
    assert "truncated" in [d.reason for d in source.damage]


def test_stopping_early_is_no_damage(constant_rate):
    source, frames = read(constant_rate["mp4"], stop_s=1.0)
    assert len(frames) == 10
    assert source.damage == []


def test_mp4_without_index_says_what_happened(constant_rate):
    with pytest.raises(SourceError, match="index is missing"):
        open_source(cut(constant_rate["mp4"], 0.5))


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_corruption_in_the_middle_is_passed_over(tmp_path, make_video, number, suffix):
    codec = {"mp4": "libx264", "avi": "mpeg4"}[suffix]
    path = make_video(
        tmp_path / f"c.{suffix}",
        [i / 10 for i in range(80)],
        codec=codec,
        size=(320, 240),
        gop=10,
        options={},
        ticks=None,
    )
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for position, size in packets[30:34]:
        data[position + 4 : position + size] = rng.bytes(size - 4)
    path.write_bytes(data)
    source, frames = read(path)
    assert [number(f[2]) for f in frames[:25]] == list(range(25))
    assert [number(f[2]) for f in frames[-25:]] == list(range(55, 80))
    assert [i for _, i, _ in frames[-25:]] == list(range(55, 80))
    assert [t for t, _, _ in frames[-25:]] == pytest.approx([i / 10 for i in range(55, 80)])
    corrupt = [d for d in source.damage if d.reason == "corrupt"]
    assert corrupt
    assert 2.0 <= corrupt[0].timestamp_s <= 4.0
    assert "truncated" not in [d.reason for d in source.damage]


def test_joined_recordings_go_forward_in_time(tmp_path, make_video):
    times = [i / 10 for i in range(30)]
    one = make_video(tmp_path / "a.ts", times, ticks=90_000)
    both = tmp_path / "b.ts"
    both.write_bytes(one.read_bytes() * 2)
    source, frames = read(both)
    stamps = np.array([t for t, _, _ in frames])
    assert len(frames) >= 55
    assert (np.diff(stamps) > 0).all()
    assert np.diff(stamps).max() < 0.5
    assert "timestamps" in [d.reason for d in source.damage]


def test_missing_timestamps_are_interpolated_and_told(tmp_path, make_video, number):
    path = make_video(tmp_path / "raw.h264", [i / 10 for i in range(20)], muxer="h264", ticks=None)
    source, frames = read(path)
    stamps = np.array([t for t, _, _ in frames])
    assert [number(f[2]) for f in frames] == list(range(20))
    assert (np.diff(stamps) > 0).all()
    (note,) = (d for d in source.damage if d.reason == "timestamps")
    assert note.count >= 19
    assert "truncated" not in [d.reason for d in source.damage]


# -- what is no video ------------------------------------------------------------------------


def test_no_such_file(tmp_path):
    with pytest.raises(SourceError, match=r"no such video.*nothing\.mp4"):
        open_source(tmp_path / "nothing.mp4")
    with pytest.raises(SourceError, match="use a glob"):
        open_source(tmp_path / "img%04d.png")


def test_empty_file(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(SourceError, match="0 bytes"):
        open_source(path)


def test_text_file(tmp_path):
    path = tmp_path / "words.mp4"
    path.write_text("no video at all\n" * 100)
    with pytest.raises(SourceError, match="is it a video"):
        open_source(path)


def test_audio_only(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 4000), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="holds no video, only audio"):
        open_source(path)


def test_a_song_with_a_cover_is_no_video(tmp_path, picture):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=44100, layout="mono")
        for i in range(20):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1152), np.int16), format="s16p", layout="mono"
            )
            frame.sample_rate, frame.pts = 44100, 1152 * i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    cover = b"\0image/png\0\x03\0" + cv2.imencode(".png", picture(1))[1].tobytes()
    tag = b"APIC" + struct.pack(">IH", len(cover), 0) + cover
    size = bytes((len(tag) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + size + tag + path.read_bytes())
    with av.open(str(path)) as container:
        assert container.streams.video
    with pytest.raises(SourceError, match="holds no video, only audio"):
        open_source(path)


def test_a_long_last_frame_is_no_damage(tmp_path, picture):
    from tracker.video.writer import VideoWriter

    with VideoWriter(tmp_path / "slow.mp4", fps=0.1) as writer:
        for at in (0.0, 0.1, 0.2):
            writer.write(picture(0), at)
    for start in (None, 0.1):
        source, frames = read(tmp_path / "slow.mp4", start_s=start)
        assert source.duration_s > 9
        assert len(frames) == 3 - (start is not None)
        assert source.damage == []


# -- life of a source ------------------------------------------------------------------------


def test_read_once_and_close_often(constant_rate):
    source = open_source(str(constant_rate["mp4"]))
    frames = iter(source)
    next(frames)
    with pytest.raises(SourceError, match="once"):
        iter(source)
    source.close()
    source.close()
    assert list(frames) == []
    with pytest.raises(SourceError, match="closed"):
        iter(source)


def test_closed_by_another_thread_while_it_is_read(constant_rate):
    source = open_source(constant_rate["mp4"])
    begun, got = threading.Event(), []

    def read_slowly():
        for frame in source:
            got.append(frame.index)
            begun.set()
            time.sleep(0.05)  # three seconds for all of it

    reader = threading.Thread(target=read_slowly)
    reader.start()
    assert begun.wait(20)
    source.close()
    reader.join(20)
    assert not reader.is_alive()
    assert 0 < len(got) < 60


def test_file_url(constant_rate):
    _, frames = read(constant_rate["mp4"].as_uri())
    assert len(frames) == 60


def test_repr_has_size_and_rate(constant_rate):
    with open_source(constant_rate["avi"]) as source:
        assert "64x48, 10 fps" in repr(source)


@pytest.mark.parametrize(
    ("url", "windows", "path"),
    [
        ("file:///data/a%20b.mp4", False, "/data/a b.mp4"),
        ("file://localhost/data/a%23b.mp4", False, "/data/a#b.mp4"),
        ("FILE:///C:/films/a%20b.mp4", True, "C:/films/a b.mp4"),
        ("file:///c|/films/a.mp4", True, "c:/films/a.mp4"),
        ("file://D:/films/a.mp4", True, "D:/films/a.mp4"),
        ("file://nas/films/a.mp4", True, "//nas/films/a.mp4"),
        ("file:///C:/odd/but/posix.mp4", False, "/C:/odd/but/posix.mp4"),
    ],
)
def test_file_addresses_on_both_kinds_of_system(url, windows, path):
    assert file_of(url, windows=windows) == path


def test_a_file_address_of_another_machine():
    with pytest.raises(SourceError, match=r"another machine: give file:///PATH"):
        file_of("file://nas/films/a.mp4", windows=False)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("start", [5.95, 30.0, 1e6])
def test_a_start_beyond_the_end_still_tells_where_the_end_is(constant_rate, kind, start):
    with open_source(constant_rate[kind], start_s=start) as source:
        assert list(source) == []
        assert source.last_s == pytest.approx(5.9, abs=1e-3)
