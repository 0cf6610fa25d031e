import numpy as np

from tracker.frames import Frame
from tracker.tracks import Tracks
from tracker.video.annotated import AnnotatedVideo
from tracker.video.sources import open_source


def test_every_frame_is_in_the_video(tmp_path):
    sink = AnnotatedVideo(tmp_path / "a.mp4", ["person"], fps=10, preset="ultrafast")
    for i in range(5):
        frame = Frame(np.full((120, 160, 3), 40 * i, np.uint8), 3 + i / 10, i)
        sink.write(frame, None, Tracks.empty(frame.timestamp_s))
    sink.close()
    sink.close()
    assert sink.writer.frames == 5
    with open_source(tmp_path / "a.mp4") as source:
        frames = list(source)
    shades = [float(f.image[20, 80, 0]) for f in frames]
    assert np.allclose(shades, [0, 40, 80, 120, 160], atol=6)
