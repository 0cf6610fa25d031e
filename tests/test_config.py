import importlib.util
import itertools
import math
import tomllib
from dataclasses import fields, is_dataclass, replace
from importlib import resources
from pathlib import Path

import pytest

from tracker import ConfigError, ExistenceConfig, MotionConfig, Tracker, TrackerConfig, presets

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"


def test_default_toml_is_up_to_date():
    """After a change of a default or a description: python scripts/write_configs.py."""
    path = ROOT / "scripts" / "write_configs.py"
    spec = importlib.util.spec_from_file_location("write_configs", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (CONFIGS / "default.toml").read_text(encoding="utf-8") == script.default_toml()


def test_the_package_has_the_files_of_the_folder():
    """After a change in configs/: python scripts/write_configs.py."""
    files = {p.stem: p.read_text(encoding="utf-8") for p in CONFIGS.glob("*.toml")}
    assert files == {name: presets.text(name) for name in presets.NAMES}
    packaged = resources.files("tracker.presets")
    assert {p.name for p in packaged.iterdir() if p.name.endswith(".toml")} == {
        f"{name}.toml" for name in files
    }


@pytest.mark.parametrize("name", presets.NAMES)
def test_settings_by_name_and_by_path_are_the_same(name):
    assert presets.load(name) == TrackerConfig.from_toml(CONFIGS / f"{name}.toml")
    assert presets.load(CONFIGS / f"{name}.toml") == presets.load(name)


def test_a_file_may_be_called_like_a_packaged_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("camera").write_text("ledger_updates = 7\n")
    assert presets.load("./camera").ledger_updates == 7
    assert presets.load("camera").ledger_updates != 7


def test_neither_name_nor_file():
    with pytest.raises(FileNotFoundError, match=r"none of the packaged settings \(default, video"):
        presets.load("camrea")


def test_default_toml_holds_every_default():
    table = tomllib.loads((CONFIGS / "default.toml").read_text(encoding="utf-8"))
    assert table == TrackerConfig().to_dict()
    assert TrackerConfig.from_toml(CONFIGS / "default.toml") == TrackerConfig()


def test_every_key_in_configs_has_a_comment_above_it():
    for path in CONFIGS.glob("*.toml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for before, line in itertools.pairwise(lines):
            if "=" in line and not line.startswith("#"):
                assert before.startswith("# "), f"{path.name}: {line}"


@pytest.mark.parametrize("name", ["video.toml", "camera.toml"])
def test_the_other_files_load(name):
    tracker = Tracker.from_toml(CONFIGS / name)
    assert tracker.config.existence.gain == ExistenceConfig().gain


def test_cameras_may_restart_their_clock():
    assert TrackerConfig.from_toml(CONFIGS / "camera.toml").on_backward_time == "reset"
    assert TrackerConfig.from_toml(CONFIGS / "video.toml").on_backward_time == "error"


def test_a_file_changes_what_it_names(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('on_backward_time = "reset"\n[existence]\ngain = 2\n')
    expected = TrackerConfig(existence=ExistenceConfig(gain=2), on_backward_time="reset")
    assert TrackerConfig.from_toml(path) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[existence]\ngian = 2", r'my.toml: unknown key "existence.gian"; did you mean "gain"'),
        ("[existance]\ngain = 2", r'unknown key "existance"; did you mean "existence"'),
        ("zzz = 2", r'unknown key "zzz"; known are'),
        ("existence = 2", r'"existence" must be a table'),
        ("[motion]\nmeasurement_noise = 0", r"measurement_noise must be above 0, got 0"),
        ("[motion]\nmeasurement_noise = nan", r"measurement_noise must be"),
        ("[motion]\nmeasurement_noise = '1'", r"measurement_noise must be a number, got '1'"),
        ("[motion]\nmeasurement_noise = true", r"measurement_noise must be a number, got True"),
        ("[association]\nper_class = 1", r"per_class must be true or false, got 1"),
        ("[association]\niou_weak = 1.5", r"iou_weak must be above 0 and at most 1"),
        ('on_backward_time = "ignore"', r"on_backward_time must be one of"),
        ("[existence]\nconfirm_at = 0.2\nrelease_at = 0.4", r"release_at must not be above"),
        ("[existence]\ncoast_least_s = 9", r"coast_least_s must not be above coast_most_s"),
        ("ledger_updates = 10.5", r"ledger_updates"),
        ("ledger_updates = -1", r"ledger_updates must be at least 0"),
        ("existence = [", r"my.toml: not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        TrackerConfig.from_toml(path)


def test_a_file_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        TrackerConfig.from_toml("nowhere.toml")


def test_to_dict_and_back():
    config = TrackerConfig(motion=MotionConfig(position_noise=0.5), ledger_updates=7)
    assert TrackerConfig.from_dict(config.to_dict()) == config


def test_every_number_has_a_range():
    config = TrackerConfig()
    groups = [config, *(getattr(config, f.name) for f in fields(config))]
    for group in filter(is_dataclass, groups):
        for f in fields(group):
            value = getattr(group, f.name)
            if isinstance(value, float):
                with pytest.raises(ConfigError, match=f.name):
                    replace(group, **{f.name: math.nan})


@pytest.mark.parametrize(
    "table",
    [
        {"clutter": {"weight": float("inf")}},
        {"motion": {"acceleration_noise": float("inf")}},
        {"existence": {"confirm_at": 0.99, "ceiling": 0.9}},
    ],
)
def test_settings_under_which_nothing_works_are_refused(table):
    with pytest.raises(ConfigError):
        TrackerConfig.from_dict(table)
