"""Functions leave as ONNX and come back: onnxruntime and our own reader compute what the function does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute.models import detect_format, export_onnx, import_onnx, load_model, save_model

onnxruntime.set_default_logger_severity(3)

BATCH = [cntk.Axis.default_batch()]
SEQUENCE = list(cntk.Axis.default_input_axes())
SAMPLES, STEPS = 3, 4
STATIC = cntk.Axis.static


@pytest.fixture(autouse=True)
def fresh_session():
    with cntk.session():
        yield


def batch(*dimensions: int, name: str = "") -> cntk.Variable:
    return cntk.input_variable(cntk.Shape(dimensions), name=name, dynamic_axes=BATCH)


def sequence(*dimensions: int) -> cntk.Variable:
    return cntk.input_variable(cntk.Shape(dimensions), dynamic_axes=SEQUENCE)


def static(*dimensions: int) -> cntk.Variable:
    return cntk.input_variable(cntk.Shape(dimensions), dynamic_axes=[])


def filled(*dimensions: int) -> cntk.Parameter:
    values = np.random.default_rng(sum(dimensions)).normal(size=dimensions[::-1])
    return cntk.parameter(cntk.Shape(dimensions), "float", values)


def number(value: float) -> cntk.Constant:
    return cntk.scalar("float", value)


def value_and_tensor(variable: cntk.Variable, seed: int) -> tuple[cntk.Value, np.ndarray]:
    """Random data for an input, as CNTK takes it and as ONNX does."""
    rng = np.random.default_rng(seed)
    sample = variable.shape[::-1]
    if len(variable.dynamic_axes) == 2:
        data = rng.normal(size=(SAMPLES, STEPS, *sample)).astype(np.float32)
        return cntk.Value.batch_of_sequences(variable.shape, [s.reshape(-1) for s in data]), np.moveaxis(data, 0, 1)
    if variable.dynamic_axes:
        data = rng.normal(size=(SAMPLES, *sample)).astype(np.float32)
        return cntk.Value.batch(variable.shape, data.reshape(-1)), data
    data = rng.normal(size=sample).astype(np.float32)
    return cntk.Value.of(variable.shape, data.reshape(-1)), data


def flat(value: cntk.Value, variable: cntk.Variable) -> np.ndarray:
    return np.concatenate([part.reshape(-1) for part in value.to_arrays(variable)])


def assert_same_numbers(function: cntk.Function, opset: int = 21, comes_back: bool = True) -> None:
    """onnxruntime gives a function's own numbers, and so does the function that is read back."""
    data = export_onnx(function, opset)
    arguments = {v: value_and_tensor(v, seed) for seed, v in enumerate(function.arguments)}
    expected = cntk.evaluate(function, {v: value for v, (value, _) in arguments.items()})
    runtime = onnxruntime.InferenceSession(data)
    feeds = {row.name: tensor for row, (_, tensor) in zip(runtime.get_inputs(), arguments.values(), strict=True)}
    for output, value, found in zip(function.outputs, expected, runtime.run(None, feeds), strict=True):
        if len(output.dynamic_axes) == 2:
            found = np.moveaxis(found, 0, 1)
        np.testing.assert_allclose(found.reshape(-1), flat(value, output), rtol=2e-4, atol=2e-5)
    if not comes_back:
        return
    back = import_onnx(data)
    values = {v: value for v, (value, _) in zip(back.arguments, arguments.values(), strict=True)}
    results = cntk.evaluate(back, values)
    for output, value, twin, found in zip(function.outputs, expected, back.outputs, results, strict=True):
        np.testing.assert_allclose(flat(found, twin), flat(value, output), rtol=2e-4, atol=2e-5)


def two_layers() -> cntk.Function:
    hidden = cntk.dense_layer(batch(4, name="x"), (5,), cntk.relu)
    return cntk.softmax(cntk.dense_layer(hidden, (3,)), name="scores")


def image_network() -> cntk.Function:
    h = cntk.convolution_2d_layer(batch(8, 7, 2), (3, 3), 4, cntk.relu, pad=True)
    h = cntk.max_pooling_layer(h, (2, 2), (2, 2))
    h = cntk.convolution_2d_layer(h, (3, 2), 5, strides=2, pad=True)
    h = cntk.batch_normalization_layer(h, map_rank=1)
    h = cntk.average_pooling_layer(h, (2, 2), 1, pad=True)
    return cntk.dense_layer(cntk.global_average_pooling_layer(h), (3,))


