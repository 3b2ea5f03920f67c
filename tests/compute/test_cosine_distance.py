"""Cosine distance of samples, and of samples with one operand that all of them share."""

import numpy as np
import pytest
from gradients import batch_of, check_gradients, parameter

from xquery_bridge import compute as cntk


@pytest.mark.parametrize("shared_first", [True, False])
def test_an_operand_that_all_samples_share_gets_the_sum_of_their_gradients(shared_first):
    draw = np.random.default_rng(1)
    samples, held = batch_of(draw.normal(size=(3, 4)))
    shared = parameter(draw.normal(size=4))
    pair = (shared, samples) if shared_first else (samples, shared)
    check_gradients(cntk.cosine_distance(*pair), [held, shared])


def test_both_operands_of_samples_have_gradients():
    draw = np.random.default_rng(2)
    (first, one), (second, other) = batch_of(draw.normal(size=(3, 4))), batch_of(draw.normal(size=(3, 4)))
    check_gradients(cntk.cosine_distance(first, second), [one, other])


def test_operands_of_unequal_sizes_are_refused_in_cntks_words():
    samples, _ = batch_of(np.ones((3, 4)))
    with pytest.raises(cntk.CntkError, match="Binary elementwise operation CosDistance: Left operand"):
        cntk.cosine_distance(samples, parameter(np.ones(3)))
