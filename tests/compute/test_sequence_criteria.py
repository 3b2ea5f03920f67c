"""Criteria over sequences and groups: CTC, edit distance, ranking, by definition and by numbers of CNTK 2.7."""

import itertools

import numpy as np
import pytest
from gradients import batch_of, check_gradients, ragged, sequences_of
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute.evaluation import Executor

CLASSES, BLANK = 4, 3
FEATURES = np.array(
    [
        [-0.166, 0.441, -1.0, -0.395],
        [-0.706, -0.815, -0.627, -0.309],
        [-0.206, 0.078, -0.162, 0.37],
        [-0.591, 0.756, -0.945, 0.341],
    ]
)


def sequences(arrays):
    shape = cntk.Shape((CLASSES,))
    x = cntk.input_variable(shape, "double")
    return x, cntk.Value.batch_of_sequences(shape, [np.asarray(a).reshape(-1) for a in arrays], data_type="double")


def graph_of(labels, steps):
    """One-hot labels, each with a 2 where it begins, the last one going on."""
    out = np.zeros((steps, CLASSES))
    for t in range(steps):
        out[t, labels[min(t, len(labels) - 1)] if labels else 0] = 2 if t < len(labels) else 1
    return out


def ctc(features, graphs, delay=-1):
    x, xs = sequences(features)
    y, ys = sequences(graphs)
    loss = cntk.forward_backward(cntk.labels_to_graph(y), x, BLANK, delay)
    [value] = cntk.evaluate(loss, {x: xs, y: ys})
    return float(value.array)


def by_enumeration(features, labels):
    """-log of the summed probability of all paths that become the labels when runs are merged and blanks left out."""
    probabilities = np.exp(features) / np.exp(features).sum(1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(CLASSES), repeat=len(features)):
        merged = [k for k, _ in itertools.groupby(path)]
        if [k for k in merged if k != BLANK] == list(labels):
            total += np.prod(probabilities[np.arange(len(path)), path])
    return -np.log(total)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.lists(st.integers(0, 2), max_size=2)), min_size=1, max_size=3),
    st.integers(0, 9),
)
@settings(max_examples=20, deadline=None)
def test_ctc_sums_over_all_alignments(pairs, seed):
    pairs = [(max(n, 2 * len(labels)), labels) for n, labels in pairs]
    draw = np.random.default_rng(seed)
    features = [draw.standard_normal((n, CLASSES)) for n, _ in pairs]
    found = ctc(features, [graph_of(labels, n) for n, labels in pairs])
    wanted = sum(by_enumeration(f, labels) for f, (_, labels) in zip(features, pairs, strict=True))
    assert found == pytest.approx(wanted, rel=1e-9)


def test_ctc_values_and_delay_constraints_are_those_of_cntk():
    graph = graph_of([0, 1], 4)
    assert ctc([FEATURES], [graph]) == pytest.approx(2.3324670707816852, rel=1e-9)
    assert ctc([FEATURES], [graph], 1) == pytest.approx(2.3892286654564288, rel=1e-9)
    assert ctc([FEATURES], [graph], 2) == pytest.approx(2.3892286654564288, rel=1e-9)
    assert ctc([FEATURES], [graph], 3) == pytest.approx(2.3324670707816852, rel=1e-9)
    assert ctc([FEATURES], [graph], 0) == pytest.approx(2.50208803434788, rel=1e-9)
    assert ctc([FEATURES], [graph_of([], 4)]) == pytest.approx(4.95260895882044, rel=1e-9)


def test_an_impossible_alignment_costs_cntks_logarithm_of_nothing():
    assert ctc([FEATURES[:3]], [graph_of([0, 1, 1], 3)]) == pytest.approx(1e11, rel=1e-6)


def test_the_gradient_under_a_delay_constraint_is_cntks():
    like, steps = ragged([4])
    x, held = sequences_of(FEATURES[None], like)
    graph, _ = sequences_of(graph_of([0, 1], 4)[None], like)
    loss = cntk.forward_backward(cntk.labels_to_graph(graph), x, BLANK, 1)
    plan, _ = Executor([loss.output], True, [held]).run({like: steps})
    wanted = [
        [-0.4685833776, 0.4514438012, 0.1068526619, -0.0897130854],
        [-0.2722652924, 0.0911160293, 0.2423049466, -0.0611556836],
        [0.0289600018, -0.2532700116, 0.2028176778, 0.0214923320],
        [0.1236502212, -0.5244572497, 0.0867869951, 0.3140200332],
    ]
    np.testing.assert_allclose(plan.gradients[held][0], wanted, atol=1e-9)


@pytest.mark.parametrize("delay", [-1, 0])
def test_the_gradient_of_ctc(delay):
    like, steps = ragged([4, 3])
    x, held = sequences_of(np.random.default_rng(1).standard_normal((2, 4, CLASSES)), like)
    graph, _ = sequences_of(np.stack([graph_of([0, 1], 4), graph_of([2], 4)]), like)
    check_gradients(
        cntk.forward_backward(cntk.labels_to_graph(graph), x, BLANK, delay), [held], {like: steps}, rtol=1e-4
    )


def distance(first, second, penalties=(1, 1, 1), squash=False, ignored=()):
    x, xs = sequences([np.eye(CLASSES)[list(k)] for k in first])
    y, ys = sequences([np.eye(CLASSES)[list(k)] for k in second])
    function = cntk.edit_distance_error(x, y, *penalties, squash, ignored)
    return float(cntk.evaluate(function, {x: xs, y: ys})[0].array)


