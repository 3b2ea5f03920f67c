"""What every node has: a place in the query, a static type, its free variables and its purity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias, TypeVar, dataclass_transform

from xquery_bridge.compiler.types import ANY, StaticType

if TYPE_CHECKING:
    from xquery_bridge.compiler.ir.functions import Function
    from xquery_bridge.compiler.ir.variables import Var

#: An expression that is PURE may be moved, repeated, kept for later or dropped; one that CREATES nodes (or is not
#: deterministic) may only be dropped; one that has EFFECTS stays where it is.
PURE: Final = 0
CREATES: Final = 1
EFFECTS: Final = 2

_Class = TypeVar("_Class")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
def node(cls: type[_Class]) -> type[_Class]:
    """A class of nodes: a dataclass whose fields are given by name, and whose objects are equal only to themselves."""
    return dataclass(slots=True, kw_only=True, eq=False)(cls)


@node
class Node:
    """What every expression has.

    `start` and `end` are offsets into the source of the module; `kids` names the fields of subexpressions, in the order
    of evaluation.
    """

    kids: ClassVar[tuple[str, ...]] = ()

    start: int = 0
    end: int = 0
    type: StaticType = ANY
    free: frozenset[Var] = frozenset()
    own_purity: int = PURE
    calls: frozenset[Function] = frozenset()

    def __post_init__(self) -> None:
        self.refresh()

    def children(self) -> list[Expr]:
        """The direct subexpressions, in the order of evaluation."""
        found: list[Expr] = []
        for name in self.kids:
            value = getattr(self, name)
            if isinstance(value, Node):
                found.append(value)
            elif isinstance(value, (list, tuple)):
                for part in value:
                    if isinstance(part, Node):
                        found.append(part)
                    elif isinstance(part, tuple):
                        found.extend(inner for inner in part if isinstance(inner, Node))
        return found

    def bound(self) -> list[Var]:
        """Variables that the node binds for its subexpressions."""
        return []

    def own_purity_now(self) -> int:
        """The purity of the node without its subexpressions."""
        return PURE

    def refresh(self) -> None:
        """Gather free variables, calls and purity from the subexpressions again."""
        children = self.children()
        if len(children) == 1:
            self.free, self.calls = children[0].free, children[0].calls
        else:
            self.free = frozenset().union(*[child.free for child in children])
            self.calls = frozenset().union(*[child.calls for child in children])
        bound = self.bound()
        if bound:
            self.free = self.free.difference(bound)
        self.own_purity = max([self.own_purity_now(), *[child.own_purity for child in children]])

    @property
    def purity(self) -> int:
        """How freely the expression may be moved, with the functions it calls."""
        if self.own_purity == EFFECTS or not self.calls:
            return self.own_purity
        return max(self.own_purity, *[function.purity for function in self.calls])


Expr: TypeAlias = Node
