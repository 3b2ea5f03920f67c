"""This library as a peer of the compute benchmark: every case is a graph, run as `cntk:evaluate` and
`cntk:train-minibatch` run theirs.

Inference goes through `compute.evaluate`, training steps through `Trainer.train_minibatch`. What needs gradients by
inputs, or training mode without a learner, goes through `compute.forward` and its `backward`, as CNTK's
Function::Forward and Backward. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from xquery_bridge import compute as cntk
from xquery_bridge.compute.kernels.thread_pool import set_threads

Case = dict[str, Any]
Inputs = dict[str, Any]
Peer = tuple[Callable[[], Any], Callable[[Any], list[Any]]]

SESSION = ExitStack()
BATCH = [cntk.Axis.default_batch()]


def init(threads: int) -> None:
    """Sets the number of threads, and begins the session in which everything runs, as a request runs in one."""
    set_threads(threads)
    SESSION.enter_context(cntk.session())


def build(case: Case, inputs: Inputs) -> Peer | None:
    """(what does the work once, what makes arrays of its result); None for a case that is not supported."""
    make = CASES.get(case["kind"])
    if make is None:
        return None
    return make(case["p"], inputs)


def _value(array: Any) -> cntk.Value:
    """A batch on the array itself."""
    return cntk.Value(array, cntk.Shape(array.shape[:0:-1]), True)


def _input(array: Any) -> cntk.Variable:
    return cntk.input_variable(cntk.Shape(array.shape[:0:-1]), "float", dynamic_axes=BATCH)


def _parameter(array: Any) -> cntk.Parameter:
    return cntk.parameter(cntk.Shape(array.shape[::-1]), "float", np.ascontiguousarray(array))


def _arrays(values: list[cntk.Value]) -> list[Any]:
    return [value.array.copy() for value in values]


def _evaluation(graph: Callable[[cntk.Variable], Any], array: Any) -> Peer:
    """Evaluates a function of one batch."""
    x, value = _input(array), _value(array)
    function = graph(x)
    return (lambda: cntk.evaluate(function, {x: value})), _arrays


def _backward(graph: Callable[[cntk.Variable], tuple[Any, list[Any]]], array: Any, gradient: Any) -> Peer:
    """The backward pass alone, after one forward pass: gradients by the batch and the parameters of a function."""
    x = _input(array)
    function, parameters = graph(x)
    state = cntk.forward(function, {x: _value(array)}, [x, *parameters])
    seeds = {function.output: _value(gradient)}
    return (lambda: state.backward(seeds)), (lambda found: _arrays([found[v] for v in (x, *parameters)]))


# Convolution and pooling


def _convolution(p: Case, w: Any, x: cntk.Variable) -> Any:
    pads = [p["pad"], p["pad"], 0]
    return cntk.convolution(
        w, x, strides=(p["s"], p["s"]), auto_padding=(False,), groups=p["g"], lower_pad=pads, upper_pad=pads
    )


def _transposed(p: Case, w: Any, x: cntk.Variable) -> Any:
    pads = [p["pad"], p["pad"], 0]
    return cntk.convolution_transpose(
        w, x, strides=(p["s"], p["s"]), auto_padding=(False,), lower_pad=pads, upper_pad=pads
    )


def _pooling(p: Case, x: cntk.Variable) -> Any:
    window, strides, pads = (p["k"],) * 2, (p["s"],) * 2, (p["pad"],) * 2
    return cntk.pooling_with_explicit_padding(x, "max", window, strides, pads, pads)


def _of_kernel(graph: Callable[[Case, Any, cntk.Variable], Any]) -> Callable[[Case, Inputs], Peer]:
    def make(p: Case, d: Inputs) -> Peer:
        w = _parameter(d["w"])
        if "gy" in d:
            return _backward(lambda x: (graph(p, w, x), [w]), d["x"], d["gy"])
        return _evaluation(lambda x: graph(p, w, x), d["x"])

    return make


def _pooled(p: Case, d: Inputs) -> Peer:
    if "gy" in d:
        return _backward(lambda x: (_pooling(p, x), []), d["x"], d["gy"])
    return _evaluation(lambda x: _pooling(p, x), d["x"])


# Normalization and elementwise work


def _normalized(p: Case, d: Inputs) -> Peer:
    scale, bias = _parameter(d["g"]), _parameter(d["b"])
    channels = cntk.Shape((p["c"],))

    def graph(x: cntk.Variable) -> tuple[Any, list[Any]]:
        mean, variance = (cntk.constant(channels, "float", value) for value in (0.0, 1.0))
        count = cntk.constant(cntk.Shape(()), "float", 0.0)
        return cntk.batch_normalization(x, scale, bias, mean, variance, count, True, epsilon=1e-5), [scale, bias]

    if "gy" in d:
        return _backward(graph, d["x"], d["gy"])
    x, value = _input(d["x"]), _value(d["x"])
    function, _ = graph(x)
    return (lambda: cntk.forward(function, {x: value}, [scale, bias]).values), _arrays


def _chain(p: Case, d: Inputs) -> Peer:
    def graph(x: cntk.Variable) -> Any:
        half, tenth = cntk.scalar("float", 0.5), cntk.scalar("float", 0.1)
        bent = cntk.tanh(cntk.plus(cntk.element_times(x, half), tenth))
        bell = cntk.exp(cntk.negate(cntk.element_times(x, x)))
        return cntk.plus(cntk.element_times(bent, cntk.sigmoid(x)), bell)

    fn, result = _evaluation(graph, d["x"].reshape(1, -1))
    return fn, lambda values: [a.reshape(-1) for a in result(values)]


def _softmax(p: Case, d: Inputs) -> Peer:
    return _evaluation(lambda x: cntk.softmax(x, cntk.Axis.static(0)), d["x"])


def _relu_bias(p: Case, d: Inputs) -> Peer:
    b = _parameter(d["b"])
    return _evaluation(lambda x: cntk.relu(cntk.plus(x, b)), d["x"])


# Networks


def _layers(parameters: list[Any], x: Any, activation: Callable[[Any], Any]) -> Any:
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    for index, (w, b) in enumerate(layers):
        x = cntk.plus(cntk.times(w, x), b)
        if index + 1 < len(layers):
            x = activation(x)
    return x


def _training(d: Inputs, arrays: list[Any], activation: Callable[[Any], Any]) -> Peer:
    x, t = _input(d["x"]), _input(d["t"])
    parameters = [_parameter(a) for a in arrays]
    z = _layers(parameters, x, activation)
    loss = cntk.cross_entropy_with_softmax(z, t)
    rate = cntk.Schedule.from_constant(float(d["lr"]))  # of the mean over the minibatch
    trainer = cntk.Trainer(z, loss, None, [cntk.Sgd(parameters, rate)])
    bindings = {x: _value(d["x"]), t: _value(d["t"])}

    def result(_: Any) -> list[Any]:
        mean = np.float32(trainer.previous_minibatch_loss_average)
        return [mean, *(parameter.data.copy() for parameter in parameters)]

    return (lambda: trainer.train_minibatch(bindings)), result


def _mlp_train(p: Case, d: Inputs) -> Peer:
    return _training(d, [a for pair in zip(d["w"], d["b"], strict=True) for a in pair], cntk.relu)


def _small_train(p: Case, d: Inputs) -> Peer:
    return _training(d, [d[name] for name in ("w1", "b1", "w2", "b2")], cntk.sigmoid)


def _small_mlp(p: Case, d: Inputs) -> Peer:
    parameters = [_parameter(d[name]) for name in ("w1", "b1", "w2", "b2")]
    return _evaluation(lambda x: _layers(parameters, x, cntk.sigmoid), d["x"])


def _lstm(p: Case, d: Inputs, training: bool = False) -> Peer:
    t, n, h = p["t"], p["n"], p["h"]
    order = [0, 2, 1, 3]  # CNTK's gates are i g f o

    def gates(array: Any) -> Any:
        return array.reshape(4, h, *array.shape[1:])[order].reshape(array.shape)

    x = cntk.input_variable(cntk.Shape((p["d"],)), "float")
    layer = cntk.lstm_layer(x, shape=(h,))
    by_name = {parameter.name: parameter for parameter in layer.parameters}
    wi, wh, b = by_name["W"], by_name["H"], by_name["b"]
    for parameter, array in ((wi, d["wi"]), (wh, d["wh"]), (b, d["b"])):
        parameter.data = gates(array).T
    lengths = np.full(n, t)

    def sequences(array: Any) -> cntk.Value:
        """Steps first in the array, sequences first in CNTK's packed layout."""
        rows = np.ascontiguousarray(array.swapaxes(0, 1)).reshape(n * t, -1)
        return cntk.Value(rows, cntk.Shape((rows.shape[1],)), True, lengths)

    def steps(value: cntk.Value) -> Any:
        return np.ascontiguousarray(value.array.reshape(n, t, -1).swapaxes(0, 1))

    if not training:
        return (lambda: cntk.evaluate(layer, {x: sequences(d["x"])})), (lambda values: [steps(values[0])])
    learner = cntk.Sgd([wi, wh, b], cntk.Schedule.from_constant(float(d["lr"]), 1))

    def step() -> tuple[Any, dict[Any, Any]]:
        state = cntk.forward(layer, {x: sequences(d["x"])}, [x, wi, wh, b])
        found = state.backward({layer.output: sequences(d["gy"])})
        learner.prepare({parameter: found[parameter].array for parameter in learner.parameters}, n * t)
        learner.commit()
        return state.values[0], found

    def result(made: tuple[Any, dict[Any, Any]]) -> list[Any]:
        y, found = made
        weights = [gates(np.ascontiguousarray(found[v].array.T)) for v in (wi, wh, b)]
        return [steps(y), steps(found[x]), *weights]

    return step, result


