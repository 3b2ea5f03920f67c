"""Each learner takes the steps of its formula, written here once more in plain NumPy; and keeps its bounds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute import LearnerOptions, Schedule

RATE = 0.1
SIZES = [4, 4, 3, 5, 1, 6]
RMS = {"gamma": 0.9, "inc": 1.2, "dec": 0.7, "max": 10.0, "min": 1e-3}
REFERENCES = pytest.mark.parametrize("reference", [0, 1, 4], ids=["per minibatch", "per sample", "per 4 samples"])


def per(value: float, reference: int) -> Schedule:
    return Schedule.from_constant(value, reference)


def gradients(seed: int = 0, scale: float = 1.0) -> list[tuple[np.ndarray, int]]:
    """A summed gradient and a count for each minibatch; the third gradient is 0."""
    generator = np.random.default_rng(seed)
    drawn = [(generator.normal(size=(2, 3)) * n * scale, n) for n in SIZES]
    drawn[2][0].fill(0)
    return drawn


def start() -> np.ndarray:
    return np.linspace(-0.9, 1.1, 6).reshape(2, 3)


def parameter(values: np.ndarray, data_type: str = "double") -> cntk.Parameter:
    return cntk.parameter(cntk.Shape(values.shape[::-1]), data_type, values)


def step(learner: cntk.Learner, gradient: np.ndarray, count: int, sweep_end: bool = False) -> bool:
    [only] = learner.parameters
    moved = learner.prepare({only: gradient}, count, sweep_end)
    if moved:
        learner.commit()
    return moved


def trajectory(make, minibatches) -> list[np.ndarray]:
    with cntk.session():
        learned = parameter(start())
        learner = make([learned])
        found = []
        for gradient, count in minibatches:
            assert step(learner, gradient, count)
            found.append(learned.data.copy())
        return found


def rate_for(rate: float, count: int, reference: int) -> float:
    return rate / (reference or count)


def power(mu: float, count: int, reference: int) -> float:
    return mu ** (count / reference) if reference else mu


# The formulas: each is a generator that gets the parameter, and yields the step for each (g, r, n) it is sent.


def sgd(reference):
    def steps(p, g, r, n):
        return r * g

    return steps


def momentum(reference, mu=0.8, unit_gain=True, nesterov=False):
    v = 0.0

    def steps(p, g, r, n):
        nonlocal v
        m = power(mu, n, reference)
        new = (1 - m if unit_gain else 1) * r * g
        v = m * v + new
        return m * v + new if nesterov else v

    return steps


def adagrad(reference, multiplier=True):
    v = 0.0

    def steps(p, g, r, n):
        nonlocal v
        v = v + g * g
        a = 1 / np.sqrt(v + 1e-16)
        return r * g * a / (a.mean() if multiplier else 1)

    return steps


def adadelta(reference, rho=0.95, epsilon=1e-8):
    v = delta = 0.0

    def steps(p, g, r, n):
        nonlocal v, delta
        v = rho * v + (1 - rho) * g * g
        d = np.sqrt(delta + epsilon) / np.sqrt(v + epsilon) * g
        delta = rho * delta + (1 - rho) * d * d
        return r * d

    return steps


def rmsprop(reference, multiplier=True):
    v = sign = w = None

    def steps(p, g, r, n):
        nonlocal v, sign, w
        if v is None:
            v, w, sign = g * g, np.full(g.shape, 0.02), np.zeros(g.shape)
        v = RMS["gamma"] * v + (1 - RMS["gamma"]) * g * g
        same = np.sign(g) * sign > 0
        w = np.where(same, np.minimum(w * RMS["inc"], RMS["max"]), np.maximum(w * RMS["dec"], RMS["min"]))
        sign = np.sign(g)
        a = w / np.sqrt(v + float(np.float32(1e-6)))
        return r * g * a / (a.mean() if multiplier else 1)

    return steps


def adam(reference, b1=0.8, b2=0.99, unit_gain=True, epsilon=1e-8, adamax=False, b2_reference=None):
    m = v = 0.0
    t = 0

    def steps(p, g, r, n):
        nonlocal m, v, t
        t += 1
        first, second = power(b1, n, reference), power(b2, n, reference if b2_reference is None else b2_reference)
        m = first * m + (1 - first if unit_gain else 1) * g
        if adamax:
            v = np.maximum(second * v, abs(g))
            return r / (1 - first**t) * m / (v + epsilon)
        v = second * v + (1 - second) * g * g
        return r * math.sqrt(1 - second**t) / (1 - first**t) * m / (np.sqrt(v) + epsilon)

    return steps


def fsadagrad(reference, b1=0.8, b2=0.99, unit_gain=True):
    m = v = c = 0.0

    def steps(p, g, r, n):
        nonlocal m, v, c
        first, second = power(b1, n, reference), power(b2, n, reference)
        c = second * c + (1 - second) * n
        v = second * v + (1 - second) * g * g
        m = first * m + (1 - first if unit_gain else 1) * g * np.minimum(math.sqrt(c) / np.sqrt(v), 10)
        return r * m

    return steps


def expected(steps, reference, minibatches, rate=RATE) -> list[np.ndarray]:
    p = start()
    found = []
    for g, n in minibatches:
        p = p - steps(p, g, rate_for(rate, n, reference), n)
        found.append(p)
    return found


RULES = {
    "sgd": (sgd, lambda p, s: cntk.Sgd(p, s(RATE))),
    "momentum": (momentum, lambda p, s: cntk.MomentumSgd(p, s(RATE), s(0.8))),
    "momentum without unit gain": (
        lambda r: momentum(r, unit_gain=False),
        lambda p, s: cntk.MomentumSgd(p, s(RATE), s(0.8), unit_gain=False),
    ),
    "nesterov": (lambda r: momentum(r, nesterov=True), lambda p, s: cntk.Nesterov(p, s(RATE), s(0.8))),
    "nesterov without unit gain": (
        lambda r: momentum(r, unit_gain=False, nesterov=True),
        lambda p, s: cntk.Nesterov(p, s(RATE), s(0.8), unit_gain=False),
    ),
    "adagrad": (adagrad, lambda p, s: cntk.AdaGrad(p, s(RATE))),
    "adagrad without multiplier": (
        lambda r: adagrad(r, multiplier=False),
        lambda p, s: cntk.AdaGrad(p, s(RATE), need_average_multiplier=False),
    ),
    "adadelta": (adadelta, lambda p, s: cntk.AdaDelta(p, s(RATE))),
    "adadelta with its numbers": (
        lambda r: adadelta(r, 0.9, 1e-4),
        lambda p, s: cntk.AdaDelta(p, s(RATE), 0.9, 1e-4),
    ),
    "rmsprop": (rmsprop, lambda p, s: cntk.RmsProp(p, s(RATE), **RMS)),
    "rmsprop without multiplier": (
        lambda r: rmsprop(r, multiplier=False),
        lambda p, s: cntk.RmsProp(p, s(RATE), **RMS, need_average_multiplier=False),
    ),
    "adam": (adam, lambda p, s: cntk.Adam(p, s(RATE), s(0.8), variance_momentum=s(0.99))),
    "adam with defaults": (
        lambda r: adam(r, b2=0.9999986111120757, b2_reference=1),
        lambda p, s: cntk.Adam(p, s(RATE), s(0.8)),
    ),
    "adam without unit gain": (
        lambda r: adam(r, unit_gain=False, epsilon=1e-3),
        lambda p, s: cntk.Adam(p, s(RATE), s(0.8), False, s(0.99), 1e-3),
    ),
    "adamax": (
        lambda r: adam(r, adamax=True),
        lambda p, s: cntk.Adam(p, s(RATE), s(0.8), variance_momentum=s(0.99), adamax=True),
    ),
    "fsadagrad": (fsadagrad, lambda p, s: cntk.FsAdaGrad(p, s(RATE), s(0.8), variance_momentum=s(0.99))),
    "fsadagrad without unit gain": (
        lambda r: fsadagrad(r, unit_gain=False),
        lambda p, s: cntk.FsAdaGrad(p, s(RATE), s(0.8), False, s(0.99)),
    ),
}
RULE = pytest.mark.parametrize(("formula", "make"), RULES.values(), ids=RULES)


@RULE
@REFERENCES
def test_the_steps_are_those_of_the_formula(formula, make, reference):
    found = trajectory(lambda p: make(p, lambda value: per(value, reference)), gradients())
    wanted = expected(formula(reference), reference, gradients())
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@RULE
def test_single_precision_follows_double(formula, make):
    with cntk.session():
        learned = parameter(start(), "float")
        learner = make([learned], lambda value: per(value, 0))
        for gradient, count in gradients():
            step(learner, gradient.astype(np.float32), count)
    np.testing.assert_allclose(learned.data, expected(formula(0), 0, gradients())[-1], rtol=1e-4, atol=1e-5)
    assert learned.data.dtype == np.float32


@RULE
def test_parameters_are_learned_as_if_each_were_alone(formula, make):
    def per_minibatch(value):
        return per(value, 0)

    with cntk.session():
        alone = [parameter(start() * k) for k in (1, 2)]
        together = [parameter(start() * k) for k in (1, 2)]
        singles = [make([p], per_minibatch) for p in alone]
        both = make(together, per_minibatch)
        for gradient, count in gradients():
            scaled = [gradient, gradient[::-1] * 3]
            for learner, own in zip(singles, scaled, strict=True):
                step(learner, own, count)
            assert both.prepare(dict(zip(together, scaled, strict=True)), count)
            both.commit()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.data, other.data)


def test_long_parameters_are_updated_piece_by_piece_alike():
    size = 100_003
    generator = np.random.default_rng(3)
    values, gradient = generator.normal(size=size), generator.normal(size=size)
    with cntk.session():
        learned = parameter(values)
        learner = cntk.Adam([learned], per(RATE, 1), per(0.8, 0), variance_momentum=per(0.99, 0))
        step(learner, gradient, 7)
    wanted = values - adam(0)(values, gradient, RATE, 7)
    np.testing.assert_allclose(learned.data, wanted, rtol=1e-12, atol=1e-13)


# Options


def clipped(g, bound, truncated):
    if truncated:
        return np.clip(g, -bound, bound)
    norm = np.linalg.norm(g)
    return g * bound / norm if norm > bound else g


def soft_threshold(p, by):
    return np.sign(p) * np.maximum(abs(p) - by, 0)


@REFERENCES
@given(
    st.sampled_from([0.0, 0.02, 0.3]),
    st.sampled_from([0.0, 0.03]),
    st.sampled_from([0.0, 0.4, math.inf]),
    st.booleans(),
    st.integers(0, 5),
)
@settings(max_examples=15, deadline=None)
def test_clipping_l2_the_update_and_l1_come_in_this_order(reference, l1, l2, threshold, truncated, seed):
    options = LearnerOptions(
        l1_regularization_weight=l1,
        l2_regularization_weight=l2,
        gradient_clipping_threshold_per_sample=threshold,
        gradient_clipping_with_truncation=truncated,
    )
    found = trajectory(
        lambda p: cntk.MomentumSgd(p, per(RATE, reference), per(0.8, reference), options=options), gradients(seed)
    )
    steps, p = momentum(reference), start()
    for (g, n), learned in zip(gradients(seed), found, strict=True):
        r = rate_for(RATE, n, reference)
        bounded = clipped(g, threshold * n, truncated) + l2 * n * p
        p = soft_threshold(p - steps(p, bounded, r, n), r * l1 * n)
        np.testing.assert_allclose(learned, p, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("reference", "factor"), [(0, 1.0), (1, 1.0), (4, None)])
def test_the_mean_gradient_is_the_sum_over_the_samples(reference, factor):
    options = LearnerOptions(use_mean_gradient=True)
    found = trajectory(lambda p: cntk.Sgd(p, per(RATE, reference), options), gradients())
    p = start()
    for (g, n), learned in zip(gradients(), found, strict=True):
        p = p - RATE * (n / 4 if factor is None else factor) * g / n
        np.testing.assert_allclose(learned, p, rtol=1e-12, atol=1e-13)


def test_a_negative_threshold_bounds_elements_by_its_size():
    options = LearnerOptions(gradient_clipping_threshold_per_sample=-1.0)
    [moved] = trajectory(lambda p: cntk.Sgd(p, per(0.1, 0), options), [(np.full((2, 3), 9.0), 3)])
    np.testing.assert_allclose(start() - moved, np.full((2, 3), 0.1), rtol=1e-12)


def test_noise_is_drawn_by_cntk_seed_by_seed():
    with cntk.session():
        first, second = parameter(np.array([1.0, 1.0])), parameter(np.array([2.0, 2.0]))
        options = LearnerOptions(gaussian_noise_injection_std_dev=0.5)
        learner = cntk.Sgd([first, second], per(0.0001, 0), options)
        for _ in range(2):
            assert learner.prepare({p: np.array([9.0, 12.0]) for p in (first, second)}, 3)
            learner.commit()
    # what CNTK 2.7 gives as the first generator of a process
    assert first.data.tolist() == pytest.approx([-0.030543099897130332, 2.5003273021647083], rel=1e-14)
    assert second.data.tolist() == pytest.approx([2.2346285433115307, 1.9433368882650606], rel=1e-14)


def test_the_deviation_of_the_noise_follows_its_schedule():
    with cntk.session():
        learned = parameter(np.zeros(2))
        options = LearnerOptions(gaussian_noise_injection_std_dev=Schedule.from_sequence([0.5, 0.0], 3))
        learner = cntk.Sgd([learned], per(1.0, 0), options)
        step(learner, np.zeros(2), 3)
        noisy = learned.data.copy()
        step(learner, np.zeros(2), 3)
    assert np.all(noisy != 0) and np.array_equal(learned.data, noisy)


# Schedules


def test_rates_and_momenta_change_after_their_samples():
    rates, momenta = [0.3, 0.1, 0.03], [0.5, 0.9]
    found = trajectory(
        lambda p: cntk.MomentumSgd(p, Schedule.from_sequence(rates, 8), Schedule.from_sequence(momenta, 5)), gradients()
    )
    p, v, seen = start(), 0.0, 0
    for (g, n), learned in zip(gradients(), found, strict=True):
        r, mu = rates[min(seen // 8, 2)] / n, momenta[min(seen // 5, 1)]
        v = mu * v + (1 - mu) * r * g
        p, seen = p - v, seen + n
        np.testing.assert_allclose(learned, p, rtol=1e-12, atol=1e-13)


def test_rates_change_after_the_sweeps_that_are_reported():
    with cntk.session():
        learned = parameter(np.zeros(1))
        learner = cntk.Sgd([learned], Schedule.from_sequence([0.3, 0.1, 0.01], minibatch_size=1))
        moves = []
        for end in (False, True, False, True, False, True, False):
            before = learned.data.copy()
            step(learner, np.ones(1), 2, end)
            moves += (before - learned.data).tolist()
    assert moves == pytest.approx([0.3, 0.3, 0.1, 0.1, 0.01, 0.01, 0.01])


def test_a_step_at_rate_0_is_none_and_does_not_count():
    with cntk.session():
        learned = parameter(start())
        learner = cntk.Sgd([learned], Schedule.from_sequence([0.0, 1.0], 1))
        assert [step(learner, np.ones((2, 3)), 4, True) for _ in range(3)] == [False] * 3
    assert learner.samples_seen == learner.sweeps_seen == 0
    assert np.array_equal(learned.data, start())


# Refusals


def refused(sentence: str):
    return pytest.raises(cntk.CntkError, match=sentence)


def test_parameters_must_be_given_once():
    learned = parameter(start())
    with refused("The parameters list specified to a Learner must not be empty"):
        cntk.Sgd([], per(RATE, 0))
    with refused("Learner's parameters list must not contain duplicates"):
        cntk.Sgd([learned, learned], per(RATE, 0))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"gamma": 1.0}, "gamma must be in range"),
        ({"inc": 1.0}, "inc must be greater than 1"),
        ({"dec": 0.0}, "dec must be in range"),
        ({"max": 1e-4}, "max must be greater than zero and greater than min"),
        ({"min": 0.0}, "min must be greater than zero"),
    ],
)
def test_rmsprop_refuses_numbers_out_of_range(change, sentence):
    with refused(f"RMSProp {sentence}"):
        cntk.RmsProp([parameter(start())], per(RATE, 0), **{**RMS, **change})


def test_adam_refuses_a_negative_epsilon():
    with refused("Epsilon should be non-negative. You are trying to set it to -1"):
        cntk.Adam([parameter(start())], per(RATE, 0), per(0.9, 0), epsilon=-1)


@pytest.mark.parametrize(
    ("gradient", "count", "sentence"),
    [
        (np.ones((2, 3)), 0, "empty minibatch"),
        (np.ones((3, 2)), 1, "another shape or data type"),
        (np.ones((2, 3), np.float32), 1, "another shape or data type"),
        (None, 1, "no gradient was given"),
    ],
)
def test_a_refused_step_changes_nothing(gradient, count, sentence):
    with cntk.session():
        learned = parameter(start())
        learner = cntk.Adam([learned], per(RATE, 0), per(0.8, 0))
        step(learner, np.ones((2, 3)), 4)
        before = repr(learner.checkpoint()), learned.data.copy()
        with refused(sentence):
            learner.prepare({} if gradient is None else {learned: gradient}, count)
        with refused("no prepared step"):
            learner.commit()
    assert repr(learner.checkpoint()) == before[0] and np.array_equal(learned.data, before[1])


# State


@RULE
def test_a_learner_goes_on_from_its_checkpoint(formula, make):
    minibatches = gradients()
    with cntk.session():
        learned = parameter(start())
        learner = make([learned], lambda value: per(value, 0))
        for gradient, count in minibatches[:3]:
            step(learner, gradient, count)
        saved, values = learner.checkpoint(), learned.data.copy()
        for gradient, count in minibatches[3:]:
            step(learner, gradient, count)
        other_parameter = parameter(values)
        other = make([other_parameter], lambda value: per(value, 0))
        other.restore(saved)
        for gradient, count in minibatches[3:]:
            step(other, gradient, count)
    assert np.array_equal(other_parameter.data, learned.data)


def test_a_checkpoint_of_another_learner_is_refused():
    learned = parameter(start())
    saved = cntk.Sgd([learned], per(RATE, 0)).checkpoint()
    with refused("does not belong to a Nesterov learner"):
        cntk.Nesterov([learned], per(RATE, 0), per(0.9, 0)).restore(saved)


@RULE
def test_a_reset_learner_starts_anew(formula, make):
    with cntk.session():
        learned = parameter(start())
        learner = make([learned], lambda value: per(value, 0))
        for gradient, count in gradients():
            step(learner, gradient, count)
        learner.reset()
        learned.data[...] = start()
        step(learner, *gradients()[0])
    np.testing.assert_allclose(learned.data, expected(formula(0), 0, gradients()[:1])[0], rtol=1e-12, atol=1e-13)
