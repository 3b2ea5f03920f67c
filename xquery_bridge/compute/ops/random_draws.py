"""Operators that draw random numbers: Dropout, RandomDistribution, RandomSample and its inclusion frequency.

Each function has one stream, made from its seed when it is first computed, that goes on from evaluation to evaluation.
An unseeded one takes its seed from the session when it is built. Numbers are drawn in CNTK's order of frames (see
`packed_columns`). Source: cntk-semantics section 10.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from ..graph import CompositeFunction, Function, Outcome, PrimitiveFunction, as_variable
from ..plan import Call, Node, PlanBuilder
from ..random import RandomStream
from ..session import current_session
from ..shape import UNKNOWN_SHAPE, Shape
from ..tensor import Array, Layout
from ..value import DTYPES
from ..variable import Constant, Parameter
from .operator import Operand, Operator, call, register

__all__ = [
    "AUTOMATIC_RANDOM_SEED",
    "bernoulli_random",
    "bernoulli_random_like",
    "dropout",
    "gumbel_random",
    "gumbel_random_like",
    "normal_random",
    "normal_random_like",
    "random_sample",
    "random_sample_inclusion_frequency",
    "uniform_random",
    "uniform_random_like",
]

AUTOMATIC_RANDOM_SEED = 18446744073709551613
"""The seed that stands for "the next one of the session" in CNTK's interface."""

_TRIALS = 10
"""How many trial draws the inclusion frequency is estimated from."""


def _seed(seed: int | None) -> int:
    return current_session().next_seed() if seed is None or seed == AUTOMATIC_RANDOM_SEED else int(seed)


def _stream(function: Function) -> RandomStream:
    """The stream of a function; every plan of the function draws from the same one."""
    stream = function.state.get("stream")
    if stream is None:
        attributes = function.attributes
        stream = function.state["stream"] = RandomStream(
            int(attributes["rngSeed"]), int(attributes.get("rngOffset", 0))
        )
    return stream


