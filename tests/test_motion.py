import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import ConstantVelocity, MotionConfig

BOX = np.array([[100.0, 80.0, 40.0, 90.0], [300.0, 200.0, 10.0, 25.0]])
SURE = np.array([0.9, 0.3])


@given(st.floats(1e-3, 3.0), st.floats(1e-3, 3.0))
def test_the_split_of_time_does_not_matter(a, b):
    model = ConstantVelocity()
    state = model.correct(model.predict(model.birth(BOX, SURE), 0.1), BOX + 3.0, SURE)
    one, two = model.predict(state, a + b), model.predict(model.predict(state, a), b)
    np.testing.assert_allclose(one, two, rtol=1e-12)


def test_two_steps_of_one_second_are_one_of_two():
    model = ConstantVelocity()
    state = model.correct(model.predict(model.birth(BOX, SURE), 0.5), BOX + 3.0, SURE)
    one, two = model.predict(state, 2.0), model.predict(model.predict(state, 1.0), 1.0)
    np.testing.assert_allclose(one, two, rtol=1e-15)


def test_no_time_changes_nothing():
    model = ConstantVelocity()
    state = model.birth(BOX, SURE)
    np.testing.assert_array_equal(model.predict(state, 0.0), state)


def test_birth_is_the_measured_box_at_rest():
    model = ConstantVelocity()
    state = model.birth(BOX, SURE)
    np.testing.assert_array_equal(model.project(state).cxcywh, BOX)
    np.testing.assert_array_equal(model.velocity(state), 0.0)
    np.testing.assert_allclose(
        model.project(state).variance, model.measurement_variance(state, SURE)
    )


def test_noise_grows_as_confidence_falls_and_with_size():
    config = MotionConfig(measurement_noise=0.1, weak_noise_factor=3.0, size_noise_ratio=0.5)
    model = ConstantVelocity(config)
    state = model.birth(np.array([[0.0, 0.0, 20.0, 50.0]] * 3), np.ones(3))
    deviation = np.sqrt(model.measurement_variance(state, np.array([1.0, 0.5, 0.0])))
    # 0.1 heights of 50 px at confidence 1, three times that at 0, half of it for sizes.
    np.testing.assert_allclose(deviation[:, 0], [5.0, 10.0, 15.0])
    np.testing.assert_allclose(deviation[:, 3], [2.5, 5.0, 7.5])


def test_velocities_of_sizes_wander_less_than_those_of_centres():
    config = MotionConfig(size_noise_ratio=0.5, size_acceleration_ratio=0.1, initial_velocity=1e-9)
    variance = ConstantVelocity(config).covariance(
        ConstantVelocity(config).predict(ConstantVelocity(config).birth(BOX, SURE), 1.0)
    )[:, range(8), range(8)]
    np.testing.assert_allclose(variance[:, 6] / variance[:, 4], (0.5 * 0.1) ** 2)


def test_flicker_in_size_is_smoothed_and_steady_growth_is_followed():
    model, rng = ConstantVelocity(), np.random.default_rng(0)

    def heights(measured):
        box = np.array([[100.0, 100.0, 0.4 * measured[0], measured[0]]])
        state, out = model.birth(box, SURE[:1]), []
        for height in measured:
            box = np.array([[100.0, 100.0, 0.4 * height, height]])
            state = model.correct(model.predict(state, 0.1), box, SURE[:1])
            out.append(model.project(state).cxcywh[0, 3])
        return np.array(out)

    flickering = 100.0 + rng.normal(0, 10.0, 200)
    assert np.std(heights(flickering)[50:] - 100.0) < 5.0
    growing = 50.0 * 1.02 ** np.arange(60)  # as at 20 m, 4 m/s nearer
    assert np.abs(heights(growing) / growing - 1.0)[10:].max() < 0.06


def test_a_correction_lies_between_prediction_and_measurement():
    model = ConstantVelocity()
    before = model.predict(model.birth(BOX, SURE), 0.2)
    after = model.correct(before, BOX + 8.0, SURE)
    moved = model.project(after).cxcywh - model.project(before).cxcywh
    assert ((moved > 0) & (moved < 8)).all()
    assert (model.project(after).variance < model.project(before).variance).all()
    assert (model.velocity(after) > 0).all()


def test_inputs_are_not_changed():
    model = ConstantVelocity()
    state = model.birth(BOX, SURE)
    state.setflags(write=False)
    model.predict(state, 1.0)
    model.correct(state, BOX, SURE)


def test_no_tracks():
    model = ConstantVelocity()
    state = model.birth(np.zeros((0, 4)), np.zeros(0))
    state = model.correct(model.predict(state, 1.0), np.zeros((0, 4)), np.zeros(0))
    assert model.covariance(state).shape == (0, 8, 8)
    assert model.project(state).cxcywh.shape == model.project(state).variance.shape == (0, 4)
    assert model.velocity(state).shape == (0, 2)
    assert len(model.load(np.asarray(model.dump(state).tolist()))) == 0


def test_dump_and_load_are_exact():
    model = ConstantVelocity()
    state = model.correct(model.predict(model.birth(BOX, SURE), 0.37), BOX + 1.7, SURE)
    np.testing.assert_array_equal(model.load(np.array(model.dump(state).tolist())), state)


@pytest.mark.parametrize(
    "config",
    [
        MotionConfig(),
        MotionConfig(acceleration_noise=0.0, position_noise=0.0),
        MotionConfig(measurement_noise=1e-4, weak_noise_factor=1.0),
    ],
    ids=["default", "no process noise", "nearly exact measurements"],
)
def test_covariance_is_sound_after_100_000_steps(config):
    """100 tracks of very different sizes, 1,000 steps each: gaps, bursts, all confidences."""
    rng = np.random.default_rng(0)
    model = ConstantVelocity(config)
    n = 100
    height = 10 ** rng.uniform(0, 4, n)
    box = np.column_stack([rng.uniform(0, 1e4, (n, 2)), 0.4 * height, height])
    state = model.birth(box, rng.random(n))
    for k in range(1000):
        state = model.predict(state, float(10 ** rng.uniform(-4, 1)))
        seen = np.flatnonzero(rng.random(n) < 0.7)
        state[seen] = model.correct(state[seen], box[seen], rng.random(len(seen)))
        if k % 100 == 99:
            covariance = model.covariance(state)
            np.testing.assert_array_equal(covariance, covariance.swapaxes(1, 2))
            deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
            scaled = covariance / deviation[:, :, None] / deviation[:, None, :]
            assert np.linalg.eigvalsh(scaled).min() > 0


def test_one_track_for_100_000_steps():
    model = ConstantVelocity()
    state = model.birth(BOX[:1], SURE[:1])
    for k in range(100_000):
        state = model.predict(state, 1 / 30)
        if k % 3:
            state = model.correct(state, BOX[:1], SURE[:1])
    covariance = model.covariance(state)[0]
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0
    np.testing.assert_allclose(model.project(state).cxcywh, BOX[:1], atol=1e-9)
