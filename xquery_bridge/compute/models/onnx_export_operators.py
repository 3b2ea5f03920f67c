"""CNTK's operators, a row each: what nodes of ONNX they become. See `onnx_export` for how tensors lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from ..axis import Axis, normalize_axis
from ..errors import CntkError
from ..graph import Function
from ..shape import FREE, Shape
from ..variable import Constant, Parameter, Variable
from .onnx_export import GraphWriter, lead
from .onnx_export_images import IMAGE_BLOCKS, IMAGE_PRIMITIVES
from .onnx_export_recurrence import delayed, recurrent_stack, sequence_slice
from .onnx_operators import BINARY, REDUCTIONS, UNARY, Same

__all__ = ["BLOCKS", "PRIMITIVES"]

Handler = Callable[[GraphWriter, Function, list[Variable]], "str | list[str] | None"]
"""Writes a function with its operands, placeholders resolved; None where only the inside of a block can be written."""


_LAST: Final = 2**31 - 1


def _sample(variable: Variable) -> list[int]:
    return list(variable.shape[::-1])


def _hint(function: Function) -> str:
    return function.name or function.uid


# Elementwise


def _same(row: Same, w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    names = w.aligned(operands)
    if row.takes_truth:
        names = [w.node("Greater", [name, w.scalar(operands[0], 0)]) for name in names]
    result: str = w.node(row.onnx, names, "" if row.gives_truth else _hint(f))
    return _number(w, result, f) if row.gives_truth else result


def _number(w: GraphWriter, truth: str, f: Function) -> str:
    """0 or 1 of a truth value."""
    from .onnx_format import DATA_TYPES

    return w.node("Cast", [truth], _hint(f), to=DATA_TYPES[f.outputs[0].data_type])  # type: ignore[no-any-return]


def _identity(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    return w.node("Identity", [w.name(operands[0])], _hint(f))  # type: ignore[no-any-return]


def _folded(op_type: str, w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    return w.node(op_type, w.aligned(operands), _hint(f))  # type: ignore[no-any-return]


def _attributed(op_type: str, names: dict[str, str], w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """An operator of one operand; its numbers by ONNX' name and CNTK's."""
    numbers: dict[str, Any] = {onnx: float(f.attributes[cntk]) for onnx, cntk in names.items()}
    return w.node(op_type, [w.name(operands[0])], _hint(f), **numbers)  # type: ignore[no-any-return]


def _elu(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    return w.node("Elu", [w.name(operands[0])], _hint(f), alpha=1.0)  # type: ignore[no-any-return]


def _prelu(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    return w.node("PRelu", w.aligned(operands), _hint(f))  # type: ignore[no-any-return]


def _clip(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    x, low, high = w.aligned(operands)
    return w.node("Min", [w.node("Max", [x, low]), high], _hint(f))  # type: ignore[no-any-return]


def _select(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    condition, then, otherwise = w.aligned(operands)
    truth = w.node("Not", [w.node("Equal", [condition, w.scalar(operands[0], 0)])])
    return w.node("Where", [truth, then, otherwise], _hint(f))  # type: ignore[no-any-return]


def _not_equal(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    return _number(w, w.node("Not", [w.node("Equal", w.aligned(operands))]), f)


def _log_plus(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """log(e^x + e^y) = max(x, y) + softplus(-|x - y|)."""
    x, y = w.aligned(operands)
    apart = w.node("Neg", [w.node("Abs", [w.node("Sub", [x, y])])])
    return w.node("Add", [w.node("Max", [x, y]), w.node("Softplus", [apart])], _hint(f))  # type: ignore[no-any-return]


def _straight_through(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    x, one = operands[0], w.scalar(operands[0], 1)
    above = w.node("Greater", [w.name(x), w.scalar(x, 0)])
    return w.node("Where", [above, one, w.scalar(x, -1)], _hint(f))  # type: ignore[no-any-return]


def _filled(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    from onnx import numpy_helper

    from ..value import DTYPES

    value = np.array([f.attributes["fillValue"]], DTYPES[operands[0].data_type])
    shape = w.node("Shape", [w.name(operands[0])])
    return w.node("ConstantOfShape", [shape], _hint(f), value=numpy_helper.from_array(value))  # type: ignore[no-any-return]


def _cast(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    return _number(w, w.name(operands[0]), f)


def _cosine(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """x · y / (|x| |y|) over all dimensions of a sample."""
    x, y = w.aligned(operands)
    first = max(lead(v) for v in operands)
    axes = list(range(first, first + max(v.shape.rank for v in operands)))
    product = w.reduced("ReduceSum", w.node("Mul", [x, y]), axes, False)
    lengths = [w.reduced("ReduceL2", name, axes, False) for name in (x, y)]
    return w.node("Div", [product, w.node("Mul", lengths)], _hint(f))  # type: ignore[no-any-return]


def _reconciled(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    x, like = operands
    return w.spread(w.name(x), x, like, [1 if d == FREE else d for d in _sample(x)])


# Products


def _times(transposed: bool, w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    left, right = operands
    rank = int(f.attributes["outputRank"])
    count = left.shape.rank - rank or (1 if transposed else 0)  # a vector transposed is a matrix of one column
    column = transposed and left.shape.rank == rank
    if column:
        count = rank
    contracted = right.shape[:count]
    rest = right.shape[count:]
    out = f.outputs[0].shape[: f.outputs[0].shape.rank - len(rest)]
    if FREE in out or FREE in contracted:
        return _free_times(transposed, w, f, operands)
    sizes = (math.prod(contracted), math.prod(out))
    matrix = _matrix(w, left, sizes, transposed)
    x = w.name(right)
    first = max(lead(left), lead(right))
    if len(contracted) == 1 and len(out) == 1 and not lead(left):
        return w.node("MatMul", [x, matrix], _hint(f))  # type: ignore[no-any-return]
    flat = w.reshaped(x, lead(right), [FREE if FREE in rest else math.prod(rest), sizes[0]])
    product = w.node("MatMul", [flat, matrix])
    return w.reshaped(product, first, _sample(f.outputs[0]), _hint(f))


def _matrix(w: GraphWriter, left: Variable, sizes: tuple[int, int], transposed: bool) -> str:
    """The left operand as (contracted x out), behind its dynamic axes."""
    if isinstance(left, (Parameter, Constant)):
        if not transposed and left.data.shape == sizes:
            return w.name(left)
        array = left.data.reshape(sizes[::-1]).T if transposed else left.data.reshape(sizes)
        return w.weights(array, left.name or left.uid)
    x, first = w.name(left), lead(left)
    if transposed:
        x = w.reshaped(x, first, sizes[::-1])
        order = [*range(first), first + 1, first]
        return w.node("Transpose", [x], perm=order)  # type: ignore[no-any-return]
    return w.reshaped(x, first, sizes)


def _free_times(transposed: bool, w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """A product of matrices some of whose sizes are not known: contracted over one dimension, a result of two."""
    left, right = operands
    if left.shape.rank != 2 or right.shape.rank not in (1, 2):
        raise CntkError(f"ONNX model: the sizes of the product {f.as_string()} must be known.")
    a, b = w.name(left), w.name(right)
    if transposed:
        first = lead(left)
        a = w.node("Transpose", [a], perm=[*range(first), first + 1, first])
    if right.shape.rank == 2:
        return w.node("MatMul", [b, a], _hint(f))  # type: ignore[no-any-return]
    row = w.node("MatMul", [w.unsqueezed(b, [lead(right)]), a])
    return w.squeezed(row, [max(lead(left), lead(right))])


# Normalized exponentials


def _softmax(op_type: str, w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """Over all dimensions of a sample."""
    x, sample = operands[0], _sample(operands[0])
    if len(sample) == 1:
        return w.node(op_type, [w.name(x)], _hint(f), axis=-1)  # type: ignore[no-any-return]
    flat = w.reshaped(w.name(x), lead(x), [FREE if FREE in sample else math.prod(sample)])
    return w.reshaped(w.node(op_type, [flat], axis=-1), lead(x), sample, _hint(f))


def _softmax_along(op_type: str, w: GraphWriter, f: Function, operands: list[Variable]) -> str | None:
    axis = f.attributes.get("axis")
    if not isinstance(axis, Axis) or not axis.is_static or not operands[0].shape.rank:
        return None
    place = -1 - normalize_axis(axis, operands[0].shape)
    return w.node(op_type, [w.name(operands[0])], _hint(f), axis=place)  # type: ignore[no-any-return]


def _sequence_softmax(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    return w.node("Softmax", [w.name(operands[0])], _hint(f), axis=0)  # type: ignore[no-any-return]


# Reductions

_REDUCTIONS: Final = {row.operation: row.onnx for row in reversed(REDUCTIONS) if not (row.before or row.after)}
_ARGUMENTS: Final = {"Argmax": "ArgMax", "Argmin": "ArgMin"}


def _reduce(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    x = operands[0]
    name, first, rank = w.name(x), lead(x), x.shape.rank
    given = f.attributes.get("axisVec") or [f.attributes["axis"]]
    keep = bool(f.attributes.get("reductionKeepDimensions", True))
    operation = f.attributes["reductionOpName"]
    if any(axis.is_all for axis in given):
        axes, keep = list(range(first + rank)), False
    elif any(axis.is_all_static for axis in given):
        axes, keep = list(range(first, first + rank)), False
    elif any(axis.is_batch for axis in given):
        axes, keep = [first - 1], False
    else:
        axes = sorted(first + rank - 1 - normalize_axis(axis, x.shape) for axis in given)
    if not axes:
        return _identity(w, f, operands)
    if operation in _REDUCTIONS:
        return w.reduced(_REDUCTIONS[operation], name, axes, keep, _hint(f))
    if len(axes) > 1:
        name = w.reshaped(name, first, [math.prod(_sample(x))])
        axes = [first]
    found = w.node(_ARGUMENTS[operation], [name], axis=axes[0], keepdims=int(keep))
    return _number(w, found, f)


# Shapes


def _reshape(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """Any operator that gives the elements another shape, by the shape of its output."""
    return w.reshaped(w.name(operands[0]), lead(operands[0]), _sample(f.outputs[0]), _hint(f))


def _transpose(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    from ..ops.reshaping import _TransposeAxes

    x = operands[0]
    order = _TransposeAxes.permutation(x.shape, f.attributes)
    first, rank = lead(x), len(order)
    name = w.unsqueezed(w.name(x), list(range(first, first + rank - x.shape.rank)))
    places = [first + rank - 1 - order[rank - 1 - j] for j in range(rank)]
    return w.node("Transpose", [name], _hint(f), perm=[*range(first), *places])  # type: ignore[no-any-return]


def _slice(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    from ..ops.reshaping import _Slice

    x = operands[0]
    starts, ends, axes, steps = [], [], [], []
    for axis, begin, end, stride in _Slice._parts(f.attributes):
        index = normalize_axis(axis, x.shape)
        if x.shape[index] >= 0:
            begin, end, _ = _Slice._range(x.shape[index], begin, end, stride)
        elif stride < 0:
            raise CntkError(f"ONNX model: the size that {f.as_string()} goes through backwards must be known.")
        starts.append(begin if stride > 0 else end - 1)
        ends.append((end or _LAST) if stride > 0 else begin - 1 if begin > 0 else -_LAST)
        axes.append(-1 - index)
        steps.append(stride)
    inputs = [w.name(x), *(w.integers(v) for v in (starts, ends, axes, steps))]
    return w.node("Slice", inputs, _hint(f))  # type: ignore[no-any-return]


def _splice(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    out = f.outputs[0]
    rank = out.shape.rank
    index = normalize_axis(f.attributes["axis"], Shape((1,) * max(v.shape.rank for v in operands)), 1)
    like = max(operands, key=lead)
    names = []
    for operand in operands:
        sample = [*(1 for _ in range(rank - operand.shape.rank)), *_sample(operand)]
        wanted = [d if i == rank - 1 - index else o for i, (d, o) in enumerate(zip(sample, _sample(out), strict=True))]
        if lead(operand) == lead(like) and sample == wanted:
            first = lead(operand)
            names.append(w.unsqueezed(w.name(operand), list(range(first, first + rank - operand.shape.rank))))
        else:
            names.append(w.spread(w.name(operand), operand, like, wanted))
    return w.node("Concat", names, _hint(f), axis=-1 - index)  # type: ignore[no-any-return]


def _pad(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    x = operands[0]
    mode = int(f.attributes["paddingMode"])
    if mode == 2:
        raise CntkError("ONNX model: the operator 'Pad' with the mode symmetric has no counterpart in ONNX.")
    missing = [0] * (x.shape.rank - len(f.attributes["paddingHead"]))
    head, foot = ([*f.attributes[key], *missing][::-1] for key in ("paddingHead", "paddingFoot"))
    none = [0] * lead(x)
    inputs = [w.name(x), w.integers([*none, *head, *none, *foot])]
    if mode == 0:
        inputs.append(w.scalar(x, float(f.attributes["paddingConstantValue"])))
    return w.node("Pad", inputs, _hint(f), mode=("constant", "reflect")[mode])  # type: ignore[no-any-return]


def _gather(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    indices, reference = operands
    whole = w.node("Cast", [w.name(indices)], to=7)
    return w.node("Gather", [w.name(reference), whole], _hint(f), axis=0)  # type: ignore[no-any-return]


def _one_hot(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    from ..ops.selection import _OneHot
    from ..value import DTYPES

    x = operands[0]
    place = _OneHot._place(f.attributes, x.shape.rank)
    whole = w.node("Cast", [w.name(x)], to=7)
    values = w.weights(np.array([0, 1], DTYPES[x.data_type]), "off_on")
    count = int(f.attributes["numClass"])
    hot = w.node("OneHot", [whole, w.integers([count]), values], _hint(f), axis=-1 - place)
    return hot  # type: ignore[no-any-return]


def _top_k(w: GraphWriter, f: Function, operands: list[Variable]) -> list[str]:
    k = w.integers([int(f.attributes["numItems"])])
    values, indices = w.node("TopK", [w.name(operands[0]), k], _hint(f), 2, axis=-1)
    return [values, _number(w, indices, f)]


def _crop(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    x, like = operands
    starts = [int(v) for v in f.attributes["offset"]]
    ends = [start + size for start, size in zip(starts, like.shape[:2], strict=True)]
    return w.node("Slice", [w.name(x), w.integers(starts), w.integers(ends), w.integers([-1, -2])], _hint(f))  # type: ignore[no-any-return]


def _eye_like(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    if lead(operands[0]):
        raise CntkError("ONNX model: the operator 'EyeLikeOp' on dynamic axes has no counterpart in ONNX.")
    return w.node("EyeLike", [w.name(operands[0])], _hint(f))  # type: ignore[no-any-return]


# Axes


def _swapped(w: GraphWriter, f: Function, operands: list[Variable]) -> str | list[str]:
    """Between (sequence, batch, …) and (batch, steps, …)."""
    x = operands[0]
    rank = lead(x) + x.shape.rank
    name = w.node("Transpose", [w.name(x)], _hint(f), perm=[1, 0, *range(2, rank)])
    if len(f.outputs) == 1:
        return name  # type: ignore[no-any-return]
    from onnx import numpy_helper

    from ..value import DTYPES

    ones = numpy_helper.from_array(np.ones(1, DTYPES[x.data_type]))
    return [name, w.node("ConstantOfShape", [w.leading(name, 2)], value=ones)]


def _to_sequence(w: GraphWriter, f: Function, operands: list[Variable]) -> str | list[str]:
    if f.op_name == "ToSequenceOp" and len(operands) > 1:
        raise CntkError("ONNX model: the operator 'ToSequenceOp' with lengths has no counterpart in ONNX.")
    return _swapped(w, f, operands[:1])


def _refused(why: str, w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    raise CntkError(f"ONNX model: the operator '{f.op_name}' has no counterpart in ONNX: {why}.")


_STEPS: Final = "ONNX has no sequences whose number of steps depends on data"
_DRAWS: Final = "a model for inference draws no random numbers"

PRIMITIVES: Final[dict[str, Handler]] = {
    **{row.cntk: partial(_same, row) for row in (*UNARY, *BINARY) if row.cntk},
    **IMAGE_PRIMITIVES,
    "Cast": _cast,
    "Clip": _clip,
    "ConstantOp": _filled,
    "CosDistance": _cosine,
    "Crop": _crop,
    "Dropout": _identity,
    "ELU": _elu,
    "EyeLikeOp": _eye_like,
    "FutureValue": delayed,
    "Gather": _gather,
    "GatherPacked": partial(_refused, _STEPS),
    "Hardmax": partial(_softmax, "Hardmax"),
    "LogPlus": _log_plus,
    "NoOp": _identity,
    "NotEqual": _not_equal,
    "OneHotOp": _one_hot,
    "OptimizedRNNStack": recurrent_stack,
    "PackedIndex": partial(_refused, _STEPS),
    "Pad": _pad,
    "PastValue": delayed,
    "RandomDistribution": partial(_refused, _DRAWS),
    "RandomSample": partial(_refused, _DRAWS),
    "RandomSampleInclusionFrequency": partial(_refused, _DRAWS),
    "ReconcileDynamicAxis": _reconciled,
    "ReduceElements": _reduce,
    "Reshape": _reshape,
    "ScatterPacked": partial(_refused, _STEPS),
    "Select": _select,
    "Slice": _slice,
    "Softmax": partial(_softmax, "Softmax"),
    "Splice": _splice,
    "Squeeze": _reshape,
    "StopGradient": _identity,
    "StraightThrough": _straight_through,
    "Times": partial(_times, False),
    "ToBatchAxis": _identity,
    "ToSequenceLikeOp": _to_sequence,
    "ToSequenceOp": _to_sequence,
    "TopK": _top_k,
    "TransposeAxes": _transpose,
    "TransposeTimes": partial(_times, True),
    "UnpackBatchAxis": _identity,
    "UnpackSequenceOp": _swapped,
    "Where": partial(_refused, _STEPS),
}
"""What writes a primitive, by its operator's name in CNTK. Others have no counterpart."""

BLOCKS: Final[dict[str, Handler]] = {
    **{row.cntk: partial(_same, row) for row in (*UNARY, *BINARY) if row.cntk},
    **IMAGE_BLOCKS,
    "ELU": partial(_attributed, "Elu", {"alpha": "alpha"}),
    "ElementMax": partial(_folded, "Max"),
    "ElementMin": partial(_folded, "Min"),
    "ExpandDims": _reshape,
    "Flatten": _reshape,
    "HardSigmoid": partial(_attributed, "HardSigmoid", {"alpha": "alpha", "beta": "beta"}),
    "LeakyReLU": partial(_attributed, "LeakyRelu", {"alpha": "alpha"}),
    "LogSoftmax": partial(_softmax_along, "LogSoftmax"),
    "Mean": partial(_folded, "Mean"),
    "PReLU": _prelu,
    "SELU": partial(_attributed, "Selu", {"alpha": "alpha", "gamma": "gamma"}),
    "Sequence::Slice": sequence_slice,
    "Sequence::Softmax": _sequence_softmax,
    "Softmax": partial(_softmax_along, "Softmax"),
    "Sum": partial(_folded, "Sum"),
}
"""What writes a block, by its operator's name in CNTK. Others are written as what is inside."""
