"""Loops that are LSTM cells, computed as such: one product, one tanh over all gates and few calls a step.

The loop of `layers.Recurrence(LSTM)` is recognised by its operators, however it was built or loaded; what the general
loop would do in some forty calls a step takes ten. sigmoid(x) is ½ + ½ tanh(x / 2), the halves go into the weights; the
derivatives of the gates are computed for all steps at once, and so is the gradient of the weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .axis import Axis
from .kernels import kernel
from .plan import Call, PlanBuilder
from .step_order import StepOrder
from .tensor import Array, Layout, Tensor
from .variable import Variable

if TYPE_CHECKING:
    from .flow import Step

__all__ = ["LstmCell", "emit_lstm", "match_lstm"]


class LstmCell(NamedTuple):
    """The variables of an LSTM loop.

    Attributes:
        projected: what the inputs give to the gates, [4h], from outside the loop.
        weight: H, [4h x h], from outside.
        output, state: h and c.
        output_delay, state_delay: the steps that delay them.
        units: h.
    """

    projected: Variable
    weight: Variable
    output: Variable
    state: Variable
    output_delay: Step
    state_delay: Step
    units: int


_SIZES = {
    "Times": 1,
    "Plus": 2,
    "Slice": 4,
    "StableSigmoid": 3,
    "Tanh": 2,
    "ElementTimes": 3,
    "PastValue": 2,
    "FutureValue": 2,
}
_GATES = ("StableSigmoid", "Tanh", "StableSigmoid", "StableSigmoid")
_WRITTEN_OUT_SIZE = 32_768
"""Up to so many elements an operation that broadcasts takes twice the time of one that does not."""


def match_lstm(body: Sequence[Step], used: set[Variable]) -> LstmCell | None:
    """The LSTM that a loop is, None when it is something else."""
    if len(body) != 17 or any(step.function.op_name not in _SIZES or len(step.outputs) != 1 for step in body):
        return None
    made = {step.outputs[0]: step for step in body}

    def step_of(variable: Variable, op_name: str) -> Step | None:
        step = made.get(variable)
        return step if step is not None and step.function.op_name == op_name else None

    def either(step: Step, op_name: str) -> tuple[Step, Variable] | None:
        """An operand made by an operator, and the other operand."""
        for index in (0, 1):
            found = step_of(step.operands[index], op_name)
            if found is not None:
                return found, step.operands[1 - index]
        return None

    delays = [step for step in body if step.function.op_name in ("PastValue", "FutureValue")]
    products = [step for step in body if step.function.op_name == "Times"]
    if len(delays) != 2 or len(products) != 1 or any(int(d.function.attributes["offset"]) != 1 for d in delays):
        return None
    weight, before = products[0].operands
    output_delay = made.get(before)
    if output_delay not in delays or weight in made or int(products[0].function.attributes["outputRank"]) != 1:
        return None
    assert output_delay is not None
    state_delay = delays[1 - delays.index(output_delay)]
    output, state = output_delay.operands[0], state_delay.operands[0]
    units = output.shape[0] if output.shape.rank == 1 else 0
    if units < 1 or state.shape != output.shape or tuple(weight.shape) != (4 * units, units):
        return None
    gates = _gates(body, made, products[0], units)
    if gates is None or not used <= (used - made.keys()) | {output, state}:
        return None
    projected, (into, candidate, keep, shown) = gates
    total, last = step_of(state, "Plus"), step_of(output, "ElementTimes")
    if total is None or last is None:
        return None
    squashed = either(last, "Tanh")
    if squashed is None or squashed[0].operands[0] is not state or squashed[1] is not shown:
        return None
    parts = [step_of(v, "ElementTimes") for v in total.operands]
    operands = {frozenset(part.operands) for part in parts if part is not None}
    if operands != {frozenset((keep, state_delay.outputs[0])), frozenset((into, candidate))}:
        return None
    return LstmCell(projected, weight, output, state, output_delay, state_delay, units)


def _gates(
    body: Sequence[Step], made: dict[Variable, Step], product: Step, units: int
) -> tuple[Variable, list[Variable]] | None:
    """What comes from outside to the gates, and the activated gates in their order."""
    sums = [step for step in body if step.function.op_name == "Plus" and product.outputs[0] in step.operands]
    if len(sums) != 1:
        return None
    left, right = sums[0].operands
    projected = right if left is product.outputs[0] else left
    if projected in made or tuple(projected.shape) != (4 * units,):
        return None
    activated: dict[int, Variable] = {}
    for step in body:
        if step.function.op_name != "Slice":
            continue
        attributes = step.function.attributes
        begin = attributes.get("beginIndex", -1)
        whole = attributes.get("axis") == Axis.static(0) and attributes.get("sliceStrides", 1) == 1
        if step.operands[0] is not sums[0].outputs[0] or not whole or begin % units:
            return None
        if attributes["endIndex"] != begin + units:
            return None
        users = [s for s in body if step.outputs[0] in s.operands]
        index = begin // units
        if len(users) != 1 or not 0 <= index < 4 or users[0].function.op_name != _GATES[index]:
            return None
        activated[index] = users[0].outputs[0]
    return (projected, [activated[i] for i in range(4)]) if len(activated) == 4 else None


def emit_lstm(
    plan: PlanBuilder,
    order: StepOrder,
    layout: Layout,
    units: int,
    projected: Tensor,
    weight: Tensor,
    h0: Tensor,
    c0: Tensor,
) -> tuple[Tensor, Tensor]:
    """Emits an LSTM over frames in the order of the loop; gives its outputs and states.

    Args:
        projected: (frames, 4h); weight: (h, 4h), gates input, candidate, forget, output.
        h0, c0: (sequences, h), what stands before the first step.
    """
    dtype = projected.dtype
    h, c, shown = (plan.new((units,), layout, dtype) for _ in range(3))
    gates = plan.new((4, units), layout, dtype)
    plan.emit(partial(_forward, order, units), [projected, weight, h0, c0], [h, c, gates, shown])
    h.needs_gradient = c.needs_gradient = any(t.needs_gradient for t in (projected, weight, h0, c0))
    if h.needs_gradient:
        plan.record(partial(_gradient, plan, order, units, (projected, weight, h0, c0), (h, c, gates, shown)))
    return h, c


def _rows(order: StepOrder, t: int) -> slice:
    return slice(order.starts[t], order.starts[t + 1])


def _for_rows(row: Array, count: int) -> Array:
    """A row for so many, written out where the work is small."""
    rows = np.broadcast_to(row, (count, len(row)))
    return rows.copy() if rows.size <= _WRITTEN_OUT_SIZE else rows


def _forward(
    order: StepOrder,
    units: int,
    projected: Array,
    weight: Array,
    h0: Array,
    c0: Array,
    h: Array,
    c: Array,
    gates: Array,
    shown: Array,
) -> list[Call]:
    half = np.full((4, units), 0.5, projected.dtype)
    half[1] = 1
    shift = np.full((4, units), 0.5, projected.dtype)
    shift[1] = 0
    halves, shifts = (_for_rows(each.reshape(-1), order.active[0]) for each in (half, shift))
    scaled = np.empty_like(weight)
    flat = gates.reshape(len(gates), 4 * units)
    products = np.empty((order.active[0], 4 * units), projected.dtype)
    new = np.empty((order.active[0], units), projected.dtype)
    calls: list[Call] = [
        partial(np.multiply, weight, half.reshape(-1), scaled),
        partial(np.multiply, projected, half.reshape(-1), flat),
    ]
    for t, count in enumerate(order.active):
        rows = _rows(order, t)
        start = order.starts[t - 1] if t else 0
        before_h, before_c = (h, c) if t else (h0, c0)
        before_h, before_c = before_h[start : start + count], before_c[start : start + count]
        z, product, candidate = flat[rows], products[:count], new[:count]
        i, g, f, o = (gates[rows, k] for k in range(4))
        calls += kernel("product-of-few-rows")(before_h, scaled, product)
        calls += [
            partial(np.add, z, product, z),
            partial(np.tanh, z, z),
            partial(np.multiply, z, halves[:count], z),
            partial(np.add, z, shifts[:count], z),
            partial(np.multiply, f, before_c, c[rows]),
            partial(np.multiply, i, g, candidate),
            partial(np.add, c[rows], candidate, c[rows]),
            partial(np.tanh, c[rows], shown[rows]),
            partial(np.multiply, o, shown[rows], h[rows]),
        ]
    return calls


def _gradient(
    plan: PlanBuilder, order: StepOrder, units: int, operands: tuple[Tensor, ...], results: tuple[Tensor, ...]
) -> None:
    projected, weight, h0, c0 = operands
    h, c, gates, shown = results
    by_h = plan.gradient_of(h) if plan.has_gradient(h) else None
    by_c = plan.gradient_of(c) if plan.has_gradient(c) else None
    given = [t for t in (by_h, by_c) if t is not None]
    if not given:
        return
    by_gates = plan.new(projected.sample, projected.layout, projected.dtype)
    by_h0, by_c0 = (plan.new(t.sample, t.layout, t.dtype) for t in (h0, c0))

    def bind(*arrays: Array) -> list[Call]:
        g = iter(arrays[: len(given)])
        return _backward(
            order,
            units,
            next(g) if by_h is not None else None,
            next(g) if by_c is not None else None,
            *arrays[len(given) :],
        )

    plan.emit(bind, [*given, weight, c, c0, gates, shown], [by_gates, by_h0, by_c0])
    if plan.wants(weight):
        plan.accumulate(weight, partial(_weight_gradient, order), [by_gates, h, h0])
    for tensor, contribution in ((projected, by_gates), (h0, by_h0), (c0, by_c0)):
        if plan.wants(tensor):
            plan.accumulate_tensor(tensor, contribution)


def _before(order: StepOrder, values: Array, first: Array) -> tuple[Array, list[Call]]:
    """The values of the step before each frame, and the calls that bring them up to date."""
    before = np.empty_like(values)
    count = order.active[0]
    index = np.asarray(order.starts)[np.maximum(order.step - 1, 0)] + order.rank
    return before, [
        partial(np.take, values, index, 0, before, "clip"),
        partial(np.copyto, before[:count], first),
    ]


def _weight_gradient(order: StepOrder, by_gates: Array, h: Array, h0: Array, out: Array) -> list[Call]:
    before, calls = _before(order, h, h0)
    return [*calls, kernel("product")(before.T, by_gates, out)]


def _backward(
    order: StepOrder,
    units: int,
    by_h: Array | None,
    by_c: Array | None,
    weight: Array,
    c: Array,
    c0: Array,
    gates: Array,
    shown: Array,
    by_gates: Array,
    by_h0: Array,
    by_c0: Array,
) -> list[Call]:
    one = c.dtype.type(1)
    i, g, f, o = (gates[:, k] for k in range(4))
    slopes = np.empty_like(gates)
    through = np.empty_like(c)
    before, calls = _before(order, c, c0)
    result = by_gates.reshape(gates.shape)
    for k, gate, factor in ((0, i, g), (2, f, before), (3, o, shown)):  # factor · gate · (1 - gate)
        calls += [
            partial(np.subtract, one, gate, slopes[:, k]),
            partial(np.multiply, slopes[:, k], gate, slopes[:, k]),
            partial(np.multiply, slopes[:, k], factor, slopes[:, k]),
        ]
    for target, value, factor in ((slopes[:, 1], g, i), (through, shown, o)):  # factor · (1 - value²)
        calls += [
            partial(np.multiply, value, value, target),
            partial(np.subtract, one, target, target),
            partial(np.multiply, target, factor, target),
        ]
    carried = np.empty((order.active[0], units), c.dtype)
    above, scratch = np.empty_like(carried), np.empty_like(carried)
    back = np.empty(weight.shape[::-1], weight.dtype)  # with few rows a product by a transposed matrix is half as fast
    calls += [partial(np.copyto, back, weight.T), partial(carried.fill, 0)]
    for t in reversed(range(len(order.active))):
        rows, count = _rows(order, t), order.active[t]
        dh, dc, part = above[:count], carried[:count], scratch[:count]
        calls.append(partial(dh.fill, 0) if by_h is None else partial(np.copyto, dh, by_h[rows]))
        if t + 1 < len(order.active):
            later = order.active[t + 1]
            calls += kernel("product-of-few-rows")(by_gates[_rows(order, t + 1)], back, scratch[:later])
            calls += [
                partial(np.add, above[:later], scratch[:later], above[:later]),
            ]
        if by_c is not None:
            calls.append(partial(np.add, dc, by_c[rows], dc))
        calls += [
            partial(np.multiply, dh, through[rows], part),
            partial(np.add, dc, part, dc),
            partial(np.multiply, slopes[rows, :3], dc[:, None, :], result[rows, :3]),
            partial(np.multiply, slopes[rows, 3], dh, result[rows, 3]),
            partial(np.multiply, dc, f[rows], dc),
        ]
    return [
        *calls,
        partial(np.dot, by_gates[_rows(order, 0)], back, by_h0),
        partial(np.copyto, by_c0, carried),
    ]
