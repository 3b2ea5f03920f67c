"""Random streams equal CNTK's draw for draw; the numbers below were drawn by CNTK 2.7 on the CPU."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.compute.mersenne_twister import CHUNK, LANE, MersenneTwister64
from xquery_bridge.compute.random import RandomStream

DISTRIBUTIONS = [
    ("uniform", (-0.3, 0.7), "float32", [0.45438528060913086, 0.6493011713027954, -0.1825857311487198]),
    ("normal", (0, 1), "float64", [0.963282345089208, -1.6563845282758545, -0.11535962545911296, -0.464379981473878]),
    ("normal", (3, 0.5), "float32", [3.4816410541534424, 2.1718077659606934, 2.9423201084136963, 2.767810106277466]),
    ("gumbel", (1, 2), "float64", [0.321361856085013, -1.185089901994905, 5.160493925176829, -0.5993524364090541]),
    ("gumbel", (1, 2), "float32", [0.32136186957359314, -1.1850899457931519, 5.160493850708008]),
    ("bernoulli", (0.3,), "float64", [1, 1, 0, 1]),
    ("dropout_mask", (0.25,), "float32", [np.float32(4 / 3), np.float32(4 / 3), 0, np.float32(4 / 3)]),
]


def draw(stream, method, count, *arguments, dtype="float64"):
    out = np.empty(count, dtype)
    getattr(stream, method)(out, *arguments)
    return out


def test_the_engine_is_the_64_bit_mersenne_twister():
    words = np.empty(10_000, np.uint64)
    MersenneTwister64(5489).fill(words)
    assert words[-1] == 9981545732273789042  # the value that the C++ standard demands of std::mt19937_64


@pytest.mark.parametrize(("method", "arguments", "dtype", "expected"), DISTRIBUTIONS)
def test_first_draws_of_seed_7(method, arguments, dtype, expected):
    drawn = draw(RandomStream(7), method, len(expected), *arguments, dtype=dtype)
    assert drawn.tolist() == np.array(expected, dtype).tolist()


def test_uniform_draws_far_into_the_stream():
    drawn = draw(RandomStream(5), "uniform", 20_000)
    at = [0, 310, 311, 312, 19903, 19904]
    assert drawn[at].tolist() == [
        0.673064903971428,
        0.32954055433850876,
        0.7827764814805422,
        0.7460918379686018,
        0.7162703040881571,
        0.3519598916278519,
    ]


def test_normal_draws_of_the_tail():
    drawn = draw(RandomStream(5), "normal", 8_000)
    tail = np.flatnonzero(np.abs(drawn) > 3.4426)
    assert tail.tolist() == [348, 5362, 7908]
    assert drawn[tail].tolist() == [3.889850944249801, -3.5310266413437392, -3.534925088657818]


def test_a_normal_stream_stays_in_step_over_a_million_draws():
    assert draw(RandomStream(5), "normal", 1_000_000)[-1] == -0.43130142947551975


def test_an_odd_number_of_normal_draws_takes_one_more():
    stream = RandomStream(7)
    draw(stream, "normal", 5001)
    assert draw(stream, "normal", 3).tolist() == [0.797674452704723, -0.47261459574176284, 0.7837298410368576]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["uniform", "normal", "gumbel", "bernoulli"]),
    st.lists(st.integers(0, 700), min_size=1, max_size=6),
    st.integers(0, 2**64 - 1),
)
def test_a_stream_does_not_depend_on_how_it_is_cut(method, counts, seed):
    counts = [2 * count for count in counts]  # even: see the rule for odd normal draws
    cut, whole = RandomStream(seed), RandomStream(seed)
    parts = [draw(cut, method, count) for count in counts]
    assert np.array_equal(np.concatenate(parts), draw(whole, method, sum(counts)))


def test_chunks_of_the_engine_join_without_a_seam():
    cut, whole = MersenneTwister64(3), MersenneTwister64(3)
    expected, parts = np.empty(45_000, np.uint64), np.empty(45_000, np.uint64)
    whole.fill(expected)
    for start, end in ((0, 1), (1, 312), (312, 19_904), (19_904, 19_905), (19_905, 45_000)):
        cut.fill(parts[start:end])
    assert np.array_equal(parts, expected)


def test_lanes_give_the_numbers_that_come_one_by_one():
    count = 3 * LANE + CHUNK + 5
    side_by_side, one_by_one = MersenneTwister64(3), MersenneTwister64(3)
    expected, found = np.empty(count, np.uint64), np.empty(count)
    one_by_one.fill(expected)
    for part, words in side_by_side.blocks(found):
        part.view(np.uint64)[:] = words
    assert np.array_equal(found.view(np.uint64), expected)
    assert side_by_side.word() == one_by_one.word()


def test_draws_that_round_up_to_the_end_are_drawn_again():
    low, high = 2.0**52, 2.0**52 + 3  # only low, low + 1 and low + 2 lie between, a sixth of the draws rounds to high
    rounded = low + draw(RandomStream(7), "uniform", 60_000) * 3
    expected = rounded[rounded < high][:40_000]
    stream = RandomStream(7)
    assert draw(stream, "uniform", 40_000, low, high).tolist() == expected.tolist()
    assert draw(stream, "uniform", 1_000, low, high).tolist() == rounded[rounded < high][40_000:41_000].tolist()


def test_float_draws_are_the_double_ones_rounded():
    single, double = (draw(RandomStream(11), "normal", 5000, dtype=dtype) for dtype in ("float32", "float64"))
    assert np.array_equal(single, double.astype(np.float32))


def test_truncated_normal_leaves_out_what_lies_beyond_two_deviations():
    everything = draw(RandomStream(7), "normal", 4000, 1, 0.5)
    kept = everything[np.abs(everything - 1) <= 1]
    drawn = draw(RandomStream(7), "truncated_normal", 3000, 1, 0.5)
    assert len(kept) < len(everything)
    assert np.array_equal(drawn, kept[:3000])


def test_multidimensional_arrays_are_filled_in_memory_order():
    out = np.empty((3, 4, 5), np.float32)
    RandomStream(7).uniform(out)
    assert np.array_equal(out.ravel(), draw(RandomStream(7), "uniform", 60, dtype="float32"))


def test_an_array_with_gaps_is_refused():
    with pytest.raises(ValueError, match="C-contiguous"):
        RandomStream(7).uniform(np.empty((4, 4))[:, :2])


def test_a_uniform_range_of_no_width_gives_its_only_value():
    assert draw(RandomStream(7), "uniform", 3, 0.5, 0.5).tolist() == [0.5, 0.5, 0.5]


def test_samples_without_duplicates_are_all_different():
    sums = np.cumsum([5, 0, 1, 1, 1])
    drawn, tries = RandomStream(7).sample(sums, 4, False)
    assert sorted(drawn) == [0, 2, 3, 4]
    assert tries >= 4


def test_samples_with_duplicates_take_one_try_each():
    drawn, tries = RandomStream(7).sample(np.cumsum([1, 1]), 50, True)
    assert set(drawn) == {0, 1}
    assert (len(drawn), tries) == (50, 50)


OFFSETS = [
    ("uniform", (), 10),
    ("gumbel", (), 10),
    ("bernoulli", (0.5,), 10),
    ("dropout_mask", (0.5,), 10),
    ("normal", (), 12),  # an odd number of normal draws takes one more
]


@pytest.mark.parametrize(("method", "arguments", "offset"), OFFSETS)
def test_a_stream_goes_on_from_its_offset(method, arguments, offset):
    stream = RandomStream(3)
    for _ in range(2):
        draw(stream, method, 5, *arguments)
    assert stream.offset == offset  # as CNTK 2.7 writes it into a model file
    again = RandomStream(3, offset)
    assert draw(again, method, 5, *arguments).tolist() == draw(stream, method, 5, *arguments).tolist()
    assert again.offset == stream.offset


@pytest.mark.parametrize("count", [0, 1, 311, 19_904, 400_000, LANE - 1, LANE, 2 * LANE + 400])
def test_numbers_can_be_passed_over(count):
    whole, rest = np.empty(count + 3, np.uint64), np.empty(3, np.uint64)
    MersenneTwister64(11).fill(whole)
    engine = MersenneTwister64(11)
    engine.discard(count)
    engine.fill(rest)
    assert rest.tolist() == whole[count:].tolist()


def test_samples_count_the_tries_they_took():
    stream = RandomStream(3)
    _, tries = stream.sample([1, 3, 6, 10], 3, False)
    assert stream.offset == tries >= 3
    stream.sample([1, 3, 6, 10], 3, True)
    assert stream.offset == tries + 3
