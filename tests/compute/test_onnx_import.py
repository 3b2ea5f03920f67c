"""Every ONNX operator that is read gives onnxruntime's numbers, on batches and on tensors without a free dimension."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from xquery_bridge import compute as cntk
from xquery_bridge.compute.models import export_onnx, import_onnx

onnxruntime.set_default_logger_severity(3)

SAMPLES = 3


@pytest.fixture(autouse=True)
def fresh_session() -> Iterator[None]:
    with cntk.session():
        yield


def model_of(text: str, opset: int = 17) -> bytes:
    """A model in ONNX' text form: `float[N,3] x => float y : y = Abs(x)`."""
    head, _, body = text.partition(" : ")
    given, _, made = head.partition(" => ")
    source = f'<ir_version: 8, opset_import: ["": {opset}]> g ({given}) => ({made}) {{ {body} }}'
    return parser.parse_model(source).SerializeToString()


def value_of(variable: cntk.Variable, tensor: np.ndarray) -> cntk.Value:
    dynamic = len(variable.dynamic_axes)
    shape = cntk.Shape(tensor.shape[dynamic:][::-1])
    if dynamic == 2:
        return cntk.Value.batch_of_sequences(shape, [s.reshape(-1) for s in np.moveaxis(tensor, 1, 0)])
    return (cntk.Value.batch if dynamic else cntk.Value.of)(shape, tensor.reshape(-1))


def assert_as_onnxruntime(data: bytes, positive: bool = False, leaves_again: bool = True) -> cntk.Function:
    """The function that is read gives onnxruntime's numbers, also after it was written again."""
    runtime = onnxruntime.InferenceSession(data)
    rng = np.random.default_rng(1)
    feeds = {}
    for row in runtime.get_inputs():
        sizes = [d if isinstance(d, int) else SAMPLES + (d == "S") for d in row.shape]
        tensor = rng.normal(size=sizes).astype(np.float32)
        feeds[row.name] = np.abs(tensor) if positive else tensor
    expected = runtime.run(None, feeds)
    function = import_onnx(data)
    values = {v: value_of(v, feeds[v.name]) for v in function.arguments}
    for output, value, wanted in zip(function.outputs, cntk.evaluate(function, values), expected, strict=True):
        if len(output.dynamic_axes) == 2:
            wanted = np.moveaxis(wanted, 0, 1)
        found = np.concatenate([part.reshape(-1) for part in value.to_arrays(output)])
        np.testing.assert_allclose(found, wanted.reshape(-1), rtol=2e-4, atol=2e-5)
    if leaves_again and not any(d < 0 for v in function.arguments for d in v.shape):
        again = onnxruntime.InferenceSession(export_onnx(function))
        fed = {row.name: feeds[v.name] for row, v in zip(again.get_inputs(), function.arguments, strict=True)}
        for found, wanted in zip(again.run(None, fed), expected, strict=True):
            np.testing.assert_allclose(found.reshape(-1), wanted.reshape(-1), rtol=2e-4, atol=2e-5)
    return function


ELEMENTWISE = (
    "Abs Asinh Atan Ceil Cos Cosh Elu Exp Floor HardSigmoid Identity LeakyRelu LogSoftmax Neg Reciprocal Relu Round "
    "Selu Sigmoid Sign Sin Sinh Softmax Softplus Softsign Tan Tanh ThresholdedRelu Dropout"
)


