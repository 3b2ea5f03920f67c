"""What is known at compile time: constants, and errors."""

from __future__ import annotations

from typing import Any

from xquery_bridge.compiler.ir.node import CREATES, Node, node


@node
class Literal(Node):
    """An atomic constant, as its Python value."""

    value: Any


@node
class Failure(Node):
    """An error that is known at compile time and raised when the expression is evaluated."""

    code: str

    def own_purity_now(self) -> int:
        return CREATES
