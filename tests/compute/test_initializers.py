"""Initializers draw what CNTK 2.7 drew (the numbers below), and refuse with its sentences."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xquery_bridge.compute import initializers
from xquery_bridge.compute.errors import CntkError
from xquery_bridge.compute.session import session
from xquery_bridge.compute.shape import Shape

UNIFORM_7 = np.array([0.5087705850601196, 0.8986024260520935, -0.7651714086532593])
NORMAL_7 = np.array([0.963282345089208, -1.6563845282758545, -0.11535962545911296])

SPREADS = [
    (initializers.uniform(0.3, 7), (40, 50), UNIFORM_7 * 0.3),
    (initializers.normal(0.3, seed=7), (40, 50), NORMAL_7 * 0.3),
    (initializers.truncated_normal(2, 7), (40, 50), NORMAL_7 * 2),
    (initializers.xavier(2, seed=7), (40, 50), UNIFORM_7 * 2 * math.sqrt(3 / 50)),
    (initializers.glorot_uniform(seed=7), (40, 50), UNIFORM_7 * math.sqrt(6 / 90)),
    (initializers.glorot_uniform(1, 2, 2, 7), (3, 3, 4, 6, 8), UNIFORM_7 * math.sqrt(6 / (9 * 24 + 9 * 8))),
    (initializers.glorot_uniform(1, -1, 2, 7), (3, 3, 4, 6, 8), UNIFORM_7 * math.sqrt(6 / (9 * 24 + 9 * 8))),
    (initializers.glorot_normal(1, 1, 1, 7), (5, 30, 20), NORMAL_7 * math.sqrt(2 / (5 * 50))),
    (initializers.he_uniform(1, -1, 2, 7), (3, 3, 20, 30), UNIFORM_7 * math.sqrt(6 / (9 * 20))),
    (initializers.he_uniform(1, 0, 1, 7), (5, 30, 20), UNIFORM_7 * math.sqrt(6 / 3000)),
    (initializers.he_normal(1, 1, 2, 7), (3, 3, 20, 30), NORMAL_7 * math.sqrt(2 / (9 * 30))),
]


@pytest.mark.parametrize(("initializer", "shape", "expected"), SPREADS, ids=lambda value: str(value)[:40])
def test_the_spread_follows_from_ranks_and_scale(initializer, shape, expected):
    drawn = initializer.draw(Shape(shape), "double")
    assert drawn.shape == tuple(reversed(shape))
    np.testing.assert_allclose(drawn.ravel()[:3], expected, rtol=1e-7)


def test_float_draws_equal_cntk_to_the_bit():
    drawn = initializers.normal(0.3, seed=7).draw(Shape((40, 50)), "float")
    assert drawn.dtype == np.float32
    assert drawn.ravel()[:3].tolist() == [0.2889847159385681, -0.49691537022590637, -0.034607887268066406]


def test_constants_fill_every_element():
    assert initializers.constant(0.1).draw(Shape((2, 3)), "double").tolist() == [[0.1, 0.1]] * 3


def test_a_bilinear_kernel_stands_on_the_diagonal_of_the_channels():
    drawn = initializers.bilinear(3, 3).draw(Shape((3, 3, 2, 2)), "double")
    tent = [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]
    nothing = [[0.0] * 3] * 3
    assert drawn.tolist() == [[tent, nothing], [nothing, tent]]


def test_a_bilinear_kernel_larger_than_the_parameter_is_cut_at_its_end():
    drawn = initializers.bilinear(4, 4).draw(Shape((3, 3, 2, 2)), "double").ravel()
    whole = initializers.bilinear(4, 4).draw(Shape((4, 4, 1, 1)), "double").ravel()
    assert drawn.tolist() == [*whole.tolist(), *[0.0] * 20]


def test_a_bilinear_kernel_is_rounded_to_single_precision():
    assert initializers.bilinear(5, 5).draw(Shape((5, 5, 1, 1)), "double")[0, 0, 0, 0] == 0.1111110970377922


def test_unseeded_parameters_take_the_seeds_of_the_session_in_turn():
    shape = Shape((2,))
    with session():
        initializer = initializers.uniform(1)
        first, second = initializer.seeded(), initializer.seeded()
        drawn = [second.draw(shape, "double"), first.draw(shape, "double")]
    np.testing.assert_allclose(drawn, [[-0.73224671, -0.72718593], [-0.68041327, 0.98429042]], atol=1e-8)


def test_the_number_for_an_automatic_seed_means_no_seed():
    assert initializers.uniform(1, initializers.AUTOMATIC_SEED) == initializers.uniform(1)


REFUSALS = [
    (
        lambda: initializers.xavier(1, 1, 1).draw(Shape((200,)), "float"),
        "Sum of filter rank (1) and output rank (1) of the parameter initializer cannot exceed the Parameter shape "
        "'[200]' rank (1)",
    ),
    (
        lambda: initializers.glorot_uniform(1, -1, 0).draw(Shape((4, 5)), "float"),
        "Sum of filter rank (0) and output rank (-1) of the parameter initializer cannot exceed the Parameter shape "
        "'[4 x 5]' rank (2)",
    ),
    (
        lambda: initializers.he_normal(1, -1, 2).draw(Shape((4, 5)), "float"),
        "InitRandom: initFilterRank=2 and initOutputRank=-1 exceeds sampleLayout rank 2",
    ),
    (
        lambda: initializers.uniform(1).draw(Shape(), "float"),
        "InitRandom: initFilterRank=0 and initOutputRank=1 exceeds sampleLayout rank 0",
    ),
    (lambda: initializers.normal(0), "CreateInitializer: scale value for initializer 'normal' cannot be 0."),
    (lambda: initializers.bilinear(2, 3).draw(Shape((2, 3, 1, 1)), "float"), "must be square"),
    (lambda: initializers.bilinear(2, 2).draw(Shape((2, 2, 1)), "float"), "SmallVector: index overflow"),
    (lambda: initializers.bilinear(2, 2).draw(Shape((2, 2, 1, 2)), "float"), "Number of input and output channels"),
    (lambda: initializers.with_ranks(initializers.truncated_normal(), 1, 0), "has no ranks"),
    (
        lambda: initializers.with_ranks(initializers.xavier(1, 2, 1), 1, 1),
        "Output rank of a non-uniform random initialier cannot be overridden if it has been already specified!",
    ),
]


@pytest.mark.parametrize(("act", "sentence"), REFUSALS, ids=[sentence[:30] for _, sentence in REFUSALS])
def test_what_does_not_fit_is_refused(act, sentence):
    with pytest.raises(CntkError) as caught:
        act()
    assert sentence in str(caught.value)


def test_ranks_can_be_set_where_none_were_given():
    ranked = initializers.with_ranks(initializers.glorot_uniform(seed=7), -1, 2)
    assert ranked == initializers.glorot_uniform(1, -1, 2, 7)
    assert initializers.with_ranks(initializers.constant(3), 2, 1) == initializers.constant(3)


def test_descriptions_give_kind_and_numbers():
    assert str(initializers.uniform(0.5, 7)) == "Uniform(Scale(0.5), Seed(7))"
    assert str(initializers.he_normal(2, -1, 2)) == (
        "HeNormal(Scale(2), Output Rank(-1), Filter Rank(2), Seed(automatic))"
    )
    assert str(initializers.constant(3)) == "Constant(Value(3))"


@given(st.integers(0, 2**63), st.lists(st.integers(1, 4), min_size=1, max_size=4), st.sampled_from(["float", "double"]))
def test_uniform_draws_stay_in_their_range(seed, dimensions, data_type):
    drawn = initializers.glorot_uniform(seed=seed).draw(Shape(dimensions), data_type)
    size = math.prod(dimensions)
    assert np.abs(drawn).max() <= math.sqrt(6 / (dimensions[0] + size // dimensions[0])) * (1 + 1e-6)


def test_a_layer_keeps_the_ranks_its_initializer_was_given():
    seeded = initializers.glorot_uniform(1, 1, 0, 7)
    assert initializers.layer_ranks(seeded, -1, 2) == seeded
    assert initializers.layer_ranks(initializers.glorot_uniform(seed=7), -1, 2) == initializers.glorot_uniform(
        1, -1, 2, 7
    )
