"""Function items: declared, built-in, inline and coerced functions; maps and arrays derive from the class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from elementpath.datatypes import QName

from xquery_bridge.errors import XQueryError

if TYPE_CHECKING:
    from xquery_bridge.runtime.sequence_types import SequenceType


class FunctionItem:
    """A function item (XDM 3.1, section 2.8.1).

    `call` is a plain Python function of `arity` positional Values that gives a Value. It converts its own arguments and
    result: whoever calls it only sees to their number. `params` and `result` are the signature; None, for all of them
    or for one, is item()*. `annotations` are (uri, local, values). `step` does as `call`, but may leave a call in tail
    position to whoever calls it (`runtime.calls.Bounce`).
    """

    __slots__ = ("annotations", "arity", "call", "name", "params", "result", "step")

    name: QName | None
    arity: int
    params: Sequence[SequenceType | None] | None
    result: SequenceType | None
    call: Callable[..., Any]
    annotations: Sequence[Any]

    def __init__(
        self,
        name: QName | None,
        arity: int,
        params: Sequence[SequenceType | None] | None,
        result: SequenceType | None,
        call: Callable[..., Any],
        annotations: Sequence[Any] = (),
        step: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.arity = arity
        self.params = params
        self.result = result
        self.call = call
        self.annotations = annotations
        self.step = call if step is None else step

    def coerced_call(self, *args: Any) -> Any:
        """Call with any number of arguments. Raises XPTY0004 for a wrong one; `call` converts them."""
        if len(args) != self.arity:
            raise XQueryError("XPTY0004", f"{self.label} takes {self.arity} arguments and was called with {len(args)}")
        return self.call(*args)

    @property
    def label(self) -> str:
        """`fn:empty#1`; an anonymous function has no name before the `#`."""
        return f"{'function' if self.name is None else self.name}#{self.arity}"

    def __repr__(self) -> str:
        return f"<{self.label}>"