def activations() -> cntk.Function:
    x = batch(4, 2)
    rows = [cntk.elu(x, 0.5), cntk.elu(x), cntk.selu(x), cntk.leaky_relu(x), cntk.hard_sigmoid(x, 0.2, 0.5)]
    rows += [cntk.softplus(x), cntk.softsign(x), cntk.sigmoid(x), cntk.pre_lu(filled(4, 2), x), cntk.log_softmax(x)]
    rows += [cntk.softmax(x), cntk.softmax(x, STATIC(1)), cntk.hardmax(x), cntk.ceil(x), cntk.round(x)]
    rows += [cntk.straight_through(x), cntk.sqrt(cntk.abs(x)), cntk.clip(x, number(-0.5), number(0.5))]
    return cntk.combine(rows)


def comparisons() -> cntk.Function:
    x, y = batch(4, 2), batch(4, 2)
    rows = [f(x, y) for f in (cntk.element_and, cntk.element_or, cntk.element_xor, cntk.not_equal, cntk.less)]
    rows += [f(x, y) for f in (cntk.greater_equal, cntk.element_max, cntk.element_min, cntk.log_add_exp)]
    rows += [cntk.element_not(x), cntk.equal(x, x), cntk.element_select(x, y, x), cntk.element_divide(x, y)]
    rows += [cntk.pow(cntk.abs(x), y), cntk.sum([x, y, x]), cntk.mean([x, y])]
    return cntk.combine(rows)


def reductions() -> cntk.Function:
    x = batch(4, 3)
    rows = [cntk.reduce_sum(x, STATIC(0)), cntk.reduce_mean(x, cntk.Axis.all_static_axes())]
    rows += [cntk.reduce_max_on_axes(x, [STATIC(0), STATIC(1)], False), cntk.reduce_log_sum(x, STATIC(1))]
    rows += [cntk.argmax(x, STATIC(0)), cntk.reduce_l2(x, [STATIC(1)]), cntk.reduce_sum(x, cntk.Axis.all_axes())]
    rows += [cntk.reduce_mean(x, cntk.Axis.default_batch())]
    return cntk.combine(rows)


def rearrangements() -> cntk.Function:
    x = batch(4, 3, 2)
    rows = [cntk.reshape(x, (6, 4)), cntk.transpose_axes(x, STATIC(0), STATIC(2)), cntk.flatten(x, STATIC(1))]
    rows += [cntk.transpose(x, [STATIC(2), STATIC(0), STATIC(1)]), cntk.slice(x, [STATIC(0)], [1], [3])]
    rows += [cntk.slice(x, [STATIC(0), STATIC(1)], [0, -2], [0, 0], [2, 1]), cntk.splice([x, x], STATIC(1))]
    rows += [cntk.slice(x, [STATIC(0)], [0], [4], [-1]), cntk.splice([x, x], STATIC(3)), cntk.flatten(x)]
    rows += [cntk.pad(x, "constant", [1, 0, 0], [0, 1, 0], 2.0), cntk.pad(x, "reflect", [1, 0, 0], [0, 1, 0])]
    rows += [cntk.expand_dims(x, STATIC(1)), *cntk.top_k(x, 2).outputs]
    return cntk.combine(rows)


def delays() -> cntk.Function:
    x = sequence(3)
    rows = [cntk.past_value(x, None, 2), cntk.future_value(x, 0.5, 1), cntk.sequence_first(x)]
    rows += [cntk.sequence_slice(x, 1, 3), cntk.sequence_slice(x, -3, -1), cntk.sequence_is_first(x)]
    rows += [cntk.sequence_reduce_sum(x), cntk.sequence_softmax(x)]
    return cntk.combine(rows)


def normalizations() -> cntk.Function:
    x = batch(6, 5, 4)
    rows = [cntk.local_response_normalization(x, 1, 1.0, 1.0, 0.5), cntk.mean_variance_normalization(x)]
    rows += [cntk.layer_normalization_layer(x), cntk.image_scaler(x, 0.5, [1, 2, 3, 4]), cntk.depth_to_space(x, 2)]
    return cntk.combine(rows)


def losses() -> cntk.Function:
    z, y = batch(4), batch(4)
    rows = [cntk.cross_entropy_with_softmax(z, y), cntk.squared_error(z, y), cntk.classification_error(z, y)]
    return cntk.combine([*rows, cntk.cosine_distance(z, y)])


def both_directions() -> cntk.Function:
    x = sequence(3)
    parts = [cntk.lstm_layer(x, backwards, shape=(4,)) for backwards in (False, True)]
    return cntk.splice(parts, STATIC(0))


