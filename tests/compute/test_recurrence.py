"""Loops over ragged sequences: cells against their formulas, gradients through time against differences."""

import numpy as np
import pytest
from gradients import check_gradients, ragged, sequences_of
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute.flow import Flow
from xquery_bridge.compute.initializers import normal
from xquery_bridge.compute.learners import Adam
from xquery_bridge.compute.lstm_loop import match_lstm
from xquery_bridge.compute.schedules import Schedule

LENGTHS = st.lists(st.integers(1, 5), min_size=1, max_size=5)
UNITS, INPUTS = 3, 2


def sigma(x):
    return 1 / (1 + np.exp(-x))


def given_sequences(lengths, seed=0):
    draw = np.random.default_rng(seed)
    arrays = [draw.standard_normal((n, INPUTS)) for n in lengths]
    x = cntk.input_variable(cntk.Shape((INPUTS,)), "double")
    shape = cntk.Shape((INPUTS,))
    return arrays, x, cntk.Value.batch_of_sequences(shape, [a.reshape(-1) for a in arrays], data_type="double")


def weights_of(function, seed=1):
    """Sets random weights; by name, the second one of a name with a 1 behind it."""
    draw = np.random.default_rng(seed)
    found = {}
    for p in function.parameters:
        p.data = draw.standard_normal(p.data.shape)
        found[p.name + ("1" if p.name in found else "")] = p.data
    return found


def lstm_step(w, x, h, c, peepholes=False):
    i, g, f, o = np.split(x @ w["W"] + h @ w["H"] + w["b"], 4)
    state = c * sigma(f + w["Cf"] * c if peepholes else f) + sigma(i + w["Ci"] * c if peepholes else i) * np.tanh(g)
    h = sigma(o + w["Co"] * state if peepholes else o) * np.tanh(state)
    return (h @ w["P"] if "P" in w else h), state


def gru_step(w, x, h, _):
    z, r, c = np.split(x @ w["W"] + w["b"], 3)
    hz, hr = np.split(h @ w["H"], 2)
    z, r = sigma(z + hz), sigma(r + hr)
    c = np.tanh(c + (r * h) @ w["H1"])
    return (1 - z) * c + z * h, None


def rnn_step(w, x, h, _):
    return sigma(x @ w["W"] + h @ w["H"] + w["b"]), None


def along(step, w, sequence, start=(0.0, 0.0), backwards=False, cells=UNITS):
    h, c = np.full(UNITS, start[0]), np.full(cells, start[1])
    out, states = np.empty((len(sequence), UNITS)), np.empty((len(sequence), cells))
    for t in reversed(range(len(sequence))) if backwards else range(len(sequence)):
        h, c = step(w, sequence[t], h, c)
        out[t], states[t] = h, (0 if c is None else c)
    return out, states


LAYERS = {
    "lstm": (cntk.lstm_layer, lstm_step, "b W H"),
    "gru": (cntk.gru_layer, gru_step, "b W H H1"),
    "rnn": (cntk.rnn_step_layer, rnn_step, "W H b"),
}


@pytest.mark.parametrize("kind", LAYERS)
@given(LENGTHS, st.booleans(), st.booleans())
@settings(max_examples=15, deadline=None)
def test_layers_follow_their_formulas_step_by_step(kind, lengths, backwards, started):
    layer, step, names = LAYERS[kind]
    arrays, x, value = given_sequences(lengths)
    start = 0.5 if started else 0.0
    function = layer(x, backwards, [cntk.scalar("double", start)] if started else [], shape=(UNITS,))
    assert [p.name for p in function.parameters] == names.split()
    w = weights_of(function)
    [result] = cntk.evaluate(function, {x: value})
    for found, a in zip(result.sequences(), arrays, strict=True):
        np.testing.assert_allclose(found, along(step, w, a, (start, start), backwards)[0], rtol=1e-9, atol=1e-12)


def test_peepholes_projection_and_the_full_state():
    arrays, x, value = given_sequences([4, 1, 3])
    function = cntk.lstm_layer(x, return_full_state=True, shape=(UNITS,), use_peepholes=True)
    assert [p.name for p in function.parameters] == ["b", "W", "H", "Co", "Cf", "Ci"]
    w = weights_of(function)
    h, c = cntk.evaluate(function, {x: value})
    for found, states, a in zip(h.sequences(), c.sequences(), arrays, strict=True):
        wanted, wanted_states = along(lambda *v: lstm_step(*v, True), w, a)
        np.testing.assert_allclose(found, wanted, rtol=1e-9)
        np.testing.assert_allclose(states, wanted_states, rtol=1e-9)
    projected = cntk.lstm_layer(x, shape=(UNITS,), cell_shape=(5,))
    w = weights_of(projected)
    [result] = cntk.evaluate(projected, {x: value})
    for found, a in zip(result.sequences(), arrays, strict=True):
        np.testing.assert_allclose(found, along(lstm_step, w, a, cells=5)[0], rtol=1e-9)