def packed_columns(lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Where CNTK puts the frames of sequences in its matrices, and how many columns these have.

    Sequences go into rows, each into the first one that has room behind what is in it already, as far as the longest
    sequence reaches; the columns are the steps of all rows, step by step, gaps included.
    """
    longest = int(lengths.max())
    filled: list[int] = []
    rows: list[int] = []
    begins: list[int] = []
    for steps in lengths.tolist():
        row = next((r for r, used in enumerate(filled) if used + steps <= longest), len(filled))
        if row == len(filled):
            filled.append(0)
        rows.append(row)
        begins.append(filled[row])
        filled[row] += steps
    starts = np.cumsum(lengths) - lengths
    step = np.arange(int(lengths.sum())) - np.repeat(starts - np.array(begins), lengths)
    return step * len(filled) + np.repeat(rows, lengths), longest * len(filled)


def _drawn(layout: Layout | None, draw: Callable[[Array], None], out: Array) -> Call:
    """The call that fills an array in CNTK's order of frames."""
    if layout is None or layout.lengths is None or layout.count == 1 or (layout.lengths == 1).all():
        return partial(draw, out)
    columns, count = packed_columns(layout.lengths)
    drawn = np.empty((count, *out.shape[1:]), out.dtype)

    def step() -> None:
        draw(drawn)
        np.take(drawn, columns, 0, out, "clip")

    return step


class _Dropout(Operator):
    """In training an element is 0 with probability `dropoutRate`, else divided by 1 - rate; in evaluation it passes."""

    name = "Dropout"
    number = 15

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        rate = float(node.attributes["dropoutRate"])
        if not plan.training or rate == 0:
            node.outputs.append(x.derived(x.shape, lambda a: a, x.layout))
            return
        stream = _stream(node.function)
        out = plan.output(node, x.sample, x.layout)
        mask = plan.new(x.sample, x.layout, x.dtype)
        node.saved["mask"] = mask

        def bind(x: Array, out: Array, factors: Array) -> list[Call]:
            def draw(target: Array) -> None:
                stream.dropout_mask(target, rate)

            return [_drawn(mask.layout, draw, factors), partial(np.multiply, x, factors, out)]

        plan.emit(bind, [x], [out, mask])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        if "mask" not in node.saved:
            return
        g = plan.gradient_of(node.output)
        assert g is not None
        plan.accumulate(
            node.inputs[0], lambda g, m, out: partial(np.multiply, g, m, out), [g, node.saved["mask"]], in_place=True
        )


_DISTRIBUTIONS: dict[str, Callable[..., None]] = {
    "uniform": RandomStream.uniform,
    "normal": RandomStream.normal,
    "gumbel": RandomStream.gumbel,
    "bernoulli": RandomStream.bernoulli,
}


class _RandomDistribution(Operator):
    name = "RandomDistribution"
    number = 76
    differentiable = False

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        if function.operands:
            like = function.operands[0]
            return [Outcome(like.shape, like.data_type, like.dynamic_axes)]
        shape = Shape(function.attributes["newShape"])
        if shape.is_unknown or shape.has_unbound_dimension:
            raise CntkError(f"RandomDistribution: Output shape '{shape}' must not have an unbound dimension.")
        return [Outcome(shape, function.attributes["newDataType"], ())]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        attributes = node.attributes
        stream = _stream(node.function)
        fill = partial(_DISTRIBUTIONS[attributes["randomDistributionType"]], stream)
        arguments = [float(v) for v in attributes["randomDistributionArgs"]]
        layout = node.inputs[0].layout if node.inputs else None
        if node.inputs:
            sample, dtype = node.inputs[0].sample, node.inputs[0].dtype
        else:
            sample = Shape(attributes["newShape"]).numpy_shape
            dtype = np.dtype(DTYPES[attributes["newDataType"]])
        out = plan.output(node, sample, layout, dtype, differentiable=False)

        def draw(target: Array) -> None:
            fill(target, *arguments)

        plan.emit(lambda out: _drawn(layout, draw, out), [], [out])


class _Sampling(Operator):
    """What the two operators on sampling weights share."""

    differentiable = False

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        weights = function.operands[0]
        if weights.dynamic_axes and not weights.has_unknown_axes:
            raise CntkError(f"{self.name}: weights without dynamic axes were expected, '{weights.as_string()}' came.")
        if weights.shape.is_unknown:
            return [Outcome(UNKNOWN_SHAPE, weights.data_type, ())]
        count = int(function.attributes["numSamples"])
        if count < 1:
            raise CntkError("RandomSample/RandomSampleInclusionFrequency: Number of requested samples must be > 0.")
        if not function.attributes["allowDuplicates"] and 0 <= weights.shape.total_size <= count:
            raise CntkError(
                "RandomSample/RandomSampleInclusionFrequency: For sampling without duplicates the number of requested "
                f"samples ({count}) must be less than the number of classes ({weights.shape.total_size})."
            )
        return [Outcome(self.shape(function), weights.data_type, ())]

    @staticmethod
    def cumulative(weights: Array) -> list[float]:
        """The running sums of the weights."""
        flat = weights.reshape(-1).astype(np.float64)
        if (flat < 0).any():
            raise CntkError(f"Sampling weights contain negative number {flat[flat < 0][0]:f}.")
        sums: list[float] = np.cumsum(flat).tolist()
        if not sums or not sums[-1] > 0:
            raise CntkError("Sampling weights: a positive sum was expected.")
        return sums


class _RandomSample(_Sampling):
    """A set of indices, drawn by weight, as columns that are 1 at the index."""

    name = "RandomSample"
    number = 45

    def shape(self, function: PrimitiveFunction) -> Shape:
        return function.operands[0].shape.append((int(function.attributes["numSamples"]),))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        weights = node.inputs[0]
        count, duplicates = int(node.attributes["numSamples"]), bool(node.attributes["allowDuplicates"])
        stream = _stream(node.function)
        out = plan.output(node, (count, *weights.sample), None, differentiable=False)

        def bind(weights: Array, out: Array) -> Call:
            columns = out.reshape(count, -1)

            def step() -> None:
                drawn, _ = stream.sample(self.cumulative(weights), count, duplicates)
                out.fill(0)
                columns[np.arange(count), drawn] = 1

            return step

        plan.emit(bind, [weights], [out])


class _InclusionFrequency(_Sampling):
    """How often each index is expected in a set of RandomSample.

    Without duplicates 1 - (1 - p)^t, t the mean number of tries that trial draws take, as CNTK estimates it: once, and
    again when the weights have changed.
    """

    name = "RandomSampleInclusionFrequency"
    number = 46

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        weights = node.inputs[0]
        count, duplicates = int(node.attributes["numSamples"]), bool(node.attributes["allowDuplicates"])
        stream = _stream(node.function)
        out = plan.output(node, weights.sample, None, differentiable=False)
        is_leaf = isinstance(node.function.operands[0], (Parameter, Constant))
        kept: list[Array] = []  # weights, result

        def bind(weights: Array, out: Array) -> Call:
            def step() -> None:
                if kept and np.array_equal(kept[0], weights):
                    np.copyto(out, kept[1])
                    return
                sums = self.cumulative(weights)
                share = weights / sums[-1]
                if duplicates:
                    np.copyto(out, share * count, casting="same_kind")
                    return
                tries = sum(stream.sample(sums, count, False)[1] for _ in range(_TRIALS)) / _TRIALS
                np.copyto(out, -np.expm1(tries * np.log1p(-np.minimum(share, 1 - 1e-16))), casting="same_kind")
                if is_leaf:
                    kept[:] = weights.copy(), out.copy()

            return step

        plan.emit(bind, [weights], [out])


_DROPOUT = _Dropout()
_RANDOM_DISTRIBUTION = _RandomDistribution()
_RANDOM_SAMPLE = _RandomSample()
_INCLUSION_FREQUENCY = _InclusionFrequency()
register(_DROPOUT, _RANDOM_DISTRIBUTION, _RANDOM_SAMPLE, _INCLUSION_FREQUENCY)


def dropout(operand: Operand, dropout_rate: float, seed: int | None = None, name: str = "") -> CompositeFunction:
    """In training zeros with probability `dropout_rate`, the rest scaled up; in evaluation the operand itself."""
    if not 0 <= dropout_rate < 1:
        raise CntkError(f"Dropout: a rate from 0 up to, not including, 1 was expected, {dropout_rate} came.")
    attributes = {"dropoutRate": float(dropout_rate), "rngSeed": _seed(seed), "rngOffset": 0}
    return call(_DROPOUT, [operand], attributes, name)


def _distribution(kind: str, arguments: list[float], seed: int | None) -> dict[str, Any]:
    return {
        "randomDistributionType": kind,
        "randomDistributionArgs": [float(v) for v in arguments],
        "rngSeed": _seed(seed),
        "rngOffset": 0,
    }


def _check_range(name: str, kind: str, arguments: list[float], data_type: str) -> None:
    """Refuses what a distribution cannot have: an empty or endless range, a negative deviation, no probability."""
    first, last = arguments[0], arguments[-1]
    widest = float(np.finfo(DTYPES.get(data_type, np.float64)).max)
    if kind == "uniform" and not first < last:
        raise CntkError(f"{name}: low end of the range ({first:g}) must be < high end of the range ({last:g})")
    if kind == "uniform" and not (abs(last) <= widest and last - first <= widest):
        raise CntkError(f"{name}: a range within {widest:g} was expected, from {first:g} to {last:g} came.")
    if kind == "normal" and last < 0:
        raise CntkError(f"{name}: standard deviation ({last:g}) must be non-negative")
    if kind == "gumbel" and last < 0:
        raise CntkError(f"{name}: scale ({last:g}) must be non-negative")
    if kind == "bernoulli" and (first < 0 or first > 1):
        raise CntkError(f"{name}: mean ({first:g}) must be between 0 and 1")


def _of_shape(kind: str, arguments: list[float], shape: Shape, data_type: str, seed: int | None, name: str) -> Any:
    if data_type not in DTYPES:
        raise CntkError(f'{kind} random: the data type must be "float" or "double", "{data_type}" came.')
    _check_range(f"{kind.capitalize()}Random", kind, arguments, data_type)
    attributes = _distribution(kind, arguments, seed)
    attributes["newShape"], attributes["newDataType"] = Shape(shape), data_type
    return call(_RANDOM_DISTRIBUTION, [], attributes, name)


def _like(kind: str, arguments: list[float], operand: Operand, seed: int | None, name: str) -> CompositeFunction:
    _check_range(f"{kind.capitalize()}RandomLike", kind, arguments, as_variable(operand).data_type)
    return call(_RANDOM_DISTRIBUTION, [operand], _distribution(kind, arguments, seed), name)


def uniform_random(
    shape: Shape, data_type: str = "float", low: float = 0.0, high: float = 1.0, seed: int | None = None, name: str = ""
) -> CompositeFunction:
    """Uniform in [low, high), without dynamic axes. CNTK: RandomDistribution."""
    return _of_shape("uniform", [low, high], shape, data_type, seed, name)  # type: ignore[no-any-return]


def uniform_random_like(
    operand: Operand, low: float = 0.0, high: float = 1.0, seed: int | None = None, name: str = ""
) -> CompositeFunction:
    """Uniform in [low, high), with shape and axes of the operand."""
    return _like("uniform", [low, high], operand, seed, name)


def normal_random(
    shape: Shape,
    data_type: str = "float",
    mean: float = 0.0,
    scale: float = 1.0,
    seed: int | None = None,
    name: str = "",
) -> CompositeFunction:
    """Normal with a mean and the standard deviation `scale`."""
    return _of_shape("normal", [mean, scale], shape, data_type, seed, name)  # type: ignore[no-any-return]


def normal_random_like(
    operand: Operand, mean: float = 0.0, scale: float = 1.0, seed: int | None = None, name: str = ""
) -> CompositeFunction:
    """Normal, with shape and axes of the operand."""
    return _like("normal", [mean, scale], operand, seed, name)


def gumbel_random(
    shape: Shape,
    data_type: str = "float",
    loc: float = 0.0,
    scale: float = 1.0,
    seed: int | None = None,
    name: str = "",
) -> CompositeFunction:
    """Gumbel: loc - scale · log(-log(1 - u))."""
    return _of_shape("gumbel", [loc, scale], shape, data_type, seed, name)  # type: ignore[no-any-return]


def gumbel_random_like(
    operand: Operand, loc: float = 0.0, scale: float = 1.0, seed: int | None = None, name: str = ""
) -> CompositeFunction:
    """Gumbel, with shape and axes of the operand."""
    return _like("gumbel", [loc, scale], operand, seed, name)


def bernoulli_random(
    shape: Shape, data_type: str = "float", mean: float = 0.5, seed: int | None = None, name: str = ""
) -> CompositeFunction:
    """1 with probability `mean`, else 0."""
    return _of_shape("bernoulli", [mean], shape, data_type, seed, name)  # type: ignore[no-any-return]


def bernoulli_random_like(
    operand: Operand, mean: float = 0.5, seed: int | None = None, name: str = ""
) -> CompositeFunction:
    """1 with probability `mean`, else 0, with shape and axes of the operand."""
    return _like("bernoulli", [mean], operand, seed, name)


def _sampled(
    operator: _Sampling, weights: Operand, num_samples: int, allow_duplicates: bool, seed: int | None, name: str
) -> CompositeFunction:
    attributes = {
        "numSamples": int(num_samples),
        "allowDuplicates": bool(allow_duplicates),
        "rngSeed": _seed(seed),
        "rngOffset": 0,
    }
    return call(operator, [weights], attributes, name)


def random_sample(
    weights: Operand, num_samples: int, allow_duplicates: bool, seed: int | None = None, name: str = ""
) -> CompositeFunction:
    """A set of indices drawn with probability weight / Σ weights, as a matrix [weights x samples] of ones and zeros."""
    return _sampled(_RANDOM_SAMPLE, weights, num_samples, allow_duplicates, seed, name)


def random_sample_inclusion_frequency(
    weights: Operand, num_samples: int, allow_duplicates: bool, seed: int | None = None, name: str = ""
) -> CompositeFunction:
    """How often each index is expected in a set of `random_sample`."""
    return _sampled(_INCLUSION_FREQUENCY, weights, num_samples, allow_duplicates, seed, name)
