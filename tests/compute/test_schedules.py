"""Schedules give CNTK's values at each sample and sweep."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xquery_bridge.compute.errors import CntkError
from xquery_bridge.compute.schedules import Schedule

PAIRS = st.lists(st.tuples(st.integers(1, 5), st.floats(0, 1)), min_size=1, max_size=5)


def test_a_constant_stays():
    schedule = Schedule.from_constant(0.1)
    assert {schedule.value(samples, sweeps) for samples in (0, 10**9) for sweeps in (0, 100)} == {0.1}


def test_epochs_of_samples_pass_whatever_the_sweeps_do():
    schedule = Schedule.from_pairs([(10, 0.1), (50, 0.05), (1, 0.01)], 100)
    expected = {0: 0.1, 999: 0.1, 1000: 0.05, 5999: 0.05, 6000: 0.01, 10**6: 0.01}
    assert {samples: schedule.value(samples, 77) for samples in expected} == expected


def test_without_an_epoch_size_the_reported_sweep_ends_count():
    schedule = Schedule.from_sequence([0.3, 0.1, 0.01])
    assert [schedule.value(10**6, sweeps) for sweeps in range(5)] == [0.3, 0.1, 0.01, 0.01, 0.01]


def test_a_reference_minibatch_size_turns_a_momentum_into_a_power():
    assert Schedule.from_constant(0.9, 4).power(0, 0, 2) == pytest.approx(0.9**0.5, rel=1e-15)
    assert Schedule.from_constant(0.9).power(0, 0, 2) == 0.9


def test_momenta_out_of_range_are_powers_too():
    assert Schedule.from_constant(-0.5, 1).power(0, 0, 3) == -0.125
    assert math.isnan(Schedule.from_constant(-0.5, 2).power(0, 0, 3))
    assert Schedule.from_constant(1e200, 1).power(0, 0, 2) == math.inf


def test_the_count_of_the_last_pair_does_not_matter():
    assert Schedule.from_pairs([(1, 0.3), (0, 0.1)], 2).value(2, 0) == 0.1


def test_what_cntk_refuses_is_refused():
    with pytest.raises(CntkError, match="schedule is empty"):
        Schedule.from_sequence([])
    with pytest.raises(CntkError, match="unit count in the 'schedule' argument must not be 0"):
        Schedule.from_pairs([(0, 0.2), (1, 0.1)])


def test_the_description_shows_no_values():
    assert str(Schedule.from_constant(0.1)) == (
        "Data Type(double), Mini Batch Size(0), Sweep Based(true), Full Data Sweep(0), Current Version(2)"
    )
    assert "Mini Batch Size(4), Sweep Based(false)" in str(Schedule.from_sequence([1, 2], 12, 4))


def test_minibatch_sizes_are_whole_numbers():
    schedule = Schedule.of_minibatch_sizes([(1, 32), (1, 64)], 100)
    assert [schedule.value(samples, 0) for samples in (0, 99, 100)] == [32, 32, 64]
    assert schedule.data_type == "size_t"


@given(PAIRS, st.integers(0, 40))
def test_pairs_are_the_values_repeated(pairs, unit):
    repeated = [value for count, value in pairs for _ in range(count)]
    expected = repeated[unit] if unit < len(repeated) else pairs[-1][1]
    assert Schedule.from_pairs(pairs, 3).value(3 * unit + 2, 0) == expected
    assert Schedule.from_sequence(repeated).value(0, unit) == expected
