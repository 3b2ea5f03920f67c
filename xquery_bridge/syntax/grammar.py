"""What every part of the grammar uses of the others."""

from __future__ import annotations

from abc import abstractmethod

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.types import TypeParser


class Grammar(TypeParser):
    """Expressions as seen from inside FLWOR clauses, constructors and the prolog."""

    @abstractmethod
    def expr(self) -> tree.Expr:
        """Expr: one expression, or several with commas."""

    @abstractmethod
    def expr_single(self) -> tree.Expr:
        """ExprSingle."""

    def enclosed(self) -> tree.Expr | None:
        """EnclosedExpr: `{ E }`, None when the braces are empty."""
        self.expect("{")
        if self.accept("}"):
            return None
        made = self.expr()
        self.expect("}")
        return made

    def block(self) -> tree.Expr:
        """EnclosedExpr where empty braces mean `()`."""
        start = self.start
        made = self.enclosed()
        return tree.SequenceExpr(items=[], start=start, end=self.last) if made is None else made

    def parenthesized_condition(self) -> tree.Expr:
        """`( E )` after if, switch and typeswitch."""
        self.expect("(")
        made = self.expr()
        self.expect(")")
        return made