@pytest.mark.parametrize("operator", ELEMENTWISE.split())
def test_functions_of_each_element(operator: str) -> None:
    assert_as_onnxruntime(model_of(f"float[N,3,4] x => float[N,A,B] y : y = {operator}(x)"))


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"])
@pytest.mark.parametrize("shape", ["N,3,4", "3,4", "4", "3,1", "1,1,4"])
def test_operands_broadcast(operator: str, shape: str) -> None:
    text = f"float[N,3,4] x, float[{shape}] z => float[N,A,B] y : y = {operator}(x, z)"
    assert_as_onnxruntime(model_of(text), positive=True)


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", ["[1]", "[-1]", "[1,2]", "[0]", "[0,1]"])
@pytest.mark.parametrize("operator", ["Mean", "Max", "Min", "Prod", "L1", "L2", "LogSumExp", "SumSquare"])
def test_reductions(operator: str, axes: str, keep: int) -> None:
    assert_as_onnxruntime(
        model_of(f"float[N,3,4] x => float y : y = Reduce{operator}<axes={axes}, keepdims={keep}>(x)")
    )


NORMS = "float[3] s = {1.0,2.0,3.0}, float[3] b = {0.1,0.2,0.3}"

MODELS: dict[str, str] = {
    "ReduceSum": "float[N,3,4] x => float y : a = Constant<value_ints=[1]>() y = ReduceSum(x, a)",
    "ArgMax": "float[N,3,4] x => int64 y : y = ArgMax<axis=2, keepdims=0>(x)",
    "ArgMax of the batch": "float[N,3,4] x => int64 y : y = ArgMax<axis=0, keepdims=0>(x)",
    "MatMul of batches": "float[N,3,4] x, float[N,4,5] z => float y : y = MatMul(x, z)",
    "MatMul of stacks": "float[N,2,3,4] x, float[N,2,4,5] z => float y : y = MatMul(x, z)",
    "MatMul with a vector": "float[N,3,4] x, float[4] z => float y : y = MatMul(x, z)",
    "MatMul of a vector": "float[3] x, float[N,3,2] z => float y : y = MatMul(x, z)",
    "MatMul of matrices": "float[3,4] x, float[4,2] z => float y : y = MatMul(x, z)",
    "Gemm transposed": "float[4,N] x, float[5,4] z, float[5] c => float y : "
    "y = Gemm<transA=1, transB=1, alpha=0.5, beta=2.0>(x, z, c)",
    "Gemm": "float[N,4] x, float[4,5] z => float y : y = Gemm(x, z)",
    "Softmax of the middle": "float[N,3,4] x => float y : y = Softmax<axis=1>(x)",
    "Softmax of the batch": "float[N,3,4] x => float y : y = Softmax<axis=0>(x)",
    "Transpose": "float[N,3,4] x => float y : y = Transpose<perm=[0,2,1]>(x)",
    "Transpose of the batch": "float[N,3,4] x => float y : y = Transpose<perm=[2,0,1]>(x)",
    "Flatten": "float[N,3,4] x => float y : y = Flatten(x)",
    "Reshape keeps": "float[N,3,4] x => float y : s = Constant<value_ints=[0,12]>() y = Reshape(x, s)",
    "Reshape finds": "float[N,3,4] x => float y : s = Constant<value_ints=[-1,12]>() y = Reshape(x, s)",
    "Reshape splits": "float[N,3,4] x => float y : s = Constant<value_ints=[0,-1,2]>() y = Reshape(x, s)",
    "Reshape of the batch": "float[N,3,4] x => float y : s = Constant<value_ints=[-1,6]>() y = Reshape(x, s)",
    "Reshape of one": "float[1,3,4] x => float y : s = Constant<value_ints=[1,-1]>() y = Reshape(x, s)",
    "Reshape by a computed shape": "float[N,3,4] x => float y : s = Shape(x) i = Constant<value_ints=[0]>() "
    "n = Gather(s, i) r = Constant<value_ints=[12]>() t = Concat<axis=0>(n, r) y = Reshape(x, t)",
    "Squeeze": "float[N,1,4] x => float y : a = Constant<value_ints=[1]>() y = Squeeze(x, a)",
    "Unsqueeze": "float[N,4] x => float y : a = Constant<value_ints=[1,-1]>() y = Unsqueeze(x, a)",
    "Unsqueeze before the batch": "float[N,4] x => float y : a = Constant<value_ints=[0]>() y = Unsqueeze(x, a)",
    "Slice": "float[N,5,4] x => float y : s = Constant<value_ints=[1,0]>() e = Constant<value_ints=[9,-1]>() "
    "a = Constant<value_ints=[1,2]>() t = Constant<value_ints=[2,1]>() y = Slice(x, s, e, a, t)",
    "Slice backwards": "float[N,5,4] x => float y : s = Constant<value_ints=[-1]>() e = Constant<value_ints=[-9]>() "
    "a = Constant<value_ints=[1]>() t = Constant<value_ints=[-2]>() y = Slice(x, s, e, a, t)",
    "Slice of the batch": "float[N,5] x => float y : s = Constant<value_ints=[-1]>() "
    "e = Constant<value_ints=[99999999999]>() a = Constant<value_ints=[0]>() y = Slice(x, s, e, a)",
    "Split": "float[N,5,4] x => float y, float z : s = Constant<value_ints=[2,3]>() y, z = Split<axis=1>(x, s)",
    "Concat": "float[N,5,4] x, float[N,2,4] z => float y : y = Concat<axis=1>(x, z)",
    "Concat of batches": "float[N,4] x, float[N,4] z => float y : y = Concat<axis=0>(x, z)",
    "Pad": "float[N,5,4] x => float y : p = Constant<value_ints=[0,1,2,0,0,1]>() v = Constant<value_float=2.5>() "
    "y = Pad(x, p, v)",
    "Pad by reflection": "float[N,5,4] x => float y : p = Constant<value_ints=[0,1,2,0,0,1]>() "
    'y = Pad<mode="reflect">(x, p)',
    "Gather of columns": "float[N,5,4] x => float y : i = Constant<value_ints=[3,-1,0]>() y = Gather<axis=1>(x, i)",
    "Gather of one": "float[N,5,4] x => float y : i = Constant<value_int=-1>() y = Gather<axis=1>(x, i)",
    "Gather of the batch": "float[N,5,4] x => float y : i = Constant<value_ints=[1,2]>() y = Gather<axis=0>(x, i)",
    "Gather by what is computed": "float[N,4] x, float[6,2] w => float y : "
    "a = Abs(x) b = Floor(a) c = Cast<to=7>(b) y = Gather(w, c)",
    "OneHot": "float[N,4] x => float y : a = Abs(x) b = Floor(a) c = Cast<to=7>(b) d = Constant<value_int=5>() "
    "v = Constant<value_floats=[1.0,3.0]>() y = OneHot(c, d, v)",
    "TopK": "float[N,5] x => float y, int64 z : k = Constant<value_ints=[2]>() y, z = TopK(x, k)",
    "TopK of the middle": "float[N,5,3] x => float y, int64 z : k = Constant<value_ints=[2]>() "
    "y, z = TopK<axis=1>(x, k)",
    "DepthToSpace": "float[N,8,2,3] x => float y : y = DepthToSpace<blocksize=2>(x)",
    "DepthToSpace by columns": 'float[N,8,2,3] x => float y : y = DepthToSpace<blocksize=2, mode="CRD">(x)',
    "SpaceToDepth": "float[N,2,4,6] x => float y : y = SpaceToDepth<blocksize=2>(x)",
    "Conv": "float[N,2,7,6] x, float[4,2,3,2] w, float[4] b => float y : "
    "y = Conv<pads=[1,0,2,1], strides=[2,1]>(x, w, b)",
    "Conv dilated": "float[N,2,9,9] x, float[4,2,3,3] w => float y : y = Conv<dilations=[2,1]>(x, w)",
    "Conv of groups": "float[N,4,9,9] x, float[6,2,3,3] w => float y : y = Conv<group=2>(x, w)",
    "Conv SAME_LOWER": "float[N,2,7,6] x, float[4,2,4,4] w => float y : "
    'y = Conv<auto_pad="SAME_LOWER", strides=[2,2]>(x, w)',
    "Conv SAME_UPPER": "float[N,2,7,6] x, float[4,2,4,4] w => float y : "
    'y = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(x, w)',
    "Conv of one dimension": "float[N,2,9] x, float[4,2,3] w => float y : y = Conv(x, w)",
    "Conv of three": "float[N,2,5,6,7] x, float[4,2,3,2,2] w => float y : y = Conv<pads=[1,1,1,1,1,1]>(x, w)",
    "Conv of a fixed batch": "float[2,2,9,8] x, float[4,2,3,3] w => float y : y = Conv(x, w)",
    "ConvTranspose": "float[N,3,4,5] x, float[3,2,3,3] w, float[2] b => float y : "
    "y = ConvTranspose<strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]>(x, w, b)",
    "ConvTranspose of groups": "float[N,4,4,5] x, float[4,2,3,3] w => float y : y = ConvTranspose<group=2>(x, w)",
    "ConvTranspose SAME_UPPER": "float[N,3,4,5] x, float[3,2,3,3] w => float y : "
    'y = ConvTranspose<strides=[2,2], auto_pad="SAME_UPPER">(x, w)',
    "ConvTranspose to a size": "float[N,3,4,5] x, float[3,2,3,3] w => float y : "
    "y = ConvTranspose<strides=[2,2], output_shape=[8,10]>(x, w)",
    "MaxPool": "float[N,3,7,6] x => float y : y = MaxPool<kernel_shape=[3,2], strides=[2,2], pads=[1,0,1,1]>(x)",
    "MaxPool ceil": "float[N,3,7,6] x => float y : y = MaxPool<kernel_shape=[2,3], strides=[2,2], ceil_mode=1>(x)",
    "AveragePool": "float[N,3,7,6] x => float y : "
    "y = AveragePool<kernel_shape=[3,2], strides=[2,2], pads=[1,0,1,1]>(x)",
    "AveragePool with padding": "float[N,3,7,6] x => float y : "
    "y = AveragePool<kernel_shape=[3,2], pads=[1,0,1,1], count_include_pad=1>(x)",
    "GlobalAveragePool": "float[N,3,7,6] x => float y : y = GlobalAveragePool(x)",
    "GlobalMaxPool": "float[N,3,7,6] x => float y : y = GlobalMaxPool(x)",
    "LRN": "float[N,5,3,3] x => float y : y = LRN<size=3, alpha=0.1, beta=0.6, bias=2.0>(x)",
    "MeanVarianceNormalization": "float[N,5,3,3] x => float y : y = MeanVarianceNormalization<axes=[2,3]>(x)",
    "LpNormalization": "float[N,5] x => float y : y = LpNormalization<axis=1>(x)",
    "Clip": "float[N,5] x => float y : a = Constant<value_float=-0.5>() b = Constant<value_float=0.5>() "
    "y = Clip(x, a, b)",
    "Where": "float[N,5] x, float[N,5] z => float y : c = Greater(x, z) y = Where(c, x, z)",
    "truth values": "float[N,5] x, float[N,5] z => float y : c = Greater(x, z) d = LessOrEqual(x, z) e = Or(c, d) "
    "f = Not(e) h = Xor(f, c) k = And(h, c) y = Cast<to=1>(k)",
    "Sum, Mean, Max": "float[N,5] x, float[N,5] z, float[5] q => float y, float m, float n : "
    "y = Sum(x, z, q) m = Mean(x, z, q) n = Max(x, z, q)",
    "Expand": "float[N,1,4] x => float y : s = Constant<value_ints=[1,3,4]>() y = Expand(x, s)",
    "Tile": "float[N,2,3] x => float y : s = Constant<value_ints=[1,2,2]>() y = Tile(x, s)",
    "a fixed first dimension": "float[2,3,4] x => float y : y = ReduceMean<axes=[0]>(x)",
    "double": "float[N,4] x => double y : y = Cast<to=11>(x)",
    "sequences": "float[sequence,batch,3] x => float y : y = Tanh(x)",
}


