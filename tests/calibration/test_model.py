"""The file of a calibration: written and read, and what is refused."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import ConfigError, TrackerConfig
from tracker.calibration import (
    About,
    Calibration,
    Constants,
    LogOddsMap,
    Scene,
    ScoreModel,
    load,
    names,
)
from tracker.calibration.toml import to_toml
from tracker.clutter import ClutterMap
from tracker.ground import GroundModel

finite = st.floats(allow_nan=False)
values = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    finite,
    st.lists(finite, max_size=40),
    st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=30),
)
keys = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1)


def ground() -> GroundModel:
    model = GroundModel()
    box = np.array([[90.0, 100.0, 130.0, 200.0], [90.0, 100.0, 110.0, 150.0]])
    for _ in range(20):
        model.learn(box, np.array([0, 2]), np.ones(2), look_s=0.1, dt_s=0.1, image_size=(640, 480))
    return model


def full() -> Calibration:
    mean = np.zeros((256, 256))
    mean[3, 4], mean[200, 7] = 2.0, 0.5
    return Calibration(
        confidence=ScoreModel(
            "isotonic", knots=((0.1, 0.02), (0.9, 0.97)), evidence_offset=-1.0, evidence_scale=1.4
        ),
        constants=Constants(birth=0.1, gain=0.5),
        existence=LogOddsMap(-0.5, 0.8, 1.2),
        score_seen=LogOddsMap(0.1, 0.9, 0.9),
        score_coasted=LogOddsMap(0.2, 1.1, 0.7),
        scene=Scene.learned(mean, 24.0, ground(), 120.0),
        about=About(
            detector='a "good" one', sequences=("a", "b"), frames=12, real_tracks=3.5, note="ä\n"
        ),
    )


@given(st.dictionaries(keys, st.one_of(values, st.dictionaries(keys, values, max_size=3))))
def test_toml_is_read_back(table):
    assert tomllib.loads(to_toml(table)) == table


@pytest.mark.parametrize("calibration", [Calibration(), full()])
def test_a_file_is_read_back(calibration, tmp_path):
    calibration.save(tmp_path / "cal.toml")
    again = Calibration.from_toml(tmp_path / "cal.toml")
    assert again == calibration
    assert Calibration.from_dict(calibration.to_dict()) == calibration
    assert load(tmp_path / "cal.toml") == calibration
    lines = (tmp_path / "cal.toml").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 100


def test_what_is_not_fitted_is_not_written():
    assert Calibration().to_dict() == {"version": 1, "about": {}}
    assert Calibration().is_identity
    assert not replace(Calibration(), constants=Constants(gain=0.6)).is_identity


def test_a_scene_is_what_was_learned():
    clutter, learned = ClutterMap(), GroundModel()
    full().scene.begin(clutter, learned)
    known = ground()
    assert learned.height(110, 180) == pytest.approx(known.height(110, 180), rel=1e-3)
    foot = np.array([[4.5 * 24 - 5, 0, 4.5 * 24 + 5, 3.5 * 24]])  # cell (row 3, column 4)
    # 120 s of a recording that has half of its say after 60 s
    expected = clutter.config.weight * np.log1p(2.0 * 120 / 180 / clutter.config.scale_s)
    for _ in range(2):
        assert clutter.against(foot)[0] == pytest.approx(expected, rel=1e-3)
        clutter.fade(1e6)  # it lasts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 1\n[confidnce]", r'unknown key "confidnce"; did you mean "confidence"\?'),
        ("version = 1\n[existence]\nslope = 1", 'unknown key "existence.slope"'),
        ("version = 1\n[constants]\nbirht = 0.1", 'unknown key "constants.birht"; did you mean'),
        ("version = 1\n[constants]\nbirth = 2.0", "birth must be"),
        ("version = 1\n[existence]\nlow = 0.0", "low must be"),
        ("version = 1\nexistence = 3", '"existence" must be a table'),
        ("version = 1\n[about]\nframes = 'x'", "about.frames must be a number"),
        ("version = 1\n[about]\nsequences = 'x'", "about.sequences must be a list"),
        ("version = 1\n[about]\ndata = 3", "about.data must be text"),
        ("version = 1\n[scene]\nplace = [1]", "1 places"),
        ("version = 1\n[scene]\nplace = [70000]\nseconds = [1.0]", "places of clutter must be in"),
        ("version = 1\n[scene]\nplace = [7]\nseconds = [-1.0]", "at least 0"),
        ("version = 1\n[scene]\nwatched_s = -1", "watched_s must be"),
        ("version = 1\n[scene.ground]\nxz = []", 'unknown key "scene.ground.xz"'),
        ("version = 1\n[scene.ground]\nxx = []", "scene.ground lacks"),
        (
            "version = 1\n[scene.ground]\nxx = []\nxy = []\nn = [1.0]\nrss = []\nseen = []",
            "ground.rss must have shape",
        ),
        ("version = 2", "version must be 1, got 2"),
        ("fuser = 'raw'", "version must be 1, got None: is it a calibration"),
        ("= 3", "not valid TOML"),
    ],
)
def test_files_that_are_none(text, message, tmp_path):
    path = tmp_path / "cal.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        load(path)
    assert str(error.value).startswith(str(path))


def test_neither_name_nor_file():
    with pytest.raises(FileNotFoundError, match="none of the packaged calibrations"):
        load("nothing-like-it")


def test_packaged_ones_load():
    for name in names():
        about = load(name).about
        assert all((about.data, about.licence, about.command, about.detector, about.method))
        assert about.counted_as > 0


def test_constants_replace_those_of_the_settings():
    config = full().applied(TrackerConfig())
    assert (config.existence.birth, config.existence.gain) == (0.1, 0.5)
    assert config.existence.miss == TrackerConfig().existence.miss


def test_thresholds_are_moved_to_where_they_are_told():
    calibration = Calibration(
        existence=LogOddsMap(offset=-1.0), score_coasted=LogOddsMap(low=2.0, high=2.0)
    )
    inside = calibration.inside(TrackerConfig())
    told = calibration.existence.of_probability(
        np.array([inside.existence.confirm_at, inside.existence.release_at])
    )
    np.testing.assert_allclose(told, [0.8, 0.5], atol=1e-9)
    lost = calibration.score_coasted.of_probability(np.array([inside.score.lost_below]))
    assert lost[0] == pytest.approx(TrackerConfig().score.lost_below)


def test_what_is_never_told_confirms_at_the_ceiling():
    timid = Calibration(existence=LogOddsMap(offset=-9.0))
    config = TrackerConfig()
    assert timid.inside(config).existence.confirm_at == config.existence.ceiling


def test_a_settings_file_names_it(tmp_path):
    full().save(tmp_path / "cal.toml")
    path = tmp_path / "my.toml"
    path.write_text('calibration = "cal.toml"\n')
    config = TrackerConfig.from_toml(path)
    assert Path(config.calibration) == tmp_path / "cal.toml"
    assert load(config.calibration) == full()
    path.write_text('calibration = "packaged-name"\n')
    assert TrackerConfig.from_toml(path).calibration == "packaged-name"
    path.write_text("calibration = 3\n")
    with pytest.raises(ConfigError, match="calibration must be text"):
        TrackerConfig.from_toml(path)


def test_where_existence_and_score_meet_is_in_the_file(tmp_path):
    plain = Calibration(consistent=True)
    assert plain.meet_at == 1.0
    assert "meet_at" not in plain.to_dict()
    # As older files have it: existence is raised all the way.
    assert Calibration.from_dict({"version": 1, "consistent": True}) == plain
    between = Calibration(consistent=True, meet_at=0.85)
    between.save(tmp_path / "c.toml")
    assert Calibration.from_toml(tmp_path / "c.toml") == between
    config = TrackerConfig().score
    assert (plain.agreement(config), between.agreement(config)) == (1.0, 0.85)
    for wrong in (1.5, -0.1, True, "much"):
        with pytest.raises(ConfigError, match="meet_at must be a number in"):
            Calibration(consistent=True, meet_at=wrong)