def test_edit_distances_are_those_of_cntk():
    assert distance([[0, 1, 2]], [[0, 3, 2]]) == 1
    assert distance([[0, 1, 2]], [[0, 3, 2]], (5, 1, 1)) == 2
    assert distance([[0, 1, 2, 3]], [[1, 2, 3, 0]]) == 2
    assert distance([[0, 1, 2, 3]], [[1, 2, 3, 0]], (0.1, 1, 1)) == 4
    assert distance([[0, 1, 2], [1, 2]], [[0, 3, 2], [2, 1]]) == 3
    assert distance([[0, 0, 1, 2]], [[0, 1, 1, 2]], squash=True) == 0
    a, b = [[0, 3, 0, 1, 3]], [[0, 1, 1, 2, 2]]
    assert distance(a, b) == 4
    assert distance(a, b, ignored=[3]) == 3
    assert distance(a, b, ignored=[2]) == 5
    assert distance(a, b, ignored=[2, 3]) == pytest.approx(5 / 3)
    assert distance(a, b, squash=True, ignored=[3]) == pytest.approx(10 / 3)
    assert distance([[0, 3, 1]], [[0, 1, 2]], ignored=[2**64 - 1]) == 2


def plain_distance(a, b):
    if not a or not b:
        return len(a) + len(b)
    return min(
        plain_distance(a[1:], b) + 1, plain_distance(a, b[1:]) + 1, plain_distance(a[1:], b[1:]) + (a[0] != b[0])
    )


@given(st.integers(1, 5).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 3), min_size=n, max_size=n)] * 2)))
@settings(max_examples=25, deadline=None)
def test_with_equal_penalties_it_is_the_edit_distance(pair):
    assert distance([pair[0]], [pair[1]]) == plain_distance(*pair)


def ranked(make, scores, gains, groups):
    columns = [np.asarray(v, np.float64)[:, None] for v in (scores, gains, groups)]
    s, held = batch_of(columns[0])
    others = [batch_of(v)[0] for v in columns[1:]]
    function = make(s, *others)
    plan, _ = Executor([function.output], True, [held]).run({})
    return float(plan.outputs[0][0]), plan.gradients[held].reshape(-1)


def test_ranking_criteria_are_those_of_cntk():
    scores, gains, groups = [0.3, 0.9, 0.1, 0.5, 0.2, 0.7], [3, 2, 1, 2, 1, 0], [0, 0, 0, 1, 1, 1]
    value, gradient = ranked(cntk.lambda_rank, scores, gains, groups)
    assert value == pytest.approx(122.35010154874147, rel=1e-9)
    wanted = [-0.07479699, 0.01748892, 0.05730808, -0.17544097, -0.09711834, 0.27255932]
    np.testing.assert_allclose(gradient, wanted, rtol=1e-6)
    value, gradient = ranked(cntk.lambda_rank, [0.2, 0.2, 0.3], [5, 3, 2], [4, 4, 4])
    assert value == pytest.approx(57.014065007390144, rel=1e-9)
    np.testing.assert_allclose(gradient, [-0.1163591861, -0.0079597266, 0.1243189127], rtol=1e-6)
    value, gradient = ranked(cntk.lambda_rank, [0.2, 0.5], [1, 2], [0, 0])
    assert value == pytest.approx(-32.634232609322076, rel=1e-9)
    np.testing.assert_array_equal(gradient, 0)
    value, gradient = ranked(cntk.lambda_rank, np.arange(1, 8) / 10, [6, 6, 3, 2, 1, 0, 0], [0] * 7)
    assert value == pytest.approx(328.0925140467727, rel=1e-9)
    wanted = [-0.34593889, -0.30880608, -0.11661983, -0.03830279, 0.05557896, 0.21573311, 0.53835552]
    np.testing.assert_allclose(gradient, wanted, rtol=1e-6)
    _, gradient = ranked(cntk.lambda_rank, [0.1, 0.2, 0.3, 0.15, 0.5, 0.2], [6, 3, 3, 6, 6, 3], [0, 0, 0, 1, 1, 1])
    wanted = [-0.10976049, 0.02195367, 0.08780683, -0.02041695, -0.05028033, 0.07069728]
    np.testing.assert_allclose(gradient, wanted, rtol=1e-6)
    assert ranked(cntk.ndcg_at_1, scores, gains, groups)[0] == pytest.approx(200)


def test_a_group_without_gain_counts_1_for_lambda_rank_and_0_for_ndcg():
    scores, gains, groups = [1, 1, 2, 2, 1], [1, 0, 0, 3, 0], [0, 0, 0, 1, 2]
    value, gradient = ranked(cntk.lambda_rank, scores, gains, groups)
    assert value == pytest.approx(250)
    np.testing.assert_allclose(gradient, [-0.430994, 0.065465, 0.365529, 0, 0], atol=1e-6)
    assert ranked(cntk.ndcg_at_1, [1, 2, 0.5], [2, 1, 0], [0, 0, 1])[0] == pytest.approx(75)


def test_lambda_rank_leaves_the_gradient_that_comes_in_out_of_account():
    def squared(*operands):
        return cntk.square(cntk.lambda_rank(*operands))

    _, gradient = ranked(squared, [1, 2, 0.5], [2, 1, 0], [0, 0, 1])
    np.testing.assert_allclose(gradient, [-0.102554, 0.102554, 0], atol=1e-6)


def test_lattices_can_be_built_and_are_refused_on_evaluation():
    x, xs = sequences([FEATURES])
    function = cntk.lattice_sequence_with_softmax(x, x, x, x, "a", "b", "c", "d")
    assert function.output.as_string().endswith("[], [])")
    with pytest.raises(cntk.CntkError, match="only its graph is supported"):
        cntk.evaluate(function, {x: xs})