@pytest.mark.parametrize("name", MODELS)
def test_operators_give_the_numbers_of_onnxruntime(name: str) -> None:
    assert_as_onnxruntime(model_of(MODELS[name]))


def with_weights(text: str, **weights: np.ndarray) -> bytes:
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]> {text}')
    model.graph.initializer.extend(numpy_helper.from_array(w.astype(np.float32), n) for n, w in weights.items())
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("shape", "node"),
    [
        ("N,3,4,5", "BatchNormalization(x, s, b, m, v)"),
        ("N,3", "BatchNormalization<epsilon=0.01>(x, s, b, m, v)"),
        ("N,3,4,5", "InstanceNormalization(x, s, b)"),
        ("N,4,3", "LayerNormalization(x, s, b)"),
    ],
)
def test_normalizations(shape: str, node: str) -> None:
    weights = {name: np.arange(1, 4) * scale for name, scale in (("s", 1.0), ("b", 0.1), ("m", 0.2), ("v", 1.0))}
    used = {name: w for name, w in weights.items() if f", {name}" in node}
    assert_as_onnxruntime(with_weights(f"g (float[{shape}] x) => (float y) {{ y = {node} }}", **used))


@pytest.mark.parametrize("axis", [1, 2])
def test_an_old_softmax_goes_over_all_dimensions_from_its_axis_on(axis: int) -> None:
    assert_as_onnxruntime(model_of(f"float[N,3,4] x => float[N,A,B] y : y = Softmax<axis={axis}>(x)", 11))


