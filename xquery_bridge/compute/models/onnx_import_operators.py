"""The operators of ONNX, a row each: what makes CNTK's operators of a node. See `onnx_import` for tensors and marks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from ..axis import Axis
from ..graph import Function
from ..ops import binary, blocks, constants, elementwise, linear, reductions, reshaping, selection, sequences, softmax
from ..ops.recurrence import future_value, past_value
from ..shape import FREE, Shape
from ..value import DTYPES
from ..variable import Variable
from .onnx_format import array_of
from .onnx_import import Delay, GraphReader, Node, Tensor, permuted, shaped, squeezed, unsqueezed
from .onnx_import_images import IMAGE_IMPORTS
from .onnx_import_recurrence import RECURRENT_IMPORTS
from .onnx_operators import BINARY, REDUCTIONS, UNARY

__all__ = ["IMPORTS"]

Handler = Callable[[GraphReader, Node], "Tensor | list[Tensor]"]

_LARGE: Final = 2**31 - 1


def _name(node: Node) -> str:
    return node.name or node.outputs[0]


# Elementwise


def _unary(function: Callable[..., Function], g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    return Tensor(function(x.variable, name=_name(node)).output, x.marks)


def _attributed(function: Callable[..., Function], g: GraphReader, node: Node, **defaults: float) -> Tensor:
    """A function of one operand with numbers that are attributes."""
    x = g.tensor(node.inputs[0])
    numbers = [float(node.get(key, default)) for key, default in defaults.items()]
    return Tensor(function(x.variable, *numbers, name=_name(node)).output, x.marks)


def _binary(function: Callable[..., Function], g: GraphReader, node: Node) -> Tensor:
    operands, marks = g.aligned([g.tensor(name) for name in node.inputs])
    return Tensor(function(*operands, name=_name(node)).output, marks)


def _folded(function: Callable[..., Function], g: GraphReader, node: Node) -> Tensor:
    """A function of two operands put on any number of them."""
    result = g.tensor(node.inputs[0])
    for name in node.inputs[1:]:
        operands, marks = g.aligned([result, g.tensor(name)])
        result = Tensor(function(*operands).output, marks)
    return result


def _mean(g: GraphReader, node: Node) -> Tensor:
    total = _folded(binary.plus, g, node)
    count = blocks.number(total.variable, len(node.inputs))
    return Tensor(blocks.element_divide(total.variable, count).output, total.marks)


def _identity(g: GraphReader, node: Node) -> list[Tensor]:
    return [g.tensor(node.inputs[0])]


def _gelu(g: GraphReader, node: Node) -> Tensor:
    if node.get("approximate", "none") != "tanh":
        raise node.refused("the error function has no counterpart in CNTK; the approximation by tanh is read.")
    x = g.tensor(node.inputs[0])
    v = x.variable
    inner = binary.plus(v, binary.element_times(blocks.number(v, 0.044715), binary.pow(v, blocks.number(v, 3))))
    curve = elementwise.tanh(binary.element_times(blocks.number(v, math.sqrt(2 / math.pi)), inner))
    half = binary.element_times(blocks.number(v, 0.5), v)
    return Tensor(binary.element_times(half, binary.plus(blocks.number(v, 1), curve)).output, x.marks)


def _thresholded(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    v = x.variable
    above = binary.greater(v, blocks.number(v, float(node.get("alpha", 1.0))))
    return Tensor(binary.element_select(above, v, blocks.number(v, 0)).output, x.marks)


def _sign(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    zero = blocks.number(x.variable, 0)
    return Tensor(binary.minus(binary.greater(x.variable, zero), binary.less(x.variable, zero)).output, x.marks)


def _rounded(g: GraphReader, node: Node) -> Tensor:
    """To the nearest whole number, halves to the even one."""
    x = g.tensor(node.inputs[0])
    v = x.variable
    two = blocks.number(v, 2)
    up = blocks.round(v)
    is_half = binary.equal(binary.minus(up, v), blocks.number(v, 0.5))
    odd = binary.minus(up, binary.element_times(two, elementwise.floor(blocks.element_divide(up, two))))
    return Tensor(binary.minus(up, binary.element_times(is_half, odd)).output, x.marks)


def _clip(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    low = node.get("min", -math.inf) if "min" in node.attributes or g.opset < 11 else g.array(node, 1, -math.inf)
    high = node.get("max", math.inf) if "max" in node.attributes or g.opset < 11 else g.array(node, 2, math.inf)
    least, most = (blocks.number(x.variable, float(np.asarray(v).reshape(()))) for v in (low, high))
    return Tensor(binary.clip(x.variable, least, most, name=_name(node)).output, x.marks)


def _prelu(g: GraphReader, node: Node) -> Tensor:
    (x, slope), marks = g.aligned([g.tensor(name) for name in node.inputs])
    return Tensor(blocks.pre_lu(slope, x, name=_name(node)).output, marks)


def _select(g: GraphReader, node: Node) -> Tensor:
    (condition, then, otherwise), marks = g.aligned([g.tensor(name) for name in node.inputs])
    return Tensor(binary.element_select(condition, then, otherwise, name=_name(node)).output, marks)


def _cast(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    wanted = {1: "float", 11: "double"}.get(int(node.get("to")))
    if wanted is None:
        if int(node.get("to")) == 9:
            return Tensor(binary.not_equal(x.variable, blocks.number(x.variable, 0)).output, x.marks)
        if int(node.get("to")) not in (2, 3, 4, 5, 6, 7, 12, 13):
            raise node.refused(f"element type {node.get('to')} has no counterpart in CNTK.")
        whole = constants_truncated(x.variable)
        return Tensor(whole, x.marks)
    if wanted == x.variable.data_type:
        return x
    return Tensor(constants.cast(x.variable, wanted, _name(node)).output, x.marks)


def constants_truncated(x: Variable) -> Variable:
    """The whole number next to x towards zero."""
    down, up = elementwise.floor(x), blocks.ceil(x)
    return binary.element_select(binary.less(x, blocks.number(x, 0)), up, down).output


# Products


def _matmul(g: GraphReader, node: Node) -> Tensor:
    a, b = (g.tensor(name) for name in node.inputs[:2])
    if len(b.marks) <= 2 and b.is_static and a.marks[-1:] == "d":
        if len(b.marks) == 1:
            b = unsqueezed(b, [1])
            return squeezed(_product(a, b, a.marks, _name(node)), [len(a.marks) - 1])
        return _product(a, b, a.marks, _name(node))
    if len(a.marks) == 1 and a.is_static and b.marks[-2:] == "dd":
        whole = _batch_product(g, node, unsqueezed(a, [0]), b)
        return squeezed(whole, [len(whole.marks) - 2])
    return _batch_product(g, node, a, b)


def _product(a: Tensor, b: Tensor, marks: str, name: str = "") -> Tensor:
    """a · b as ONNX writes it; reversed shapes exchange the operands."""
    return Tensor(linear.times(b.variable, a.variable, name=name).output, marks)


def _batch_product(g: GraphReader, node: Node, a: Tensor, b: Tensor) -> Tensor:
    if a.is_static and math.prod(a.dims[:-2]) == 1 and b.marks.strip("SB") == "dd":
        whole = _product(squeezed(a, range(len(a.marks) - 2)), b, b.marks, _name(node))
        return whole
    rank = max(len(a.marks), len(b.marks))
    a, b = (unsqueezed(t, range(rank - len(t.marks))) if t.is_static else t for t in (a, b))
    lead = rank - 2
    if len(a.marks) == len(b.marks) and a.marks == b.marks and a.marks[lead:] == "dd" and "d" not in a.marks[:lead]:
        return _product(a, b, a.marks, _name(node))
    a, b = g.static(a), g.static(b)
    dims = [max(x, y) if min(x, y) == 1 else x for x, y in zip(a.dims[:lead], b.dims[:lead], strict=True)]
    if any(x != y and FREE not in (x, y) for x, y in zip(a.dims[:lead], b.dims[:lead], strict=True)):
        raise node.refused(f"products of stacks {a.dims[:lead]} and {b.dims[:lead]} cannot be made in CNTK.")
    if lead == 0:
        return _product(a, b, "dd", _name(node))
    flat = [g.batched(shaped(t, [-1, *t.dims[lead:]], "ddd")) if lead > 1 else g.batched(t) for t in (a, b)]
    result = g.static(_product(flat[0], flat[1], "Bdd", _name(node)))
    if lead == 1:
        return result
    return shaped(result, [*dims, *result.dims[1:]], "d" * rank)


def _gemm(g: GraphReader, node: Node) -> Tensor:
    a, b = (g.tensor(name) for name in node.inputs[:2])
    if node.get("transA", 0):
        a = permuted(g.static(a), [1, 0])
    known = g.known(node, 1)
    if node.get("transB", 0):
        b = g.stored(known.T, node.inputs[1], True) if known is not None else permuted(g.static(b), [1, 0])
    if not b.is_static:
        a, b = g.static(a), g.static(b)
    result = _product(a, b, a.marks)
    alpha, beta = float(node.get("alpha", 1.0)), float(node.get("beta", 1.0))
    if alpha != 1:
        scaled = binary.element_times(result.variable, blocks.number(result.variable, alpha)).output
        result = Tensor(scaled, result.marks)
    if not node.has(2) or beta == 0:
        return result
    c = g.tensor(node.inputs[2])
    if beta != 1:
        c = Tensor(binary.element_times(c.variable, blocks.number(c.variable, beta)).output, c.marks)
    operands, marks = g.aligned([result, c])
    return Tensor(binary.plus(*operands, name=_name(node)).output, marks)


# Normalized exponentials


def _softmax_like(function: Callable[..., Function], g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    place = x.place(int(node.get("axis", -1 if g.opset >= 13 else 1)))
    if g.opset < 13 and place < len(x.marks) - 1:  # over all dimensions from the axis on
        if "d" * (len(x.marks) - place) != x.marks[place:]:
            x = g.static(x)
        sizes = x.dims
        flat = shaped(x, [*_static(x, 0, place), -1 if FREE in sizes[place:] else math.prod(sizes[place:])], "")
        result = _along(function, flat.variable, Axis.static(0), node)
        back = Tensor(result, x.marks)
        return shaped(back, [d for d, mark in zip(sizes, x.marks, strict=True) if mark == "d"], x.marks)
    if x.marks[place] == "S" and function is softmax.softmax:
        return Tensor(sequences.sequence_softmax(x.variable, name=_name(node)).output, x.marks)
    if x.marks[place] != "d":
        x = g.static(x)
    return Tensor(_along(function, x.variable, x.axis(place), node), x.marks)


def _static(x: Tensor, start: int, end: int) -> list[int]:
    return [d for d, mark in list(zip(x.dims, x.marks, strict=True))[start:end] if mark == "d"]


def _along(function: Callable[..., Function], x: Variable, axis: Axis, node: Node) -> Variable:
    if function is softmax.hardmax:
        if x.shape.rank != 1:
            raise node.refused("CNTK's Hardmax goes over all dimensions of a sample; a tensor of one was expected.")
        return softmax.hardmax(x, name=_name(node)).output
    if x.shape.rank == 1 and function is softmax.softmax:
        return softmax.softmax(x, name=_name(node)).output
    return function(x, axis, name=_name(node)).output


# Reductions


def _reduced(g: GraphReader, x: Tensor, places: Sequence[int], operation: str, keep: bool, name: str) -> Tensor:
    """A reduction along some dimensions."""
    if any(x.marks[p] != "d" for p in places):
        x = g.static(x)
    axes = [x.axis(p) for p in places]
    if len(axes) == 1 or operation in ("Argmax", "Argmin"):
        result = reductions.reduce_elements_along(x.variable, operation, axes[0], keep, name)
    elif all(p in places for p, mark in enumerate(x.marks) if mark == "d") and not keep:
        result = reductions.reduce_elements(x.variable, operation, Axis.all_static_axes(), name)
    else:
        result = reductions.reduce_elements_on_axes(x.variable, operation, axes, keep, name)
    marks = x.marks if keep else "".join(m for i, m in enumerate(x.marks) if i not in places)
    return Tensor(result.output, marks)


def _places(g: GraphReader, node: Node, x: Tensor) -> list[int]:
    axes = g.integers(node, 1, "axes")
    if not axes:
        if node.get("noop_with_empty_axes", 0):
            return []
        return list(range(len(x.marks)))
    return sorted(x.place(axis) for axis in axes)


def _reduce(
    operation: str,
    before: Callable[..., Function] | None,
    after: Callable[..., Function] | None,
    g: GraphReader,
    n: Node,
) -> Tensor:
    x = g.tensor(n.inputs[0])
    keep = bool(n.get("keepdims", 1))
    places = _places(g, n, x)
    if before is not None:
        x = Tensor(before(x.variable).output, x.marks)
    result = _reduced(g, x, places, operation, keep, _name(n)) if places else x
    return result if after is None else Tensor(after(result.variable).output, result.marks)


def _arg(operation: str, g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    if node.get("select_last_index", 0):
        raise node.refused("CNTK takes the first of equal elements, not the last.")
    return _reduced(g, x, [x.place(int(node.get("axis", 0)))], operation, bool(node.get("keepdims", 1)), _name(node))


# Shapes


def _reshape(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    target = g.integers(node, 1, "shape") or []
    merged = _merged(x, target)
    if merged is not None:
        return merged
    prefix = x.marks[: len(x.marks) - len(x.marks.lstrip("SB"))]
    sizes = _static(x, len(prefix), len(x.marks))
    rest = target[len(prefix) :]
    if prefix and set(x.marks[len(prefix) :]) <= {"d"} and len(target) >= len(prefix):
        kept = all(t == 0 for t in target[: len(prefix)])
        if prefix == "B" and not kept:
            filled = [sizes[i] if d == 0 and i < len(sizes) else d for i, d in enumerate(rest)]
            whole = math.prod(sizes) if FREE not in sizes else -1
            fits = -1 not in filled and math.prod(filled) == whole
            kept = fits and target[0] in (-1, 1) if target[0] == -1 else target[0] == 1 and g.leading_is_one
            if kept and -1 not in filled and not fits:
                kept = False
        if kept:
            filled = [sizes[i] if d == 0 else d for i, d in enumerate(rest)]
            return shaped(x, filled, prefix + "d" * len(rest))
    x = g.static(x)
    dims = x.dims
    filled = [dims[i] if d == 0 and not node.get("allowzero", 0) else d for i, d in enumerate(target)]
    if sum(d < 0 for d in filled) == 2 and -1 in filled:  # a free dimension kept, the other found from the rest
        known = [d for d in dims if d >= 0]
        others = [d for d in filled if d >= 0]
        if FREE in filled and len(known) == len(dims) - 1 and math.prod(known) % max(math.prod(others), 1) == 0:
            filled = [math.prod(known) // math.prod(others) if d == -1 else d for d in filled]
    return shaped(x, filled, "d" * len(filled))


def _merged(x: Tensor, target: list[int]) -> Tensor | None:
    """Sequence and batch put into one dimension, or taken out of it again; None for any other reshape."""
    if x.marks[:2] == "SB" and target[:1] == [-1] and target[1:] == x.dims[2:]:
        return Tensor(x.variable, "M" + x.marks[2:])
    if x.marks[:1] == "M" and target[:2] == [-1, -1] and target[2:] == x.dims[1:]:
        return Tensor(x.variable, "SB" + x.marks[1:])
    return None


def _flatten(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    axis = int(node.get("axis", 1)) % (len(x.marks) + 1) if node.get("axis", 1) < 0 else int(node.get("axis", 1))
    if axis == 1 and x.marks[:1] == "B" and set(x.marks[1:]) <= {"d"}:
        return shaped(x, [-1 if FREE in x.dims[1:] else math.prod(x.dims[1:])], "Bd")
    x = g.static(x)
    parts = (x.dims[:axis], x.dims[axis:])
    return shaped(x, [-1 if FREE in part else math.prod(part) for part in parts], "dd")


def _squeeze(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    axes = g.integers(node, 1, "axes")
    places = [i for i, d in enumerate(x.dims) if d == 1] if axes is None else [x.place(a) for a in axes]
    if any(x.marks[p] != "d" for p in places):
        x = g.static(x)
    return squeezed(x, places)


def _unsqueeze(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    axes = g.integers(node, 1, "axes") or []
    rank = len(x.marks) + len(axes)
    return unsqueezed(x, [axis % rank for axis in axes])


def _transpose(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    return permuted(x, [int(i) for i in node.get("perm") or range(len(x.marks))[::-1]])


def _slice(g: GraphReader, node: Node) -> Tensor:
    delay = g.joined.get(node.inputs[0])
    starts, ends = g.integers(node, 1, "starts") or [], g.integers(node, 2, "ends") or []
    axes = g.integers(node, 3, "axes") or list(range(len(starts)))
    steps = g.integers(node, 4, "steps") or [1] * len(starts)
    if delay is not None and (axes, steps) == ([0], [1]):
        begin, end = (0, -delay.offset) if delay.past else (delay.offset, _LARGE)
        if starts == [begin] and (ends == [end] or min(ends[0], _LARGE) == end):
            return _delayed(delay, _name(node))
    x = g.tensor(node.inputs[0])
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        x = _sliced(g, node, x, start, end, x.place(axis), step)
    return x


def _delayed(delay: Delay, name: str) -> Tensor:
    """A delay, as `export_onnx` writes it: its state is the same at every step beyond the end."""
    last = Axis.static(delay.state.variable.shape.rank - 1)
    first = reshaping.slice(delay.state.variable, [last], [0], [1])
    state = reshaping.reshape(first, Shape(()), last, Axis.end_static())
    make = past_value if delay.past else future_value
    return Tensor(make(delay.operand.variable, state.output, delay.offset, name).output, delay.operand.marks)


def _sliced(g: GraphReader, node: Node, x: Tensor, start: int, end: int, place: int, step: int) -> Tensor:
    """One axis of a slice; CNTK's end 0 is the end, and its indices must lie inside."""
    whole = start == 0 and end >= _LARGE and step == 1
    if whole:
        return x
    if x.marks[place] == "S" and step == 1 and start > -_LARGE:
        return _sequence_slice(x, place, start, 0 if end >= _LARGE else end)
    if x.marks[place] != "d":
        x = g.static(x)
    size = x.dims[place]
    if size >= 0:
        begin, stop, stride = slice(start, end if end > -_LARGE else None, step).indices(size)
        if not range(begin, stop, stride):
            raise node.refused("it takes nothing; CNTK has no empty tensors.")
        if stride < 0:  # CNTK gives a range from its low to its high index, then a negative stride
            low = range(begin, stop, stride)[-1]
            begin, stop = low, begin + 1
    else:
        begin, stop, stride = start, 0 if end >= _LARGE else end, step
        if stride < 0 or start <= -_LARGE or (end <= 0 and stop == end == 0):
            raise node.refused("a slice of a dimension whose size is not known goes forward only.")
    axis = x.axis(place)
    return Tensor(reshaping.slice(x.variable, [axis], [begin], [stop], [stride], _name(node)).output, x.marks)


