"""LatticeSequenceWithSoftmax: its graph can be built, printed and saved; the lattices it needs are files of CNTK's."""

from __future__ import annotations

from typing import Any

from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction
from ..plan import Node, PlanBuilder
from ..shape import SCALAR
from .operator import Operand, Operator, call, register

__all__ = ["lattice_sequence_with_softmax"]


class _LatticeSequenceWithSoftmax(Operator):
    name = "LatticeSequenceWithSoftmax"
    number = 90

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        return [Outcome(SCALAR, function.check_data_types(), ())]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        raise CntkError(
            "LatticeSequenceWithSoftmax: evaluation needs lattice, phone and state files in formats of CNTK's own; "
            "only its graph is supported."
        )


_LATTICE = _LatticeSequenceWithSoftmax()
register(_LATTICE)


def lattice_sequence_with_softmax(
    labels: Operand,
    prediction: Operand,
    scaled_log_likelihood: Operand,
    lattice: Operand,
    symbol_list_path: str,
    phone_path: str,
    state_list_path: str,
    transition_probability_path: str,
    lattice_config_path: str = "LatticeNode.config",
    smoothing_weight: float = 0.95,
    frame_drop_threshold: float = 1e-10,
    do_reference_align: bool = False,
    use_mbr: bool = False,
    amf: float = 14.0,
    lmf: float = 14.0,
    bmmi_factor: float = 0.0,
    word_penalty: float = 0.0,
    name: str = "",
) -> CompositeFunction:
    """The sequence criterion over lattices: a graph that is refused on evaluation."""
    attributes: dict[str, Any] = {
        "SymListPath": symbol_list_path,
        "PhonePath": phone_path,
        "StateListPath": state_list_path,
        "TransProbPath": transition_probability_path,
        "LatticeConfigPath": lattice_config_path,
        "HSmoothingWeight": smoothing_weight,
        "FrameDropThresh": frame_drop_threshold,
        "DoReferenceAlign": do_reference_align,
        "SeqGammarUsesMBR": use_mbr,
        "SeqGammarAMF": amf,
        "SeqGammarLMF": lmf,
        "SeqGammarBMMIFactor": bmmi_factor,
        "SeqGammarWordPen": word_penalty,
    }
    return call(_LATTICE, [labels, prediction, scaled_log_likelihood, lattice], attributes, name)