def test_stabilizers_change_nothing_at_first():
    arrays, x, value = given_sequences([4, 2])
    function = cntk.lstm_layer(x, shape=(UNITS,), enable_self_stabilization=True)
    w = {p.name: p.data for p in function.parameters}
    assert w["alpha"] == pytest.approx(0.9953786)
    [result] = cntk.evaluate(function, {x: value})
    for found, a in zip(result.sequences(), arrays, strict=True):
        np.testing.assert_allclose(found, along(lstm_step, w, a)[0], rtol=1e-6)


GRADIENT_CASES = {
    "lstm": lambda x: cntk.lstm_layer(x, shape=(UNITS,), init=normal(0.5)),
    "lstm with everything": lambda x: cntk.lstm_layer(
        x, shape=(2,), cell_shape=(3,), use_peepholes=True, enable_self_stabilization=True, init=normal(0.5)
    ),
    "gru backwards": lambda x: cntk.gru_layer(x, go_backwards=True, shape=(UNITS,), init=normal(0.5)),
    "rnn, last step": lambda x: cntk.sequence_last(cntk.rnn_step_layer(x, shape=(UNITS,), init=normal(0.5))),
    "two layers": lambda x: cntk.lstm_layer(
        cntk.rnn_step_layer(x, shape=(2,), init=normal(0.5)), shape=(2,), init=normal(0.5)
    ),
}


@pytest.mark.parametrize("lengths", [[3], [2, 2], [2, 4, 1]], ids=str)
@pytest.mark.parametrize("case", GRADIENT_CASES)
def test_gradients_go_back_through_time(case, lengths):
    like, steps = ragged(lengths)
    data = np.random.default_rng(2).standard_normal((len(lengths), max(lengths), INPUTS))
    x, held = sequences_of(data, like)
    function = GRADIENT_CASES[case](x)
    check_gradients(function, [held, *(p for p in function.parameters if p is not held)], {like: steps})


def recurrence(x, start, offset, delay=cntk.past_value):
    """s = x + a s', s' some steps before; s' is used outside the loop too."""
    a = cntk.parameter(cntk.Shape((INPUTS,)), "double", np.array([0.5, -1.5]))
    stand_in = cntk.placeholder()
    before = delay(stand_in, start, offset)
    total = cntk.plus(x, cntk.element_times(a, before))
    total.replace_placeholders({stand_in: total.output})
    return cntk.plus(total, cntk.element_times(before, cntk.scalar("double", 2))), a


@pytest.mark.parametrize("offset", [1, 2, 3])
@pytest.mark.parametrize("lengths", [[4, 4], [2, 5, 1]], ids=str)
@pytest.mark.parametrize("delay", [cntk.past_value, cntk.future_value])
@pytest.mark.parametrize("kind", ["parameter", "batch"])
def test_delays_of_several_steps_and_states_that_learn(offset, lengths, delay, kind):
    like, steps = ragged(lengths)
    data = np.random.default_rng(2).standard_normal((len(lengths), max(lengths), INPUTS))
    x, held = sequences_of(data, like)
    if kind == "parameter":
        start = first = cntk.parameter(cntk.Shape((INPUTS,)), "double", np.array([0.3, 0.7]))
    else:
        start = cntk.parameter(cntk.Shape((INPUTS, len(lengths))), "double", data[:, 0])
        first = cntk.to_batch(start)
    function, a = recurrence(x, first, offset, delay)
    [result] = cntk.evaluate(function, {like: steps})
    for found, row, n, initial in zip(
        result.sequences(), data, lengths, np.broadcast_to(start.data, (len(lengths), INPUTS)), strict=True
    ):
        s = np.empty((n, INPUTS))
        wanted = np.empty((n, INPUTS))
        for t in range(n) if delay is cntk.past_value else reversed(range(n)):
            source = t - offset if delay is cntk.past_value else t + offset
            before = s[source] if 0 <= source < n else initial
            s[t] = row[t] + a.data * before
            wanted[t] = s[t] + 2 * before
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    check_gradients(function, [held, a, start], {like: steps})


