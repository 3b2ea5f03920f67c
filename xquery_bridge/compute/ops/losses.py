"""Losses and metrics of a sample. Source: cntk-semantics section 7; the graphs are CNTK's blocks, computed as one."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NoReturn

import numpy as np

from ..axis import Axis
from ..errors import CntkError
from ..graph import BlockFunction, CompositeFunction, PrimitiveFunction, as_block, as_variable
from ..kernels.broadcasting import broadcast_calls
from ..partial_sort import largest_places
from ..plan import Call
from ..shape import SCALAR, Shape
from ..tensor import Array, Layout, Tensor
from .binary import common_layout, element_times, equal, greater_equal, minus, not_equal, plus, square
from .blocks import number, stand_in
from .elementwise import log, negate
from .linear import transpose_times
from .operator import Node, Operand, Operator, Outcome, PlanBuilder, broadcast_shape, call, fuse, register
from .random_draws import packed_columns
from .reductions import reduce_log_sum, reduce_max, reduce_mean, reduce_sum
from .softmax import hardmax, largest_along, sums_along

__all__ = [
    "binary_cross_entropy",
    "classification_error",
    "cosine_distance",
    "cosine_distance_with_negative_samples",
    "cross_entropy_with_softmax",
    "squared_error",
    "weighted_binary_cross_entropy",
]


class _CrossEntropyWithSoftmax(Operator):
    """logsumexp(z) - z · y of vectors, with the gradient softmax(z) - y; y is not normalised."""

    name = "CrossEntropyWithSoftmax"

    def accepts(self, block: BlockFunction) -> bool:
        z, y = block.operands
        axis = block.attributes.get("axis")
        return z.shape.rank == 1 and y.shape == z.shape and axis in (Axis.static(0), Axis.static(-1))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        z, y = node.inputs
        if z.sample != y.sample:
            _refuse_shapes(node)
        layout = common_layout(node)
        out = plan.output(node, (1,), layout)
        powers = plan.new(z.sample, z.layout, z.dtype)
        node.saved["softmax"] = powers

        def bind(z: Array, y: Array, out: Array, softmax: Array) -> list[Call]:
            largest = np.empty((*z.shape[:-1], 1), z.dtype)
            total = np.empty_like(largest)
            product = np.empty(out.shape[:-1], z.dtype)
            return [
                *largest_along(z, largest),
                *broadcast_calls(np.subtract, (z, largest), softmax),
                partial(np.exp, softmax, softmax),
                sums_along(softmax, total),
                *broadcast_calls(np.divide, (softmax, total), softmax),
                partial(np.log, total, total),
                partial(np.add, total, largest, out),
                partial(np.vecdot, z, y, product),
                partial(np.subtract, out, product[..., None], out),
            ]

        plan.emit(bind, [z, y], [out, powers])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        z, y = node.inputs
        if plan.wants(z):
            is_loss = g is plan.root_gradient

            def rule(g: Array, softmax: Array, y: Array, out: Array) -> list[Call]:
                difference = partial(np.subtract, softmax, y, out)
                return [difference] if is_loss else [difference, *broadcast_calls(np.multiply, (out, g), out)]

            plan.accumulate_broadcast(
                z,
                rule,
                [g, node.saved["softmax"], y],
                plan.new(z.sample, node.output.layout, z.dtype),
                in_place=False,
            )
        if plan.wants(y):
            plan.accumulate_broadcast(
                y,
                lambda g, z, out: [partial(np.multiply, g, z, out), partial(np.negative, out, out)],
                [g, z],
                plan.new(y.sample, node.output.layout, y.dtype),
                in_place=False,
            )


def _refuse_shapes(node: Node) -> NoReturn:
    shapes = " and ".join(str(Shape(each.sample[::-1])) for each in node.inputs[:2])
    raise CntkError(f"{node.function.op_name}: two operands of one shape, no scalars, were expected, {shapes} came.")


def _require_layouts(node: Node, count: int) -> None:
    """Refuses one of the first operands that has no dynamic axes."""
    for index, operand in enumerate(node.inputs[:count]):
        if operand.layout is None:
            function = node.function
            raise CntkError(
                f"Node '{function.uid}' ({function.op_name} operation): Expected MBLayout in Input {index}."
            )


def _constant(node: Node, index: int) -> int:
    """The number that a constant operand holds."""
    return int(node.function.operands[index].data.reshape(-1)[0])  # type: ignore[attr-defined]


class _SquaredError(Operator):
    """The sum of the squared differences of a sample."""

    name = "SquaredError"

    def accepts(self, block: BlockFunction) -> bool:
        x, y = block.operands
        return x.shape == y.shape and x.dynamic_axes == y.dynamic_axes and len(x.dynamic_axes) > 0

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, y = node.inputs
        if x.sample != y.sample:
            _refuse_shapes(node)
        out = plan.output(node, (), common_layout(node))
        difference = plan.new(x.sample, x.layout, x.dtype)
        node.saved["difference"] = difference

        def bind(x: Array, y: Array, out: Array, d: Array) -> list[Call]:
            rows = d.reshape(len(d), -1)
            return [partial(np.subtract, x, y, d), partial(np.vecdot, rows, rows, out)]

        plan.emit(bind, [x, y], [out, difference])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        for operand, sign in zip(node.inputs, (2, -2), strict=True):
            if plan.wants(operand):
                plan.accumulate(operand, partial(_squared_gradient, sign), [g, node.saved["difference"]])


def _squared_gradient(sign: int, g: Array, d: Array, out: Array) -> list[Call]:
    return [
        partial(np.multiply, d, d.dtype.type(sign), out),
        partial(np.multiply, out, g.reshape(-1, *(1,) * (d.ndim - 1)), out),
    ]


class _TopNError(Operator):
    """How many samples of the minibatch do not have their label among the topN largest of all their elements."""

    name = "ClassificationError"
    number = 36
    differentiable = False

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        prediction, labels = function.operands[:2]
        if not prediction.shape.is_unknown and not labels.shape.is_unknown:
            broadcast_shape(self.name, [prediction, labels])
        return [Outcome(SCALAR, function.check_data_types(), ())]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        z, y = node.inputs[:2]
        _require_layouts(node, 2)
        frames, classes = z.shape[0], math.prod(z.sample)
        top = _constant(node, 2)
        if top > classes:
            raise CntkError("VectorMax: TopK must be less or equal than the number of rows")
        common_layout(node)
        out = plan.output(node, (), None, differentiable=False)

        def bind(z: Array, y: Array, out: Array) -> Call:
            scores, targets = z.reshape(frames, -1), y.reshape(frames, -1)

            def count() -> None:
                largest = largest_places(scores, top)
                out[...] = frames - (largest == targets.argmax(1)[:, None]).sum()

            return count

        plan.emit(bind, [z, y], [out])


def _require_equal_sizes(x: Tensor, y: Tensor) -> None:
    if np.prod(x.sample, dtype=np.int64) != np.prod(y.sample, dtype=np.int64):
        raise CntkError("InnerProduct: Matrices a and b should have same dimension.")


class _CosDistance(Operator):
    """z · y / (|z| |y|), 0 when one of them is a zero vector."""

    name = "CosDistance"
    number = 53

    def shape(self, function: PrimitiveFunction) -> Shape:
        broadcast_shape(self.name, function.operands)
        return SCALAR

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, y = node.inputs
        _require_equal_sizes(x, y)
        layout = x.layout or y.layout
        out = plan.output(node, (), layout)
        frames = 1 if layout is None else layout.frames

        def bind(x: Array, y: Array, out: Array) -> list[Call]:
            return [lambda: np.copyto(out, _cosine(x.reshape(-1, n), y.reshape(-1, n), frames).reshape(out.shape))]

        n = int(np.prod(x.sample, dtype=np.int64))
        plan.emit(bind, [x, y], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        n = int(np.prod(node.inputs[0].sample, dtype=np.int64))
        for operand, other in (node.inputs, node.inputs[::-1]):
            if not plan.wants(operand):
                continue

            rule = partial(self._slope, n, operand.layout is None)
            plan.accumulate(operand, rule, [g, operand, other, node.output])

    @staticmethod
    def _slope(n: int, shared: bool, g: Array, x: Array, y: Array, c: Array, out: Array) -> Call:
        """The call for the gradient of x, summed over the samples where one x is shared by all."""

        def step() -> None:
            rows, others = x.reshape(-1, n), y.reshape(-1, n)
            norm = np.linalg.norm(rows, axis=1)[:, None]
            scale = norm * np.linalg.norm(others, axis=1)[:, None]
            inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
            own = np.divide(1, norm * norm, out=np.zeros_like(norm), where=norm != 0)
            result = g.reshape(-1, 1) * (others * inverse - c.reshape(-1, 1) * rows * own)
            if shared and result.shape[0] > 1:
                result = result.sum(0)
            np.copyto(out, result.reshape(out.shape))

        return step


def _cosine(x: Array, y: Array, frames: int) -> Array:
    scale = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return np.broadcast_to(np.divide(np.vecdot(x, y), scale, out=np.zeros_like(scale), where=scale != 0), (frames,))


class _CosDistanceWithNegativeSamples(Operator):
    """Cosine of each sample with its own and with `negatives` later samples of the other operand."""

    name = "CosDistanceWithNegativeSamples"
    number = 67

    def shape(self, function: PrimitiveFunction) -> Shape:
        broadcast_shape(self.name, function.operands[:2])
        negatives = function.operands[3]
        return Shape((int(getattr(negatives, "data", np.zeros(1)).reshape(-1)[0]) + 1,))

    @staticmethod
    def _partners(layout: Layout, shift: int, count: int) -> Array:
        """For the frame in column i: i, then those in columns i + shift, i + shift + 1, … modulo all columns.

        Columns are CNTK's. One that no sequence fills stands for the frame after the last one, a zero vector: right
        for inputs, and for what maps 0 to 0.
        """
        columns, size = np.arange(layout.frames), layout.frames
        if layout.lengths is not None:
            columns, size = packed_columns(layout.steps)
        frame_of = np.full(size, layout.frames)
        frame_of[columns] = np.arange(layout.frames)
        offsets = np.array([0, *(shift + k for k in range(count))], dtype=np.int64)
        return np.asarray(frame_of[(columns[:, None] + offsets) % size])

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, y = node.inputs[:2]
        _require_equal_sizes(x, y)
        if x.layout is None or y.layout is None or x.layout.frames != y.layout.frames:
            raise CntkError(f"{self.name}: two operands with the same samples were expected.")
        shift, count = _constant(node, 2), _constant(node, 3)
        layout, frames = x.layout, x.layout.frames
        partners = self._partners(layout, shift, count)
        out = plan.output(node, (count + 1,), x.layout)

        def bind(x: Array, y: Array, out: Array) -> Call:
            def step() -> None:
                a, others = x.reshape(frames, -1), _with_gap(y.reshape(frames, -1))[partners]
                scale = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(others, axis=2)
                dot = np.einsum("ij,ikj->ik", a, others)
                np.copyto(out, np.divide(dot, scale, out=np.zeros_like(scale), where=scale != 0))

            return step

        plan.emit(bind, [x, y], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        shift, count = _constant(node, 2), _constant(node, 3)
        layout = node.inputs[0].layout
        assert layout is not None
        frames = layout.frames
        partners = self._partners(layout, shift, count)

        def parts(x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
            a, b = x.reshape(frames, -1), _with_gap(y.reshape(frames, -1))[partners]
            norm_a = np.linalg.norm(a, axis=1)[:, None]
            norm_b = np.linalg.norm(b, axis=2)
            return a, b, norm_a, norm_b

        def inverse(v: Array) -> Array:
            return np.asarray(np.divide(1, v, out=np.zeros_like(v), where=v != 0))

        def left(g: Array, x: Array, y: Array, c: Array, out: Array) -> Call:
            def step() -> None:
                a, b, norm_a, norm_b = parts(x, y)
                weight = g * inverse(norm_a * norm_b)
                result = np.einsum("ik,ikj->ij", weight, b) - a * (g * c).sum(1)[:, None] * inverse(norm_a * norm_a)
                np.copyto(out, result.reshape(out.shape))

            return step

        def right(g: Array, x: Array, y: Array, c: Array, out: Array) -> Call:
            def step() -> None:
                a, b, norm_a, norm_b = parts(x, y)
                weight = (g * inverse(norm_a * norm_b))[..., None]
                each = weight * a[:, None, :] - b * (g * c * inverse(norm_b * norm_b))[..., None]
                total = np.zeros((frames + 1, a.shape[1]), a.dtype)
                np.add.at(total, partners, each)
                np.copyto(out, total[:frames].reshape(out.shape))

            return step

        for operand, rule in ((node.inputs[0], left), (node.inputs[1], right)):
            if plan.wants(operand):
                plan.accumulate(operand, rule, [g, node.inputs[0], node.inputs[1], node.output])


def _with_gap(rows: Array) -> Array:
    """The rows and one of zeros."""
    return np.concatenate((rows, np.zeros_like(rows[:1])))


class _Logistic(Operator):
    """Binary cross entropy of the minibatch with weights: Σ w t / mean(w); the gradient is not divided."""

    name = "Logistic"
    number = 48

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        shapes = [v.shape for v in function.operands if not v.shape.is_unknown]
        if any(s != shapes[0] for s in shapes):
            raise CntkError("Logistic operation do not match.")
        return [Outcome(SCALAR, function.check_data_types(), ())]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        p = node.inputs[0]
        _require_layouts(node, 2)
        if int(np.prod(p.sample, dtype=np.int64)) != 1:
            raise CntkError("The input matrix dimensions do not match.")
        out = plan.output(node, (), None)

        def bind(p: Array, y: Array, w: Array, out: Array) -> Call:
            def step() -> None:
                positive = y * np.log(np.maximum(p, _SMALLEST))
                negative = (1 - y) * np.log(np.maximum(1 - p, _SMALLEST))
                out[...] = -(w * (positive + negative)).sum() / w.mean()

            return step

        plan.emit(bind, node.inputs, [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        p, y, w = node.inputs
        if plan.wants(p):

            def rule(g: Array, p: Array, y: Array, w: Array, out: Array) -> Call:
                return lambda: np.copyto(out, g * w * (p - y) / (p * (1 - p)))

            plan.accumulate(p, rule, [g, p, y, w])


_SMALLEST = 1e-37
_TOP_N = _TopNError()
_COS = _CosDistance()
_COS_NEGATIVE = _CosDistanceWithNegativeSamples()
_LOGISTIC = _Logistic()
register(_TOP_N, _COS, _COS_NEGATIVE, _LOGISTIC)
fuse("CrossEntropyWithSoftmax", _CrossEntropyWithSoftmax())
fuse("SquaredError", _SquaredError())


def cross_entropy_with_softmax(
    prediction: Operand, target: Operand, axis: Axis | None = None, name: str = ""
) -> CompositeFunction:
    """logsumexp(z) - z · y along an axis, the first one unless given; [1] for vectors."""
    axis = Axis.static(0) if axis is None else axis
    z, a = stand_in(prediction, "prediction")
    y, b = stand_in(target, "labels")
    attributes = {"axis": axis}
    if axis == Axis.static(0):
        result = minus(reduce_log_sum(a, axis), transpose_times(b, a))
    else:
        result = minus(reduce_log_sum(a, axis), reduce_sum(element_times(b, a), axis))
    return as_block(result, {a: z, b: y}, "CrossEntropyWithSoftmax", name, attributes)


def classification_error(
    prediction: Operand, target: Operand, top_n: int = 1, axis: Axis | None = None, name: str = ""
) -> CompositeFunction:
    """1 - hardmax(z) · y of a sample; with `top_n` above 1 one number for the minibatch."""
    axis = Axis.static(0) if axis is None else axis
    if top_n == 0:
        raise CntkError("ClassificationError: The topN argument must be > 0.")
    if top_n > 1:
        if axis != Axis.static(0):
            raise CntkError("ClassificationError: The topN operator is not supported for an axis other than the first.")
        x = as_variable(prediction)
        return call(_TOP_N, [x, target, number(x, top_n)], {}, name)
    z, a = stand_in(prediction, "prediction")
    y, b = stand_in(target, "labels")
    if axis == Axis.static(0):
        result = minus(number(z, 1), transpose_times(b, hardmax(a)))
    else:
        wrong = not_equal(equal(a, reduce_max(a, axis)), b)
        capped = greater_equal(reduce_sum(wrong, axis), number(z, 1))
        result = reduce_mean(capped, Axis.all_static_axes())
    return as_block(result, {a: z, b: y}, "ClassificationError", name, {"axis": axis})


def squared_error(prediction: Operand, target: Operand, name: str = "") -> CompositeFunction:
    """Σ (z - y)² of a sample."""
    z, a = stand_in(prediction, "prediction")
    y, b = stand_in(target, "target")
    result = reduce_sum(square(minus(a, b)), Axis.all_static_axes())
    return as_block(result, {a: z, b: y}, "SquaredError", name)


def binary_cross_entropy(prediction: Operand, target: Operand, name: str = "") -> CompositeFunction:
    """-(y log(p + 1e-6) + (1 - y) log(1 + 1e-6 - p)), elementwise; the constants are rounded to float."""
    p, a = stand_in(prediction, "prediction")
    y, b = stand_in(target, "target")
    small = float(np.float32(1e-6))
    one = float(np.float32(1 + 1e-6))
    positive = element_times(log(plus(a, number(p, small))), b)
    negative = element_times(minus(number(p, 1), b), log(minus(number(p, one), a)))
    return as_block(negate(plus(positive, negative)), {a: p, b: y}, "BinaryCrossEntropy", name)


def weighted_binary_cross_entropy(
    prediction: Operand, target: Operand, weights: Operand, name: str = ""
) -> CompositeFunction:
    """Binary cross entropy of the minibatch with a weight for each sample. CNTK: Logistic."""
    return call(_LOGISTIC, [prediction, target, weights], {}, name)


def cosine_distance(left: Operand, right: Operand, name: str = "") -> CompositeFunction:
    """x · y / (|x| |y|) of a sample."""
    return call(_COS, [left, right], {}, name)


def cosine_distance_with_negative_samples(
    left: Operand, right: Operand, shift_window: int, number_of_negative_samples: int, name: str = ""
) -> CompositeFunction:
    """[negatives + 1]: the cosine with the own sample, then with samples shifted by the window, and so on."""
    x = as_variable(left)
    constants: list[Any] = [number(x, shift_window), number(x, number_of_negative_samples)]
    return call(_COS_NEGATIVE, [x, right, *constants], {}, name)
