"""ForwardBackward, the CTC criterion, and LabelsToGraph, which says what labels its sequences have.

The labels of a step are one-hot with a 2 where a label begins and a 1 where it goes on. The criterion is the negative
logarithm of the probability of all alignments: labels in their order, blanks between them at will, each label or blank
for one step or more, a blank needed between equal labels. All sequences go through one recursion, step by step.
Source: cntk-semantics section 7; the rule of the delay constraint was observed in CNTK.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction
from ..plan import Call, Node, PlanBuilder
from ..shape import SCALAR
from ..tensor import Array, Layout
from .operator import Operand, Operator, call, common_axes, register

__all__ = ["forward_backward", "labels_to_graph"]

_LOG_ZERO = -1e11
"""CNTK's logarithm of an impossible alignment."""
_BEGINS = 1.5
"""A label begins where its element is larger than this: 2, not 1."""

Reals = NDArray[np.float64]


class _LabelsToGraph(Operator):
    name = "LabelsToGraph"
    number = 63
    differentiable = False

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        out = plan.output(node, x.sample, x.layout, differentiable=False)
        plan.emit(lambda x, out: partial(np.copyto, out, x), [x], [out])


class _Alignments:
    """The recursions over one minibatch: padded arrays, (sequences, places) for each step.

    The places of a sequence are blank, label, blank, label, …, blank.
    """

    def __init__(self, graph: Array, features: Array, layout: Layout, blank: int, delay: int) -> None:
        self.steps = layout.steps
        self.count, self.longest = len(self.steps), int(self.steps.max())
        self.rows = np.repeat(np.arange(self.count), self.steps)
        self.columns = np.arange(layout.frames) - np.repeat(layout.starts, self.steps)
        flat = features.reshape(layout.frames, -1).astype(np.float64)
        self.classes = flat.shape[1]
        if not 0 <= blank < self.classes:
            raise CntkError(f"ForwardBackward: a blank token below {self.classes} was expected, {blank} came.")
        largest = flat.max(1, keepdims=True)
        shifted = flat - largest
        self.logarithms = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        self._place(graph.reshape(layout.frames, -1), blank)
        padded = np.zeros((self.count, self.longest, self.classes))
        padded[self.rows, self.columns] = self.logarithms
        self.observed = np.take_along_axis(padded, np.broadcast_to(self.labels[:, None], self._shape()), 2)
        self._allow(blank, delay)

    def _shape(self) -> tuple[int, int, int]:
        return self.count, self.longest, self.labels.shape[1]

    def _place(self, graph: Array, blank: int) -> None:
        """The labels of the places, and the steps at which they begin."""
        label = graph.argmax(1)
        begins = np.flatnonzero(graph[np.arange(len(graph)), label] > _BEGINS)
        sequence = self.rows[begins]
        self.sizes = 2 * np.bincount(sequence, minlength=self.count) + 1
        first = np.searchsorted(sequence, np.arange(self.count))
        rank = np.arange(len(begins)) - first[sequence]
        width = int(self.sizes.max())
        self.labels = np.full((self.count, width), blank, np.intp)
        self.labels[sequence, 2 * rank + 1] = label[begins]
        self.bounds = np.broadcast_to(self.steps[:, None], (self.count, width + 2)).copy()
        self.bounds[sequence, 2 * rank] = self.bounds[sequence, 2 * rank + 1] = self.columns[begins]

    def _allow(self, blank: int, delay: int) -> None:
        """Which places may be left over (two at once), and which may hold at which step."""
        labels = self.labels
        self.skips = np.zeros(labels.shape, np.bool_)
        self.skips[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
        places, steps = np.arange(labels.shape[1]), np.arange(self.longest)
        inside = np.broadcast_to((places < self.sizes[:, None])[:, None], self._shape())
        self.allowed_forward = self.allowed_backward = inside
        if delay < 0:
            return
        limit = self.bounds[:, 2:] + np.where(labels == blank, delay - 1, delay)
        # CNTK finds 0 as the bound behind the last blank and counts in unsigned numbers, so that 0 - 1 is no limit
        last_blank = places == self.sizes[:, None] - 1
        limit = np.where(last_blank, delay - 1 if delay else self.longest, limit)
        in_time = steps[:, None] <= limit[:, None]
        # neither recursion applies the constraint where it begins: the first step, the last one
        self.allowed_forward = inside & (in_time | (steps == 0)[:, None])
        self.allowed_backward = inside & (in_time | (steps == self.steps[:, None] - 1)[..., None])

    def forward(self) -> Reals:
        """The logarithms of all beginnings of alignments."""
        alpha = np.full(self._shape(), _LOG_ZERO)
        alpha[:, 0, :2] = self.observed[:, 0, :2]
        alpha[:, 0][~self.allowed_forward[:, 0]] = _LOG_ZERO
        for t in range(1, self.longest):
            before = alpha[:, t - 1]
            total = before.copy()
            total[:, 1:] = np.logaddexp(total[:, 1:], before[:, :-1])
            total[:, 2:] = np.where(self.skips[:, 2:], np.logaddexp(total[:, 2:], before[:, :-2]), total[:, 2:])
            alpha[:, t] = total + self.observed[:, t]
            alpha[:, t][~self.allowed_forward[:, t]] = _LOG_ZERO
        return alpha

    def backward(self) -> Reals:
        """The logarithms of all ends of alignments."""
        beta = np.full(self._shape(), _LOG_ZERO)
        places = np.arange(self.labels.shape[1])
        ends = (places >= self.sizes[:, None] - 2) & (places < self.sizes[:, None])
        for t in reversed(range(self.longest)):
            if t + 1 < self.longest:
                after = beta[:, t + 1]
                total = after.copy()
                total[:, :-1] = np.logaddexp(total[:, :-1], after[:, 1:])
                total[:, :-2] = np.where(self.skips[:, 2:], np.logaddexp(total[:, :-2], after[:, 2:]), total[:, :-2])
                beta[:, t] = total + self.observed[:, t]
            last = (self.steps - 1 == t)[:, None]
            beta[:, t] = np.where(last, np.where(ends, self.observed[:, t], _LOG_ZERO), beta[:, t])
            beta[:, t][~self.allowed_backward[:, t]] = _LOG_ZERO
        return beta

    def total(self) -> Reals:
        """The logarithm of all alignments of each sequence."""
        beta = self.backward()
        second = beta[:, 0, 1] if beta.shape[2] > 1 else _LOG_ZERO
        total: Reals = np.logaddexp(beta[:, 0, 0], second)
        return total

    def gradient(self) -> Reals:
        """The derivative by the features: softmax less the share of the alignments that have a label at a step."""
        share = self.forward() + self.backward() - self.observed
        share[np.broadcast_to((np.arange(share.shape[2]) >= self.sizes[:, None])[:, None], share.shape)] = -np.inf
        share = np.exp(share - share.max(2, keepdims=True))
        share /= share.sum(2, keepdims=True)
        places = np.zeros((self.count, self.labels.shape[1], self.classes))
        np.put_along_axis(places, self.labels[..., None], 1, 2)
        by_label = np.matmul(share, places)
        result: Reals = np.exp(self.logarithms) - by_label[self.rows, self.columns]
        return result


class _ForwardBackward(Operator):
    name = "ForwardBackward"
    number = 66
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        common_axes(function)
        graph, features = (v.shape for v in function.operands)
        if not graph.is_unknown and not features.is_unknown and graph != features:
            raise CntkError(f"ForwardBackward: operands of one shape were expected, '{graph}' and '{features}' came.")
        return [Outcome(SCALAR, function.check_data_types(), ())]

    @staticmethod
    def _alignments(node: Node, graph: Array, features: Array) -> _Alignments:
        layout = node.inputs[1].layout
        if layout is None or node.inputs[0].layout is None or node.inputs[0].layout.key != layout.key:
            raise CntkError("ForwardBackward: two operands with the same sequences were expected.")
        attributes = node.attributes
        return _Alignments(graph, features, layout, int(attributes["BlankTokenId"]), int(attributes["DelayConstraint"]))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        out = plan.output(node, (), None)
        out.needs_gradient = node.inputs[1].needs_gradient

        def bind(graph: Array, features: Array, out: Array) -> Call:
            def step() -> None:
                out[...] = -self._alignments(node, graph, features).total().sum()

            return step

        plan.emit(bind, node.inputs, [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        features = node.inputs[1]
        if not plan.wants(features):
            return

        def bind(g: Array, graph: Array, features: Array, out: Array) -> Call:
            def step() -> None:
                np.copyto(out, (g * self._alignments(node, graph, features).gradient()).reshape(out.shape))

            return step

        plan.accumulate(features, bind, [g, *node.inputs])


_LABELS_TO_GRAPH = _LabelsToGraph()
_FORWARD_BACKWARD = _ForwardBackward()
register(_LABELS_TO_GRAPH, _FORWARD_BACKWARD)


def labels_to_graph(labels: Operand, name: str = "") -> CompositeFunction:
    """Labels, one-hot with a 2 where one begins, as the first operand of `forward_backward`."""
    return call(_LABELS_TO_GRAPH, [labels], {}, name)


def forward_backward(
    graph: Operand, features: Operand, blank_token_id: int, delay_constraint: int = -1, name: str = ""
) -> CompositeFunction:
    """The CTC criterion of the minibatch; softmax of the features is part of it.

    Args:
        delay_constraint: how many steps a label may go on after the next one has begun in the graph; -1 for any number.
    """
    attributes = {"BlankTokenId": int(blank_token_id), "DelayConstraint": int(delay_constraint)}
    return call(_FORWARD_BACKWARD, [graph, features], attributes, name)
