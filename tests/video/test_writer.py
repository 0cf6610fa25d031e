import subprocess
import sys
import textwrap
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.errors import InputError, SourceError
from tracker.video.sources import open_source
from tracker.video.writer import VideoWriter

TIMES = [5.0, 5.04, 5.1, 5.5, 5.52, 6.7]


def frames_of(path):
    with open_source(path) as source:
        frames = list(source)
        assert source.damage == []
    return frames


def test_times_and_frames_come_back(tmp_path, picture, number):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, fps=25) as writer:
        for i, time in enumerate(TIMES):
            writer.write(picture(i), time)
        assert not path.exists()
    frames = frames_of(path)
    assert [f.timestamp_s for f in frames] == pytest.approx([t - 5 for t in TIMES], abs=1e-4)
    assert [number(f.image) for f in frames] == list(range(6))
    assert (writer.frames, writer.start_s, writer.notes) == (6, 5.0, [])
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert not video.codec_context.has_b_frames
        # The last frame shows for one nominal period.
        assert float(video.duration * video.time_base) == pytest.approx(1.7 + 0.04, abs=0.005)
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_index_is_in_front(tmp_path, picture):
    path = tmp_path / "out.mp4"
    with VideoWriter(path) as writer:
        for i in range(30):
            writer.write(picture(i), i / 25)
    data = path.read_bytes()
    assert data[4:8] == b"ftyp"
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_file_is_complete_after_an_exception(tmp_path, picture, number, error):
    path = tmp_path / "out.mp4"

    def fail():
        with VideoWriter(path) as writer:
            for i in range(7):
                writer.write(picture(i), i / 10)
            raise error

    with pytest.raises(error):
        fail()
    assert [number(f.image) for f in frames_of(path)] == list(range(7))


def test_a_killed_process_leaves_a_playable_part(tmp_path):
    script = """
        import os, signal, sys
        import numpy as np
        from tracker.video.writer import VideoWriter
        writer = VideoWriter(sys.argv[1], fps=2, preset="ultrafast")
        noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
        for i in range(120):
            writer.write(np.roll(noise, i, axis=1), i / 10)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    path = tmp_path / "out.mp4"
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)], check=False)
    assert run.returncode == -9
    assert not path.exists()
    with open_source(tmp_path / "out.part.mp4") as source:
        assert len(list(source)) > 30


def test_odd_sides_are_padded_and_said(tmp_path):
    image = np.full((45, 67, 3), 200, np.uint8)
    with VideoWriter(tmp_path / "odd.mp4") as writer:
        writer.write(image, 0.0)
    assert writer.notes == ["padded by one pixel from 67x45 to 68x46: H.264 needs even sides"]
    (frame,) = frames_of(tmp_path / "odd.mp4")
    assert frame.image.shape == (46, 68, 3)
    assert np.abs(frame.image.astype(int) - 200).max() < 12


def test_another_size_is_fitted_in_and_said(tmp_path):
    white = 255 * np.ones((48, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(white, 0.0)
        writer.write(255 * np.ones((96, 32, 3), np.uint8), 0.1)
        writer.write(white[::2, ::2], 0.2)
    _, tall, small = frames_of(tmp_path / "out.mp4")
    assert tall.image.shape == (48, 64, 3)
    assert tall.image[:, :20].max() < 40
    assert tall.image[:, 28:36].min() > 215
    assert small.image.min() > 215
    assert writer.notes == [
        "frames of 32x96 fitted into 64x48",
        "frames of 32x24 fitted into 64x48",
    ]


def test_given_size(tmp_path, picture):
    with VideoWriter(tmp_path / "out.mp4", width=32, height=24) as writer:
        writer.write(picture(1), 0.0)
    assert frames_of(tmp_path / "out.mp4")[0].image.shape == (24, 32, 3)


def test_views_and_read_only_arrays(tmp_path, picture, number):
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(picture(3)[::-1], 0.0)
        writer.write(np.asfortranarray(picture(4)), 0.1)
    assert [number(f.image) for f in frames_of(tmp_path / "out.mp4")] == [3, 4]


def test_two_times_in_one_tick(tmp_path, picture):
    with VideoWriter(tmp_path / "out.mp4") as writer:
        for i in range(3):
            writer.write(picture(i), 1.0 + i * 1e-7)
    assert len(frames_of(tmp_path / "out.mp4")) == 3


def test_no_frames_no_file(tmp_path):
    with VideoWriter(tmp_path / "out.mp4") as writer:
        pass
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_is_replaced_only_at_the_end(tmp_path, picture):
    path = tmp_path / "out.mp4"
    path.write_text("old")
    with VideoWriter(path) as writer:
        writer.write(picture(0), 0.0)
        assert path.read_text() == "old"
    assert len(frames_of(path)) == 1


def test_bad_input(tmp_path, picture):
    with pytest.raises(InputError, match=r"\.mp4"):
        VideoWriter(tmp_path / "out.gif")
    with pytest.raises(SourceError, match="no folder"):
        VideoWriter(tmp_path / "no" / "out.mp4")
    for bad in ({"crf": 60}, {"fps": 0}, {"width": 0}, {"preset": "warp"}):
        with pytest.raises(InputError, match=next(iter(bad))):
            VideoWriter(tmp_path / "out.mp4", **bad)
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(picture(0), 1.0)
        with pytest.raises(InputError, match="not after"):
            writer.write(picture(0), 0.5)
        with pytest.raises(InputError, match="finite"):
            writer.write(picture(0), float("nan"))
        with pytest.raises(InputError, match="uint8"):
            writer.write(picture(0).astype(float), 2.0)
        writer.write(picture(1), 2.0)
    with pytest.raises(SourceError, match="closed"):
        writer.write(picture(0), 3.0)
    assert len(frames_of(tmp_path / "out.mp4")) == 2


def test_a_full_disk_is_an_error_and_no_crash(tmp_path):
    # /dev/full takes nothing: writing to it fails like writing to a full disk.
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    writer = VideoWriter(tmp_path / "never.mp4")
    writer._part = Path("/dev/full")
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)

    def fill_disk():
        for i in range(300):
            writer.write(noise, i)

    with pytest.raises(SourceError, match="No space left"):
        fill_disk()
    with pytest.raises(SourceError, match="cannot finish"):
        writer.close()
    writer.close()
