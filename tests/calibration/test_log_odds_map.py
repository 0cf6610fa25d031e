import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import ConfigError
from tracker.calibration import LogOddsMap

offsets = st.floats(-5, 5)
slopes = st.floats(0.05, 5)
maps = st.builds(LogOddsMap, offsets, slopes, slopes)
probabilities = st.floats(1e-4, 1 - 1e-4)


@given(maps, probabilities)
def test_a_threshold_goes_back_and_forth(bend, told):
    inside = bend.before(told)
    if 1e-9 < inside < 1 - 1e-9:  # nearer to 0 and 1 float64 has too few digits
        assert bend.of_probability(np.array([inside]))[0] == pytest.approx(told, abs=1e-6)


@given(maps, st.lists(probabilities, min_size=2, max_size=20, unique=True))
def test_no_order_changes(bend, values):
    told = bend.of_probability(np.sort(values))
    assert (np.diff(told) >= 0).all()
    assert ((told > 0) & (told < 1)).all()


@given(offsets, slopes, slopes)
def test_slopes_and_offset(offset, low, high):
    z = np.array([-200.0, -199.0, 0.0, 199.0, 200.0])
    told = LogOddsMap(offset, low, high)(z)
    assert told[1] - told[0] == pytest.approx(low)
    assert told[4] - told[3] == pytest.approx(high)
    assert told[2] == pytest.approx(offset + (high - low) * np.log(2))


def test_equal_slopes_are_a_line():
    z = np.linspace(-8, 8, 33)
    bent = LogOddsMap(0.5, 0.7, 0.7 + 1e-12)(z)
    np.testing.assert_allclose(bent, LogOddsMap(0.5, 0.7, 0.7)(z), atol=1e-10)


def test_without_arguments_it_changes_nothing():
    z = np.random.default_rng(0).normal(0, 5, 100)
    assert LogOddsMap().is_identity
    np.testing.assert_array_equal(LogOddsMap()(z), z)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_thresholds_at_the_ends_stay_there(end):
    assert LogOddsMap(2.0, 0.3, 3.0).before(end) == end


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"low": 0.0}, r"low must be a number in \[0.01, 100\], got 0.0"),
        ({"high": -1.0}, "high must be"),
        ({"offset": float("nan")}, "offset must be"),
        ({"offset": "1"}, "offset must be a number"),
        ({"high": True}, "high must be a number"),
    ],
)
def test_maps_that_are_none(values, message):
    with pytest.raises(ConfigError, match=message):
        LogOddsMap(**values)