def stack(cell: str, bidirectional: bool) -> cntk.Function:
    weights = cntk.parameter(cntk.Shape((cntk.INFERRED,)), "float", cntk.initializers.uniform(0.5))
    return cntk.optimized_rnnstack(sequence(3), weights, 4, 2, bidirectional, cell)


MODELS: dict[str, Callable[[], cntk.Function]] = {
    "two dense layers": two_layers,
    "a dense layer to a matrix": lambda: cntk.dense_layer(batch(4, 3), (5, 2), cntk.tanh),
    "a dense layer that maps": lambda: cntk.dense_layer(batch(4, 3), (5,), cntk.tanh, map_rank=1),
    "operands of different ranks": lambda: cntk.plus(batch(4, 2), batch(4)),
    "a product of an input with rest": lambda: cntk.times(batch(3, 4), batch(4, 2)),
    "a transposed product": lambda: cntk.transpose_times(batch(4, 3), batch(4)),
    "no dynamic axes": lambda: cntk.times(filled(3, 4), static(4, 2)),
    "activations": activations,
    "comparisons": comparisons,
    "reductions": reductions,
    "rearrangements": rearrangements,
    "losses": losses,
    "an image network": image_network,
    "a transposed convolution": lambda: cntk.convolution_transpose_2d_layer(batch(4, 5, 3), 3, 2, strides=2, pad=True),
    "a transposed convolution to a size": lambda: cntk.convolution_transpose_2d_layer(
        batch(4, 5, 3), 4, 2, strides=2, pad=True, output_shape=(8, 10)
    ),
    "a convolution over one dimension": lambda: cntk.convolution_1d_layer(batch(8, 2), 3, 4, strides=2, pad=True),
    "a convolution without channels": lambda: cntk.convolution_2d_layer(batch(8, 7), 3, 4, reduction_rank=0),
    "a convolution of each step": lambda: cntk.convolution_2d_layer(sequence(5, 5, 2), 3, 2),
    "normalization of every element": lambda: cntk.batch_normalization_layer(batch(3, 2)),
    "normalizations": normalizations,
    "an embedding": lambda: cntk.embedding_layer(batch(6), (3,)),
    "a one-hot vector": lambda: cntk.one_hot_op(cntk.floor(cntk.abs(batch(3))), 4),
    "gathered rows": lambda: cntk.gather_op(cntk.clip(batch(2), number(0), number(1)), filled(3, 5)),
    "an LSTM and its last step": lambda: cntk.dense_layer(
        cntk.sequence_last(cntk.lstm_layer(sequence(3), shape=(4,))), (2,)
    ),
    "an LSTM with peepholes, backwards": lambda: cntk.lstm_layer(
        sequence(3), True, shape=(4,), use_peepholes=True, init=cntk.initializers.uniform(1)
    ),
    "LSTMs of both directions": both_directions,
    "a GRU": lambda: cntk.dense_layer(cntk.gru_layer(sequence(3), shape=(4,)), (2,)),
    "a GRU over unpacked steps": lambda: cntk.gru_layer(cntk.to_sequence(batch(3, 4)), shape=(2,)),
    "a plain recurrence with an initial state": lambda: cntk.rnn_step_layer(
        sequence(3), initial_states=[0.3], shape=(4,)
    ),
    "a plain recurrence with relu": lambda: cntk.rnn_step_layer(sequence(3), shape=(4,), activation=cntk.relu),
    "a stack of LSTMs": lambda: stack("lstm", True),
    "a stack of GRUs": lambda: stack("gru", False),
    "delays and slices": delays,
    "unpacked steps": lambda: cntk.sequence_unpack(sequence(3), 0, True),
    "a sample added to every step": lambda: cntk.plus(sequence(3), batch(3)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_gives_the_same_numbers_in_onnxruntime_and_when_it_comes_back(name: str) -> None:
    assert_same_numbers(MODELS[name]())


@pytest.mark.parametrize("name", ["reductions", "an image network", "an LSTM and its last step", "normalizations"])
def test_an_older_operator_set_can_be_asked_for(name: str) -> None:
    model = MODELS[name]()
    assert onnx.load_from_string(export_onnx(model, 13)).opset_import[0].version == 13
    assert_same_numbers(model, 13, comes_back=False)


@settings(max_examples=20)
@given(
    size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    taps=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(st.booleans(), st.booleans()),
    pool=st.sampled_from(["max", "average"]),
)
def test_windows_of_any_size_stride_and_padding_are_the_same(
    size: tuple[int, int], taps: tuple[int, int], strides: tuple[int, int], pads: tuple[bool, bool], pool: str
) -> None:
    with cntk.session():
        x = batch(*size, 2)
        convolved = cntk.convolution_2d_layer(x, taps, 3, strides=strides, pad=pads)
        pooled = cntk.pooling(x, pool, taps, strides, [*pads, False])
        spread = cntk.convolution_transpose_2d_layer(x, taps, 3, strides=strides, pad=pads)
        assert_same_numbers(cntk.combine([convolved, pooled, spread]))


def test_inputs_and_outputs_keep_their_names_and_free_leading_dimensions() -> None:
    model = onnx.load_from_string(export_onnx(two_layers()))
    [given] = model.graph.input
    [result] = model.graph.output
    assert (given.name, result.name) == ("x", "scores")
    dimensions = [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim]
    assert dimensions == ["batch", 4]
    assert model.opset_import[0].version == 21


def test_a_model_that_came_from_a_file_of_cntk_leaves_the_same() -> None:
    model = two_layers()
    assert_same_numbers(load_model(save_model(model)))


def test_a_model_that_came_back_can_be_trained() -> None:
    model = import_onnx(export_onnx(cntk.dense_layer(batch(2), (1,))))
    y = batch(1)
    loss = cntk.squared_error(model, y)
    learner = cntk.Sgd(model.parameters, cntk.Schedule.from_constant(0.01, 1))
    trainer = cntk.Trainer(model, loss, None, [learner])
    bindings = {
        model.arguments[0]: cntk.Value.batch(cntk.Shape((2,)), [1, 2, 3, 4]),
        y: cntk.Value.batch(cntk.Shape((1,)), [1, 0]),
    }
    losses = [trainer.train_minibatch(bindings) and trainer.previous_minibatch_loss_average for _ in range(5)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (lambda: cntk.dropout(cntk.uniform_random(cntk.Shape((3,)), "float"), 0.5), "'RandomDistribution'"),
        (lambda: cntk.sequence_gather(sequence(3), sequence(1)), "'Where'"),
        (lambda: cntk.lstm_layer(sequence(3), shape=(4,), enable_self_stabilization=True), "self-stabilization"),
        (lambda: cntk.pad(batch(3), "symmetric", [1], [1]), "symmetric"),
    ],
)
def test_what_onnx_has_no_counterpart_for_is_named(model: Callable[[], cntk.Function], sentence: str) -> None:
    with pytest.raises(cntk.CntkError, match=sentence):
        export_onnx(model())


def test_a_loop_that_is_no_cell_is_refused() -> None:
    stand_in = cntk.placeholder()
    looped = cntk.plus(sequence(3), cntk.past_value(stand_in))
    looped.replace_placeholders({stand_in: looped.output})
    with pytest.raises(cntk.CntkError, match="loop"):
        export_onnx(looped)


@pytest.mark.parametrize("opset", [12, 22])
def test_an_operator_set_that_is_not_written_is_refused(opset: int) -> None:
    with pytest.raises(cntk.CntkError, match="13 to 21"):
        export_onnx(two_layers(), opset)


def test_formats_are_told_apart() -> None:
    model = two_layers()
    assert detect_format(export_onnx(model)) == "onnx"
    assert detect_format(save_model(model)) == "cntk"
    assert detect_format("BCN".encode("utf-16-le") + bytes(8)) == "cntk"
    for data in (b"", b"hello, world", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04"):
        assert detect_format(data) == ""


@pytest.mark.parametrize("data", [b"", b"hello", bytes(20)])
def test_what_is_no_onnx_model_is_refused(data: bytes) -> None:
    with pytest.raises(cntk.CntkError, match="ONNX model"):
        import_onnx(data)


@settings(max_examples=25)
@given(st.floats(0.01, 0.99))
def test_a_truncated_model_is_refused(share: float) -> None:
    with cntk.session():
        data = export_onnx(two_layers())
    with pytest.raises(cntk.CntkError, match="ONNX model"):
        import_onnx(data[: int(len(data) * share)])


@settings(max_examples=50)
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_model_is_read_or_refused_but_never_crashes(place: int, byte: int) -> None:
    with cntk.session():
        data = bytearray(export_onnx(two_layers()))
        data[place % len(data)] = byte
        try:
            import_onnx(bytes(data))
        except cntk.CntkError as error:
            assert str(error)