# Recurrences

CELLS = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent_model(cell: str, direction: str, symbolic: bool, states: bool, **attributes: object) -> bytes:
    """A model of one recurrent node whose outputs are all steps and the last states."""
    rng = np.random.default_rng(3)
    units, inputs, ways = 4, 3, 2 if direction == "bidirectional" else 1
    rows = CELLS[cell] * units
    shapes = {"W": (ways, rows, inputs), "R": (ways, rows, units), "B": (ways, 2 * rows)}
    names = ["x", *shapes]
    if states:
        shapes["h"] = (ways, 1, units)
        names += ["", "h"]
    weights = [numpy_helper.from_array(rng.normal(size=s).astype(np.float32), n) for n, s in shapes.items()]
    first = ["S", "batch"] if symbolic else ["S", 1]
    results = ["y", "y_h", "y_c"][: 3 if cell == "LSTM" else 2]
    node = helper.make_node(cell, names, results, hidden_size=units, direction=direction, **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [*first, inputs])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8).SerializeToString()


@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("cell", CELLS)
def test_recurrences_of_every_direction(cell: str, direction: str, states: bool) -> None:
    data = recurrent_model(cell, direction, False, states and direction != "bidirectional")
    assert_as_onnxruntime(data, leaves_again=False)


@pytest.mark.parametrize("cell", CELLS)
def test_recurrences_on_batches_that_are_the_first_dimension(cell: str) -> None:
    assert_as_onnxruntime(recurrent_model(cell, "forward", True, False), leaves_again=False)


