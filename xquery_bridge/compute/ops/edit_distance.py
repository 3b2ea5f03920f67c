"""EditDistanceError: how many substitutions, deletions and insertions lie between sequences of labels.

Source: cntk-semantics section 7. Observed in CNTK besides: the count is scaled by all steps over the labels that are
left of the second operand; a substitution is taken when it costs no more than both others, a deletion when it costs
less than an insertion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction
from ..plan import Call, Node, PlanBuilder
from ..shape import SCALAR
from ..tensor import Array
from .operator import Operand, Operator, call, common_axes, register

__all__ = ["edit_distance_error"]


class Penalties(NamedTuple):
    """What the three edits cost."""

    substitution: float
    deletion: float
    insertion: float


def edits(first: NDArray[np.intp], second: NDArray[np.intp], penalties: Penalties) -> int:
    """The number of edits on the cheapest path from one sequence of labels to another."""
    substitution, deletion, insertion = penalties
    targets = second.tolist()
    costs = [j * insertion for j in range(len(targets) + 1)]
    counts = list(range(len(targets) + 1))
    for i, label in enumerate(first.tolist(), 1):
        diagonal, diagonal_count = costs[0], counts[0]
        costs[0], counts[0] = i * deletion, i
        for j, target in enumerate(targets, 1):
            above, above_count = costs[j], counts[j]
            if label == target:
                costs[j], counts[j] = diagonal, diagonal_count
            else:
                exchanged, deleted, inserted = diagonal + substitution, above + deletion, costs[j - 1] + insertion
                if exchanged <= deleted and exchanged <= inserted:
                    costs[j], counts[j] = exchanged, diagonal_count + 1
                elif deleted < inserted:
                    costs[j], counts[j] = deleted, above_count + 1
                else:
                    costs[j], counts[j] = inserted, counts[j - 1] + 1
            diagonal, diagonal_count = above, above_count
    return counts[-1]


def labels_of(frames: Array, squash: bool, ignored: NDArray[np.int64]) -> NDArray[np.intp]:
    """The labels of the steps of one sequence; runs of equal ones are merged first, ignored ones left out then."""
    labels = frames.reshape(len(frames), -1).argmax(1)
    if squash and len(labels):
        labels = labels[np.concatenate(([True], labels[1:] != labels[:-1]))]
    kept: NDArray[np.intp] = labels[~np.isin(labels, ignored)]
    return kept


class _EditDistanceError(Operator):
    name = "EditDistanceError"
    number = 61
    differentiable = False
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        common_axes(function)
        return [Outcome(SCALAR, function.check_data_types(), ())]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        first, second = node.inputs
        if first.layout is None or second.layout is None or first.layout.key != second.layout.key:
            raise CntkError("EditDistanceError: two operands with the same sequences were expected.")
        attributes = node.attributes
        # CNTK's penalties are 32-bit numbers, and so are the costs along the path
        penalties = Penalties(*(float(attributes[f"{k}Penalty"]) for k in ("Substitution", "Deletion", "Insertion")))
        squash = bool(attributes["SquashInputs"])
        ignored = np.array([t for t in attributes["TokensToIgnore"] if 0 <= t < 2**31], np.int64)
        bounds = np.cumsum(first.layout.steps)[:-1]
        steps = first.layout.frames
        out = plan.output(node, (), None, differentiable=False)

        def bind(a: Array, b: Array, out: Array) -> Call:
            def step() -> None:
                wrong = total = 0
                for left, right in zip(np.split(a, bounds), np.split(b, bounds), strict=True):
                    target = labels_of(right, squash, ignored)
                    wrong += edits(labels_of(left, squash, ignored), target, penalties)
                    total += len(target)
                with np.errstate(divide="ignore", invalid="ignore"):
                    out[...] = np.float64(wrong) * steps / np.float64(total)

            return step

        plan.emit(bind, [first, second], [out])


_EDIT_DISTANCE = _EditDistanceError()
register(_EDIT_DISTANCE)


def edit_distance_error(
    prediction: Operand,
    labels: Operand,
    substitution_penalty: float = 0.0,
    deletion_penalty: float = 0.0,
    insertion_penalty: float = 0.0,
    squash_inputs: bool = False,
    tokens_to_ignore: Sequence[int] = (),
    name: str = "",
) -> CompositeFunction:
    """How many edits lie between the labels (largest elements) of two sequences, for the whole minibatch.

    Args:
        substitution_penalty, deletion_penalty, insertion_penalty: choose the path; they are not summed.
        squash_inputs: runs of equal labels count once.
        tokens_to_ignore: labels that are left out of both sequences.
    Returns:
        A scalar without dynamic axes. A metric: it has no gradient.
    """
    attributes = {
        "SubstitutionPenalty": float(np.float32(substitution_penalty)),
        "DeletionPenalty": float(np.float32(deletion_penalty)),
        "InsertionPenalty": float(np.float32(insertion_penalty)),
        "SquashInputs": bool(squash_inputs),
        "TokensToIgnore": [int(t) for t in tokens_to_ignore],
    }
    return call(_EDIT_DISTANCE, [prediction, labels], attributes, name)