# Tables


def _embedding(p: Case, d: Inputs) -> Peer:
    table = _parameter(d["table"])
    ids = d["ids"].astype(np.float32).reshape(-1, 1)
    fn, result = _evaluation(lambda x: cntk.gather_op(x, table), ids)
    return fn, lambda values: [a.reshape(-1, p["d"]) for a in result(values)]


def _top(p: Case, d: Inputs) -> Peer:
    table = _parameter(d["table"])

    def graph(q: cntk.Variable) -> Any:
        unit = cntk.element_divide(q, cntk.sqrt(cntk.reduce_sum(cntk.square(q), cntk.Axis.static(0))))
        return cntk.top_k(cntk.transpose_times(table, unit), p["k"]).outputs[0]

    x, value = _input(d["q"]), _value(d["q"])
    found = graph(x)
    return (lambda: cntk.evaluate(found.owner, {x: value}, [found])), _arrays


CASES: dict[str, Callable[[Case, Inputs], Peer]] = {
    "conv": _of_kernel(_convolution),
    "conv_bwd": _of_kernel(_convolution),
    "deconv": _of_kernel(_transposed),
    "deconv_bwd": _of_kernel(_transposed),
    "maxpool": _pooled,
    "maxpool_bwd": _pooled,
    "bn": _normalized,
    "bn_bwd": _normalized,
    "softmax": _softmax,
    "chain": _chain,
    "relu_bias": _relu_bias,
    "mlp_train": _mlp_train,
    "lstm": _lstm,
    "lstm_train": lambda p, d: _lstm(p, d, training=True),
    "embed": _embedding,
    "topk": _top,
    "small_mlp": _small_mlp,
    "small_train": _small_train,
}
"""By the kind of a case."""
