"""Dense, embedding, normalizing and recurrent layers against their formulas."""

import numpy as np
import pytest

from xquery_bridge import compute
from xquery_bridge.compute import CntkError, Shape, Value, session
from xquery_bridge.compute.learners import Sgd
from xquery_bridge.compute.schedules import Schedule

_AXES = [compute.Axis.default_batch()]


@pytest.fixture(autouse=True)
def _new_session():
    with session():
        yield


def _input(*shape, axes=_AXES):
    return compute.input_variable(Shape(shape), "double", dynamic_axes=axes)


def _samples(count, *shape, seed=0):
    """Numbers in NumPy order: (count, reversed shape)."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape[::-1]))


def _run(function, **bound):
    bindings = {variable: Value.batch(variable.shape, data, "double") for variable, data in bound["bindings"]}
    return [value.array for value in compute.evaluate(function, bindings)]


def _parameters(function):
    return {parameter.name: parameter.data for parameter in function.parameters}


def _fill(function, seed=1):
    generator = np.random.default_rng(seed)
    for parameter in function.parameters:
        parameter.data = generator.uniform(-1, 1, parameter.data.shape)


def _sigma(x):
    return 1 / (1 + np.exp(-x))


def test_a_dense_layer_consumes_all_dimensions():
    x = _input(3, 2)
    layer = compute.dense_layer(x, (4,), compute.tanh)
    _fill(layer)
    p = _parameters(layer)
    data = _samples(5, 3, 2)
    assert [parameter.shape for parameter in layer.parameters] == [(4, 3, 2), (4,)]
    expected = np.tanh(np.einsum("nji,jio->no", data, p["W"]) + p["b"])
    np.testing.assert_allclose(_run(layer, bindings=[(x, data)])[0], expected, rtol=1e-12)


@pytest.mark.parametrize(("ranks", "weight"), [({"map_rank": 1}, (4, 3)), ({"input_rank": 1}, (4, 3)), ({}, (4, 3, 2))])
def test_ranks_say_which_dimensions_a_dense_layer_consumes(ranks, weight):
    layer = compute.dense_layer(_input(3, 2), (4,), **ranks)
    assert layer.parameters[0].shape == weight
    assert layer.output.shape == (4, *(3, 2)[len(weight) - 1 :])


def test_a_dense_layer_takes_one_rank_only():
    with pytest.raises(CntkError, match="cannot be specified at the same time"):
        compute.dense_layer(_input(3), (4,), input_rank=1, map_rank=1)


def test_an_embedding_weighs_the_columns_of_a_parameter_or_of_given_numbers():
    x = _input(3)
    data = _samples(4, 3)
    learnt = compute.embedding_layer(x, (2,))
    expected = data @ _parameters(learnt)["E"]
    np.testing.assert_allclose(_run(learnt, bindings=[(x, data)])[0], expected, rtol=1e-12)
    weight = Value.of(Shape((2, 3)), np.arange(6.0), "double")
    fixed = compute.embedding_layer(x, weight=weight)
    assert fixed.parameters == []
    np.testing.assert_allclose(_run(fixed, bindings=[(x, data)])[0], data @ weight.array, rtol=1e-12)


def test_an_embedding_needs_a_shape_and_takes_one_kind_of_weight():
    with pytest.raises(CntkError, match="output shape must be specified"):
        compute.embedding_layer(_input(3))
    with pytest.raises(CntkError, match="mutually exclusive"):
        compute.embedding_layer(_input(3), (2,), 0.0, Value.of(Shape((2, 3)), np.zeros(6), "double"))


def test_layer_normalization_is_over_all_elements_of_a_sample():
    x = _input(3, 2)
    layer = compute.layer_normalization_layer(x, epsilon=0.1)
    _fill(layer)
    p = _parameters(layer)
    data = _samples(4, 3, 2)
    centred = data - data.mean((1, 2), keepdims=True)
    expected = centred / (data.std((1, 2), keepdims=True) + 0.1) * p["scale"] + p["bias"]
    np.testing.assert_allclose(_run(layer, bindings=[(x, data)])[0], expected, rtol=1e-10)


def test_a_dropout_layer_drops_in_training_only():
    x = _input(1000)
    w = compute.parameter(Shape((1000,)), "double", 1.0)
    layer = compute.dropout_layer(compute.element_times(w, x), keep_prob=0.75)
    ones = np.ones((1, 1000))
    np.testing.assert_array_equal(_run(layer, bindings=[(x, ones)])[0], ones)
    rate = Schedule.from_constant(1.0, 1)
    trainer = compute.Trainer(layer, compute.reduce_sum(layer, compute.Axis.all_static_axes()), None, [Sgd([w], rate)])
    trainer.train_minibatch({x: Value.batch(x.shape, ones, "double")})
    kept = 1 - w.data
    assert set(np.round(kept, 12)) == {0, np.round(1 / 0.75, 12)}
    assert 0.7 < (kept > 0).mean() < 0.8


@pytest.mark.parametrize("options", [{}, {"dropout_rate": 0.5, "keep_prob": 0.5}, {"keep_prob": 1.0}])
def test_a_dropout_layer_takes_one_probability(options):
    with pytest.raises(CntkError, match="Dropout: "):
        compute.dropout_layer(_input(2), **options)


def test_numbers_for_a_parameter_of_another_size_are_refused():
    numbers = compute.from_value(Value.of(Shape((3,)), np.zeros(3)))
    with pytest.raises(CntkError, match=r"a parameter of shape '\[2 x 2\]' was expected, one of 3 elements came"):
        compute.dense_layer(_input(2), (2,), init=numbers)


def _lstm_step(p, h, c, x):
    z = x @ p["W"] + h @ p["H"] + p["b"]
    into, candidate, forget, out = np.split(z, 4, axis=-1)
    state = _sigma(forget + c * p.get("Cf", 0)) * c + _sigma(into + c * p.get("Ci", 0)) * np.tanh(candidate)
    return _sigma(out + state * p.get("Co", 0)) * np.tanh(state), state


@pytest.mark.parametrize("peepholes", [False, True])
def test_an_lstm_block_gives_output_and_state(peepholes):
    h, c, x = _input(2), _input(2), _input(3)
    block = compute.lstm_block(h, c, x, (2,), use_peepholes=peepholes)
    _fill(block)
    data = [_samples(4, 2, seed=1), _samples(4, 2, seed=2), _samples(4, 3, seed=3)]
    results = _run(block, bindings=list(zip((h, c, x), data, strict=True)))
    for result, expected in zip(results, _lstm_step(_parameters(block), *data), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-10)


def test_a_gru_block_mixes_the_state_and_a_candidate():
    h, x = _input(2), _input(3)
    block = compute.gru_block(h, x, (2,))
    _fill(block)
    p = _parameters(block)
    before, data = _samples(4, 2, seed=1), _samples(4, 3, seed=2)
    from_input, from_state = np.split(data @ p["W"] + p["b"], 3, axis=-1), np.split(before @ p["H"], 2, axis=-1)
    update, reset = _sigma(from_input[0] + from_state[0]), _sigma(from_input[1] + from_state[1])
    candidate = np.tanh(from_input[2] + (reset * before) @ p["H1"])
    expected = (1 - update) * candidate + update * before
    np.testing.assert_allclose(_run(block, bindings=[(h, before), (x, data)])[0], expected, rtol=1e-10)


def test_a_cell_without_an_activation_is_linear():
    h, x = _input(2), _input(3)
    block = compute.rnn_step_block(h, x, (2,), activation=None)
    _fill(block)
    p = _parameters(block)
    before, data = _samples(4, 2, seed=1), _samples(4, 3, seed=2)
    expected = data @ p["W"] + before @ p["H"] + p["b"]
    np.testing.assert_allclose(_run(block, bindings=[(h, before), (x, data)])[0], expected, rtol=1e-10)


def test_a_cell_shape_adds_a_projection():
    block = compute.lstm_block(_input(2), _input(5), _input(3), (2,), (5,))
    shapes = {parameter.name: tuple(parameter.shape) for parameter in block.parameters}
    assert shapes == {"b": (20,), "W": (20, 3), "H": (20, 2), "P": (2, 5)}
    assert [output.shape for output in block.outputs] == [(2,), (5,)]


def test_stabilizers_start_at_1():
    h, x = _input(2), _input(3)
    data = [(h, _samples(4, 2, seed=1)), (x, _samples(4, 3, seed=2))]
    plain, steady = (
        compute.rnn_step_block(h, x, (2,), init=0.5, enable_self_stabilization=flag) for flag in (False, True)
    )
    assert [parameter.name for parameter in steady.parameters if parameter.shape.is_scalar] == ["alpha"]
    np.testing.assert_allclose(_run(steady, bindings=data)[0], _run(plain, bindings=data)[0], rtol=1e-6)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_recurrence_feeds_the_states_back_along_the_sequence(backwards):
    x = _input(3, axes=compute.Axis.default_input_axes())
    layer = compute.lstm_layer(x, backwards, [compute.scalar("double", 0.25)], shape=(2,))
    _fill(layer)
    steps = [_samples(4, 3, seed=1), _samples(2, 3, seed=2)]
    value = Value.batch_of_sequences(Shape((3,)), [part.ravel() for part in steps], (), "double")
    [result] = compute.evaluate(layer, {x: value})
    for sequence, found in zip(steps, result.sequences(), strict=True):
        h, c = np.full(2, 0.25), np.full(2, 0.25)
        expected = np.empty((len(sequence), 2))
        for step in reversed(range(len(sequence))) if backwards else range(len(sequence)):
            h, c = _lstm_step(_parameters(layer), h, c, sequence[step])
            expected[step] = h
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_full_state_has_an_output_for_each_state():
    x = _input(3, axes=compute.Axis.default_input_axes())
    full = compute.lstm_layer(x, return_full_state=True, shape=(2,))
    assert (full.root_function.op_name, len(full.outputs)) == ("LSTM", 2)
    assert compute.lstm_layer(x, shape=(2,)).root_function.op_name == "Combine"


def test_a_cell_has_vectors_for_states_and_as_many_initial_states():
    x = _input(3, axes=compute.Axis.default_input_axes())
    with pytest.raises(CntkError, match="must be vectors"):
        compute.gru_layer(x, shape=(2, 2))
    with pytest.raises(CntkError, match="1 or 2 initial states were expected, 3 came"):
        compute.lstm_layer(x, initial_states=[0.0, 0.0, 0.0], shape=(2,))
