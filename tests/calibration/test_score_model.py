import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import ConfigError
from tracker.calibration import LogOddsMap, ScoreModel
from tracker.existence import logit

C = np.linspace(0.001, 0.999, 301)
KNOTS = ((0.05, 0.01), (0.3, 0.02), (0.6, 0.7), (0.95, 0.98))


def test_without_arguments_it_changes_nothing():
    assert ScoreModel().is_identity
    np.testing.assert_allclose(ScoreModel().calibrated(C), C, atol=1e-12)
    np.testing.assert_array_equal(ScoreModel().evidence(C), logit(C))


def test_knots_are_met_and_joined_by_lines_in_log_odds():
    model = ScoreModel("isotonic", knots=KNOTS)
    x, y = np.array(KNOTS).T
    np.testing.assert_allclose(model.calibrated(x), y)
    middle = 1 / (1 + np.exp(-(logit(x[:1]) + logit(x[1:2])) / 2))
    expected = (np.log(0.01 / 0.99) + np.log(0.02 / 0.98)) / 2
    assert model.log_odds(middle)[0] == pytest.approx(expected)
    np.testing.assert_allclose(model.calibrated(np.array([0.0, 1.0])), [0.01, 0.98])


@pytest.mark.parametrize(
    "model",
    [
        ScoreModel("platt", -1.0, 2.0, 2.0),
        ScoreModel("beta", 0.5, 0.4, 2.0),
        ScoreModel("isotonic", knots=KNOTS),
        ScoreModel("isotonic", knots=KNOTS, evidence_offset=-2.0, evidence_scale=3.0),
    ],
)
def test_all_kinds_rise(model):
    for values in (model.calibrated(C), model.evidence(C)):
        assert (np.diff(values) >= 0).all()


@given(st.floats(-3, 3), st.floats(0.2, 3))
def test_a_line_that_is_brought_back_is_no_change(offset, slope):
    model = ScoreModel("platt", offset, slope, slope, evidence_offset=offset, evidence_scale=slope)
    np.testing.assert_allclose(model.evidence(C), logit(C), atol=1e-9)
    told = LogOddsMap(offset, slope, slope)(logit(C))
    np.testing.assert_allclose(model.log_odds(C), told)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "isotone"}, "kind must be one of"),
        ({"kind": "identity", "offset": 1.0}, "has no offset"),
        ({"kind": "isotonic", "low": 2.0, "knots": KNOTS}, "has no offset, low and high"),
        ({"kind": "platt", "low": 2.0}, "platt has one slope"),
        ({"kind": "isotonic"}, "isotonic needs knots"),
        ({"kind": "platt", "knots": KNOTS}, "the other kinds have none"),
        ({"kind": "isotonic", "knots": KNOTS[:1]}, "2 to 1000 pairs, got 1"),
        ({"kind": "isotonic", "knots": ((0.1, 0.5), (0.2, 0.5))}, "must rise"),
        ({"kind": "isotonic", "knots": ((0.0, 0.5), (0.2, 0.6))}, "inside"),
        ({"kind": "isotonic", "knots": (0.1, 0.2, 0.3)}, "pairs"),
        ({"evidence_scale": 0.0}, "evidence_scale must be"),
        ({"evidence_offset": None}, "evidence_offset must be"),
    ],
)
def test_models_that_are_none(values, message):
    with pytest.raises(ConfigError, match=message):
        ScoreModel(**values)
