"""Criteria of ranked lists: LambdaRank and NDCG at 1, over groups of samples that share an id.

Rows of a group must come sorted by falling gain. Source: cntk-semantics section 7; the gradient is that of LambdaRank
with a logistic pair loss, observed in CNTK for groups of up to seven rows. A group without gain has the value 1 by
LambdaRank, 0 by NDCG.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction
from ..plan import Call, Node, PlanBuilder
from ..shape import SCALAR
from ..tensor import Array
from .operator import Operand, Operator, call, common_axes, register

__all__ = ["lambda_rank", "ndcg_at_1"]


def _groups(ids: Array) -> list[slice]:
    """The runs of equal ids."""
    flat = ids.reshape(-1)
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(flat)], strict=True)]


def _order(scores: Array, gains: Array) -> NDArray[np.intp]:
    """The rows by falling score, at a tie by rising gain."""
    return np.lexsort((gains, -scores))


def _discounts(scores: Array, gains: Array) -> NDArray[np.float64]:
    """1 / ln(1 + rank) of each row."""
    order = _order(scores, gains)
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    discounts: NDArray[np.float64] = 1 / np.log1p(ranks)
    return discounts


class _Ranking(Operator, ABC):
    """What the criteria share: three operands of one element a sample, one number for the minibatch."""

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        common_axes(function)
        for variable, what in zip(function.operands, ("scores", "gains", "group ids"), strict=True):
            if not variable.shape.has_unbound_dimension and variable.shape.total_size != 1:
                raise CntkError(f"{self.name}: {what} of one element were expected, '{variable.as_string()}' came.")
        return [Outcome(SCALAR, function.check_data_types(), ())]

    @abstractmethod
    def value(self, scores: Array, gains: Array) -> float:
        """The criterion of one group, before it is averaged over groups and multiplied by 100 · samples."""

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        out = plan.output(node, (), None, differentiable=self.differentiable)

        def bind(scores: Array, gains: Array, ids: Array, out: Array) -> Call:
            def step() -> None:
                groups = _groups(ids)
                s, g = scores.reshape(-1), gains.reshape(-1)
                with np.errstate(divide="ignore", invalid="ignore"):
                    out[...] = 100 * len(s) * sum(self.value(s[k], g[k]) for k in groups) / len(groups)

            return step

        plan.emit(bind, node.inputs, [out])


class _LambdaRank(_Ranking):
    name = "LambdaRank"
    number = 59

    def value(self, scores: Array, gains: Array) -> float:
        ideal = (gains / np.log(np.arange(2, len(gains) + 2))).sum()
        return float(1 - (gains * _discounts(scores, gains)).sum() / ideal) if ideal else 1.0

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        scores, gains, ids = node.inputs
        if not plan.wants(scores):
            return

        def bind(g: Array, scores: Array, gains: Array, ids: Array, out: Array) -> Call:
            def step() -> None:
                # the gradient that comes in is left out of account, as in CNTK
                np.copyto(out, _lambdas(scores.reshape(-1), gains.reshape(-1), _groups(ids)).reshape(out.shape))

            return step

        plan.accumulate(scores, bind, [g, scores, gains, ids])


def _lambdas(scores: Array, gains: Array, groups: list[slice]) -> NDArray[np.float64]:
    """The forces on the scores: in every pair whose upper row has the larger gain the two push apart.

    CNTK lists the differences of the scores of all pairs (of rows above the smallest gain of their group) and takes
    them one after another for the pairs that push, also where pairs of equal gain lie between; so do we.
    """
    upper, lower, listed, changes = [], [], [], []
    for group in groups:
        gain = gains[group]
        discounts = _discounts(scores[group], gain)
        ideal = (gain / np.log(np.arange(2, len(gain) + 2))).sum()
        i, j = np.triu_indices(len(gain), 1)
        above = gain[i] > gain.min()
        listed.append(scores[group][i[above]] - scores[group][j[above]])
        pushes = gain[i] > gain[j]
        i, j = i[pushes], j[pushes]
        changes.append(np.abs((gain[i] - gain[j]) * (discounts[i] - discounts[j])) / ideal)
        upper.append(i + group.start)
        lower.append(j + group.start)
    change = np.concatenate(changes)
    force = change / (1 + np.exp(np.concatenate(listed)[: len(change)]))
    size = len(scores)
    pushed_down = np.bincount(np.concatenate(lower), force, size).astype(np.float64)
    total: NDArray[np.float64] = pushed_down - np.bincount(np.concatenate(upper), force, size)
    return total


class _Ndcg(_Ranking):
    name = "NDCG"
    number = 60
    differentiable = False

    def value(self, scores: Array, gains: Array) -> float:
        return float(gains[_order(scores, gains)[0]] / gains[0]) if gains[0] else 0.0


_LAMBDA_RANK = _LambdaRank()
_NDCG = _Ndcg()
register(_LAMBDA_RANK, _NDCG)


def lambda_rank(scores: Operand, gains: Operand, group_id: Operand, name: str = "") -> CompositeFunction:
    """100 · samples · the mean over groups of 1 - DCG / ideal DCG; its gradient is LambdaRank's.

    Args:
        gains: falling within a group.
        group_id: equal for the samples of a group, which lie next to each other.
    """
    return call(_LAMBDA_RANK, [scores, gains, group_id], {}, name)


def ndcg_at_1(scores: Operand, gains: Operand, group_id: Operand, name: str = "") -> CompositeFunction:
    """100 · samples · the mean over groups of the gain of the top scored row over that of the first row. CNTK: NDCG."""
    return call(_NDCG, [scores, gains, group_id], {}, name)