def test_a_gru_whose_reset_comes_after_its_product() -> None:
    assert_as_onnxruntime(recurrent_model("GRU", "forward", False, False, linear_before_reset=1), leaves_again=False)


@pytest.mark.parametrize("functions", [["Sigmoid", "Relu", "Tanh"], ["Sigmoid", "Relu", "Relu"]])
def test_an_lstm_with_other_activations(functions: list[str]) -> None:
    assert_as_onnxruntime(recurrent_model("LSTM", "forward", False, False, activations=functions), leaves_again=False)


# What the inputs become


@pytest.mark.parametrize(
    ("declared", "shape", "axes"),
    [
        ("float[N,4]", (4,), 1),
        ("float[1,4]", (4,), 1),
        ("float[2,4]", (4, 2), 0),
        ("float[4]", (4,), 0),
        ("float[sequence,batch,4]", (4,), 2),
        ("float[Sequence,1,4]", (4, 1, cntk.FREE), 0),
    ],
)
def test_leading_dimensions_of_inputs_become_dynamic_axes(declared: str, shape: tuple[int, ...], axes: int) -> None:
    [x] = import_onnx(model_of(f"{declared} x => float y : y = Tanh(x)")).arguments
    assert (x.shape, len(x.dynamic_axes), x.name) == (shape, axes, "x")


