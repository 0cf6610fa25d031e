"""Settings of live cameras: files, names, secrets, mistakes."""

import pytest

from tracker.errors import ConfigError, InputError
from tracker.live.connections import ends, shown
from tracker.live.settings import CameraSettings, named_sources, read_settings


def read(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text)
    return read_settings(path)


def test_without_a_file_it_is_the_packaged_camera():
    settings, tracker = read_settings()
    assert not settings.cameras
    assert tracker.on_backward_time == "reset"
    assert read_settings("default")[1].on_backward_time == "error"


def test_what_all_have_each_may_have_otherwise(tmp_path):
    settings, _ = read(
        tmp_path,
        '[live]\ntimeout_s = 3\ntick_s = 1.0\n[cameras]\na = "0"\n'
        '[cameras.b]\nsource = "1"\ntimeout_s = 4\n',
    )
    assert settings.tick_s == 1.0
    assert settings.cameras["a"].timeout_s == 3
    assert settings.cameras["b"].timeout_s == 4
    assert settings.common.timeout_s == 3


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[cameras.a]\n", "source"),
        ('[cameras.a]\nsource = "${NOT_THERE_AT_ALL}"\n', "NOT_THERE_AT_ALL"),
        ("[live]\ntimeot_s = 1\n", '"timeout_s"'),
        ("[live]\ntimeout_s = -1\n", "above 0"),
        ('[live]\nsource = "0"\n', "cameras.NAME"),
        ("[events]\nlost_fr_s = 1\n", '"lost_for_s"'),
        ("[outlets]\nqueue = 0\n", "at least 1"),
        ("[existence]\nconfrm_at = 0.7\n", '"confirm_at"'),
        ('[cameras."a b"]\nsource = "0"\n', "letters"),
        ("cameras = 3\n", "table"),
        ("not toml", "c.toml"),
    ],
)
def test_mistakes_name_the_file_and_the_way_out(tmp_path, text, word):
    with pytest.raises((ConfigError, InputError)) as caught:
        read(tmp_path, text)
    assert word in str(caught.value)
    assert "c.toml" in str(caught.value)


def test_names_are_made_without_secrets():
    words = ["rtsp://me:hunter2@cam/x?token=hunter2", "0", "a.mp4", "a.mp4"]
    assert list(named_sources(words)) == ["cam-x", "camera-0", "a", "a-2"]
    with pytest.raises(InputError):
        named_sources(["a="])


def test_calibrations_are_found_beside_their_settings(tmp_path):
    settings, tracker = read(
        tmp_path, 'calibration = "all.toml"\n[cameras.a]\nsource = "0"\ncalibration = "a.toml"\n'
    )
    assert tracker.calibration == str(tmp_path / "all.toml")
    assert settings.cameras["a"].calibration == str(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("source", "does"),
    [("0", False), ("/dev/video1", False), ("a.mp4", True), ("file:///a.mp4", True),
     ("rtsp://h/x", False), ("http://h/x.mp4", False)],
)  # fmt: skip
def test_what_ends(source, does):
    assert ends(CameraSettings(source=source)) is does


def test_a_source_is_shown_without_its_secrets():
    assert shown(CameraSettings(source="rtsp://me:hunter2@h/x")) == "rtsp://***@h/x"