def test_loops_in_both_directions_at_once_and_without_a_delay_are_refused():
    _, x, value = given_sequences([3])
    stand_in = cntk.placeholder()
    both = cntk.plus(cntk.past_value(stand_in, cntk.scalar("double", 0)), x)
    both = cntk.plus(cntk.future_value(stand_in, cntk.scalar("double", 0)), both)
    both.replace_placeholders({stand_in: both.output})
    with pytest.raises(cntk.CntkError, match="multiple different stepping directions"):
        cntk.evaluate(both, {x: value})
    stand_in = cntk.placeholder()
    loose = cntk.plus(x, stand_in)
    loose.replace_placeholders({stand_in: loose.output})
    with pytest.raises(cntk.CntkError, match="needs a PastValue or a FutureValue"):
        cntk.evaluate(loose, {x: value})


def test_a_loop_may_run_where_steps_depend_on_data():
    arrays, x, value = given_sequences([3, 2])
    keep = cntk.element_times(cntk.sequence_is_first(x), cntk.scalar("double", 3))
    function = cntk.sequence_gather(cntk.rnn_step_layer(x, shape=(UNITS,)), keep)
    w = {p.name: p.data for p in function.parameters}
    [result] = cntk.evaluate(function, {x: value})
    for found, a in zip(result.sequences(), arrays, strict=True):
        np.testing.assert_allclose(found, along(rnn_step, w, a)[0][[0, 0, 0]], rtol=1e-12)


@pytest.mark.parametrize(
    "options, recognised",
    [({}, True), ({"go_backwards": True}, True), ({"use_peepholes": True}, False), ({"cell_shape": (5,)}, False)],
    ids=str,
)
def test_the_loop_of_a_plain_lstm_is_recognised(options, recognised):
    _, x, _ = given_sequences([2])
    flow = Flow(cntk.lstm_layer(x, shape=(UNITS,), **options).outputs)
    [loop] = [group for group in flow.groups if flow.is_loop(group)]
    assert (match_lstm(loop, flow.used_outside(loop)) is not None) == recognised
    assert match_lstm(loop, {v for step in loop for v in step.outputs}) is None


def test_states_that_learn_and_both_outputs_of_an_lstm():
    like, steps = ragged([2, 4, 1])
    data = np.random.default_rng(2).standard_normal((3, 4, INPUTS))
    x, held = sequences_of(data, like)
    starts = [cntk.parameter(cntk.Shape((UNITS,)), "double", np.array([0.1, 0.2, 0.3]) * k) for k in (1, 2)]
    function = cntk.lstm_layer(x, False, starts, True, shape=(UNITS,), init=normal(0.5))
    both = cntk.plus(function.outputs[0], cntk.square(function.outputs[1]))
    check_gradients(both, [p for p in both.parameters if p is not held] + [held], {like: steps})
    only_state = cntk.sequence_first(function.outputs[1])
    check_gradients(only_state, [held, *starts], {like: steps})


def test_gradients_of_a_loop_in_a_graph_that_is_laid_out_by_data():
    like, steps = ragged([2, 4, 1])
    x, held = sequences_of(np.random.default_rng(2).standard_normal((3, 4, INPUTS)), like)
    keep = cntk.greater(cntk.reduce_sum(cntk.square(x), cntk.Axis.all_static_axes()), cntk.scalar("double", 0))
    for layer in (cntk.gru_layer, cntk.lstm_layer):
        function = cntk.sequence_gather(layer(x, shape=(2,), init=normal(0.5)), keep)
        check_gradients(function, [held, *(p for p in function.parameters if p is not held)], {like: steps})


def test_a_recurrent_classifier_learns_on_ragged_minibatches():
    """Whether the first step of a sequence was positive."""
    x = cntk.input_variable(cntk.Shape((1,)))
    y = cntk.input_variable(cntk.Shape((2,)), dynamic_axes=[cntk.Axis.default_batch()])
    scores = cntk.dense_layer(cntk.sequence_last(cntk.lstm_layer(x, shape=(8,))), (2,))
    loss = cntk.cross_entropy_with_softmax(scores, y)
    learner = Adam(scores.parameters, Schedule.from_constant(0.02, 1), Schedule.from_constant(0.9))
    trainer = cntk.Trainer(scores, loss, cntk.classification_error(scores, y), [learner])
    draw = np.random.default_rng(0)
    for _ in range(120):
        sequences = [draw.standard_normal(n) for n in draw.integers(1, 7, 16)]
        targets = np.eye(2)[[int(s[0] > 0) for s in sequences]]
        bound = {
            x: cntk.Value.batch_of_sequences(cntk.Shape((1,)), sequences),
            y: cntk.Value.batch(cntk.Shape((2,)), targets.reshape(-1)),
        }
        trainer.train_minibatch(bound)
    assert trainer.previous_minibatch_loss_average < 0.25