def _sequence_slice(x: Tensor, place: int, start: int, end: int) -> Tensor:
    taken = sequences.sequence_slice(x.variable, start, end).output
    if taken.has_sequence_axis:
        return Tensor(taken, x.marks)
    return unsqueezed(Tensor(taken, x.marks.replace("S", "")), [place])


def _split(g: GraphReader, node: Node) -> list[Tensor]:
    x = g.tensor(node.inputs[0])
    place = x.place(int(node.get("axis", 0)))
    if x.marks[place] != "d":
        x = g.static(x)
    size, count = x.dims[place], len(node.outputs)
    sizes = g.integers(node, 1, "split")
    if sizes is None:
        each = -(-size // count)
        sizes = [min(each, size - i * each) for i in range(count)]
    parts, start = [], 0
    for length in sizes:
        parts.append(_sliced(g, node, x, start, start + length, place, 1))
        start += length
    return parts


def _concat(g: GraphReader, node: Node) -> Tensor:
    parts = [g.tensor(name) for name in node.inputs]
    place = parts[0].place(int(node.get("axis", 1)))
    if place == 0 and len(parts) == 2:
        for operand, state, past in ((parts[1], parts[0], True), (parts[0], parts[1], False)):
            if operand.marks[:2] == "SB" and state.marks == "d" + operand.marks[1:] and state.dims[0] > 0:
                g.joined[node.outputs[0]] = Delay(operand, state, state.dims[0], past)
    if any(p.marks != parts[0].marks for p in parts) or parts[0].marks[place] != "d":
        parts = [g.static(p) for p in parts]
    axis = parts[0].axis(place)
    return Tensor(reshaping.splice([p.variable for p in parts], axis, _name(node)).output, parts[0].marks)


def _pad(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    pads = g.integers(node, 1, "pads") or []
    value = node.get("value", 0.0) if "pads" in node.attributes else float(np.asarray(g.array(node, 2, 0.0)).item())
    axes = [x.place(int(a)) for a in np.asarray(g.array(node, 3, np.arange(len(x.marks)))).reshape(-1)]
    head, foot = [0] * len(x.marks), [0] * len(x.marks)
    for axis, first, last in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        head[axis], foot[axis] = first, last
    if any(head[i] or foot[i] for i, mark in enumerate(x.marks) if mark != "d"):
        x = g.static(x)
    mode = {"constant": "constant", "reflect": "reflect"}.get(node.get("mode", "constant"))
    if mode is None or min(*head, *foot, 0) < 0:
        raise node.refused("padding that is not negative, constant or by reflection, was expected.")
    before, after = ([v for v, m in zip(part, x.marks, strict=True) if m == "d"][::-1] for part in (head, foot))
    return Tensor(reshaping.pad(x.variable, mode, before, after, value, _name(node)).output, x.marks)


def _expand(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    target = [int(v) for v in np.asarray(g.array(node, 1)).reshape(-1)]
    source = g.unknown.get(node.inputs[1])
    if source is not None:
        return _expanded_like(node, x, target, source)
    if not x.is_static:
        target = [1 if mark != "d" else d for mark, d in zip(x.marks[::-1], target[::-1], strict=False)][::-1]
    dtype = np.float64 if x.variable.data_type == "double" else np.float32
    operands, marks = g.aligned([x, g.stored(np.ones([abs(d) for d in target], dtype))])
    return Tensor(binary.element_times(*operands, name=_name(node)).output, marks)


def _filled(g: GraphReader, node: Node) -> Tensor:
    """One number everywhere in a tensor of the sizes of a batch or a batch of sequences."""
    target = [int(v) for v in np.asarray(g.array(node, 0)).reshape(-1)]
    number = array_of(node.get("value")) if "value" in node.attributes else np.zeros(1, np.float32)
    return _expanded_like(node, g.stored(number.reshape(())), target, g.unknown[node.inputs[0]])


def _expanded_like(node: Node, x: Tensor, target: list[int], source: Tensor) -> Tensor:
    """Broadcast to a batch, or a batch of sequences, that another tensor has; -1 in the target stands for its sizes."""
    open_places = [i for i, d in enumerate(target) if d < 0]
    axes = "".join(mark for mark in source.marks if mark in "SB")
    like = source.variable
    if len(open_places) == 1 and axes == "SB":
        like, axes = sequences.sequence_first(like).output, "B"
    if len(open_places) != len(axes):
        raise node.refused("it expands to sizes that are not those of a batch or of a batch of sequences.")
    marks = list("d" * len(target))
    for place, mark in zip(open_places, axes, strict=True):
        marks[place] = mark
    shift = len(target) - len(x.marks)
    fixed = [i for i, mark in enumerate(x.marks) if mark == "d" and marks[i + shift] != "d"]
    if any(mark not in ("d", marks[i + shift]) for i, mark in enumerate(x.marks)):
        raise node.refused("it expands a batch to another one.")
    v = binary.reconcile_dynamic_axes(squeezed(x, fixed).variable, like).output
    ones = np.ones([d for d in target if d >= 0], DTYPES[v.data_type])
    return Tensor(binary.element_times(v, GraphReader.stored(ones).variable, _name(node)).output, "".join(marks))


def _tile(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    for place, count in enumerate(int(v) for v in np.asarray(g.array(node, 1)).reshape(-1)):
        if count != 1:
            if x.marks[place] != "d":
                x = g.static(x)
            x = Tensor(reshaping.splice([x.variable] * count, x.axis(place)).output, x.marks)
    return x


def _gather(g: GraphReader, node: Node) -> Tensor:
    data, indices = g.tensor(node.inputs[0]), g.known(node, 1)
    place = data.place(int(node.get("axis", 0)))
    if indices is not None and data.marks[place] == "S" and indices.size == 1:
        index = int(indices.reshape(()))
        taken = _sequence_slice(data, place, index, index + 1)
        return squeezed(taken, [place]) if indices.ndim == 0 else taken
    if data.marks[place] != "d":
        data = g.static(data)
    if indices is not None:
        return _taken(g, node, data, indices, place)
    if not data.is_static:
        data = g.static(data)
    where = g.tensor(node.inputs[1])
    if place != 0:
        order = [place, *(i for i in range(len(data.marks)) if i != place)]
        if not where.is_static or len(where.marks) != 1:
            raise node.refused("indices that are computed were expected along the first dimension only.")
        data = permuted(data, order)
    gathered = selection.gather_op(where.variable, data.variable, name=_name(node)).output
    result = Tensor(gathered, where.marks + data.marks[1:])
    return result if place == 0 else permuted(result, np.argsort(order).tolist())


def _taken(g: GraphReader, node: Node, data: Tensor, indices: Any, place: int) -> Tensor:
    """The parts that known indices name, as slices."""
    size = data.dims[place]
    wanted = [int(i) + size if i < 0 and size >= 0 else int(i) for i in indices.reshape(-1)]
    consecutive = wanted == list(range(wanted[0], wanted[0] + len(wanted))) and wanted[0] >= 0
    if consecutive:
        x = _sliced(g, node, data, wanted[0], wanted[-1] + 1, place, 1)
    else:
        parts = [_sliced(g, node, data, i, i + 1 or _LARGE, place, 1) for i in wanted]
        x = Tensor(reshaping.splice([p.variable for p in parts], data.axis(place)).output, data.marks)
    if indices.ndim == 1:
        return x
    x = squeezed(x, [place]) if indices.ndim == 0 else x
    if indices.ndim > 1:
        dims = [*x.dims[:place], *indices.shape, *x.dims[place + 1 :]]
        marks = f"{x.marks[:place]}{'d' * indices.ndim}{x.marks[place + 1 :]}"
        return shaped(x, [d for d, mark in zip(dims, marks, strict=True) if mark == "d"], marks)
    return x


def _one_hot(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    depth = int(np.asarray(g.array(node, 1)).reshape(()))
    off, on = (float(v) for v in np.asarray(g.array(node, 2)).reshape(-1))
    place = int(node.get("axis", -1)) % (len(x.marks) + 1)
    axis = Axis.static(x.marks[place:].count("d"))
    hot = Tensor(selection.one_hot_op(x.variable, depth, False, axis).output, f"{x.marks[:place]}d{x.marks[place:]}")
    if (off, on) == (0.0, 1.0):
        return hot
    v = hot.variable
    spread = binary.element_times(v, blocks.number(v, on - off))
    return Tensor(binary.plus(spread, blocks.number(v, off)).output, hot.marks)


def _top_k(g: GraphReader, node: Node) -> list[Tensor]:
    x = g.tensor(node.inputs[0])
    place = x.place(int(node.get("axis", -1)))
    if not node.get("largest", 1):
        raise node.refused("CNTK's TopK takes the largest elements.")
    if x.marks[place] != "d":
        x = g.static(x)
    k = (g.integers(node, 1, "k") or [1])[0]
    return [Tensor(v, x.marks) for v in selection.top_k(x.variable, k, x.axis(place), _name(node)).outputs]


def _eye_like(g: GraphReader, node: Node) -> Tensor:
    x = g.static(g.tensor(node.inputs[0]))
    if node.get("k", 0):
        raise node.refused("CNTK's EyeLike has the main diagonal only.")
    return Tensor(constants.eye_like(x.variable, False, _name(node)).output, x.marks)


# The table

IMPORTS: Final[dict[str, Handler]] = {
    **{row.onnx: partial(_unary, row.function) for row in UNARY},
    **{row.onnx: partial(_binary, row.function) for row in BINARY},
    **{row.onnx: partial(_reduce, row.operation, row.before, row.after) for row in REDUCTIONS},
    "ArgMax": partial(_arg, "Argmax"),
    "ArgMin": partial(_arg, "Argmin"),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Dropout": _identity,
    "Elu": partial(_attributed, blocks.elu, alpha=1.0),
    "Expand": _expand,
    "EyeLike": _eye_like,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "HardSigmoid": partial(_attributed, blocks.hard_sigmoid, alpha=0.2, beta=0.5),
    "Hardmax": partial(_softmax_like, softmax.hardmax),
    "Identity": _identity,
    "LeakyRelu": partial(_attributed, blocks.leaky_relu, alpha=0.01),
    "LogSoftmax": partial(_softmax_like, softmax.log_softmax),
    "MatMul": _matmul,
    "Max": partial(_folded, blocks.element_max),
    "Mean": _mean,
    "Min": partial(_folded, blocks.element_min),
    "OneHot": _one_hot,
    "PRelu": _prelu,
    "Pad": _pad,
    "Reshape": _reshape,
    "Round": _rounded,
    "Selu": partial(_attributed, lambda x, alpha, gamma, name="": blocks.selu(x, gamma, alpha, name),
                    alpha=1.6732632423543772, gamma=1.0507009873554805),
    "Sign": _sign,
    "Slice": _slice,
    "Softmax": partial(_softmax_like, softmax.softmax),
    "Split": _split,
    "Squeeze": _squeeze,
    "Sum": partial(_folded, binary.plus),
    "ThresholdedRelu": _thresholded,
    "Tile": _tile,
    "TopK": _top_k,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _select,
    **IMAGE_IMPORTS,
    **RECURRENT_IMPORTS,
}  # fmt: skip
"""What reads a node, by its operator's name in ONNX."""
