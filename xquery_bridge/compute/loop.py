"""Recurrent loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .errors import CntkError
from .plan import PlanBuilder

if TYPE_CHECKING:
    from .evaluation import Step

__all__ = ["emit_loop"]


def emit_loop(group: Sequence[Step], plan: PlanBuilder) -> None:
    """Emits the steps of a loop."""
    raise CntkError("A loop needs a PastValue or a FutureValue.")