def test_a_batch_feeds_an_input_of_as_many_static_dimensions() -> None:
    function = import_onnx(model_of("float[2,4] x => float y : y = Neg(x)"))
    [x] = function.arguments
    [result] = cntk.evaluate(function, {x: cntk.Value.batch(cntk.Shape((4,)), range(8))})
    assert result.array.tolist() == [[-0.0, -1, -2, -3], [-4, -5, -6, -7]]


def test_outputs_have_the_names_of_the_graph() -> None:
    function = import_onnx(model_of("float[N,4] x => float y, float z : y = Tanh(x) z = Add(y, x)"))
    assert [v.name for v in function.outputs] == ["y", "z"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("float[N,4] x => float y : y = Erf(x)", "'Erf' has no counterpart"),
        ("float[N,4,4] x => float y : y = Det(x)", "'Det' has no counterpart"),
        ("float[N,4] x => float y : y = com.example.Other(x)", "'com.example.Other'"),
        ("float[N,4] x => float y, int64 z : k = Constant<value_ints=[2]>() y, z = TopK<largest=0>(x, k)", "largest"),
        ("float[N,2,4] x => float y : y = MaxPool<kernel_shape=[2], dilations=[2]>(x)", "dilation"),
        ("string[N,4] x => string y : y = Identity(x)", "'x' holds"),
        ("float[N,4] x => float y : y = Tanh(z)", "'z' is used, but nothing makes it"),
        ("float[N,4] x => float y : s = Shape(x) t = Mul(s, s) y = Reshape(x, t)", "size of a batch"),
    ],
)
def test_what_has_no_counterpart_is_named(text: str, sentence: str) -> None:
    with pytest.raises(cntk.CntkError, match=sentence):
        import_onnx(model_of(text))


def test_an_operator_set_that_is_too_old_is_refused() -> None:
    with pytest.raises(cntk.CntkError, match="from 7 on"):
        import_onnx(model_of("float[N,4] x => float y : y = Tanh(x)", 6))


def test_a_recurrence_as_pytorch_exports_it_with_the_batch_first_and_states_of_zeros() -> None:
    rng = np.random.default_rng(5)
    text = """g (float[batch,steps,3] x) => (float[batch,2] y) {
        t = Transpose<perm=[1,0,2]>(x)
        shape = Shape(t)
        one = Constant<value_ints=[1]>()
        n = Gather(shape, one)
        units = Constant<value_ints=[4]>()
        sizes = Concat<axis=0>(one, n, units)
        h = ConstantOfShape(sizes)
        r, last, cell = LSTM<hidden_size=4>(t, W, R, B, , h, h)
        s = Squeeze(r, one)
        back = Transpose<perm=[1,0,2]>(s)
        end = Constant<value_int=-1>()
        final = Gather<axis=1>(back, end)
        y = Gemm<transB=1>(final, V, c)
    }"""
    shapes = {"W": (1, 16, 3), "R": (1, 16, 4), "B": (1, 32), "V": (2, 4), "c": (2,)}
    data = with_weights(text, **{name: rng.normal(size=shape) for name, shape in shapes.items()})
    function = assert_as_onnxruntime(data, leaves_again=False)
    assert [(v.shape, len(v.dynamic_axes)) for v in function.outputs] == [((2,), 1)]
