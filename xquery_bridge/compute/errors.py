"""The one error of the computing backend."""

from __future__ import annotations

__all__ = ["CntkError"]


class CntkError(Exception):
    """What CNTK refuses, with CNTK's own sentence as the message."""
