"""Arrays of XQuery 3.1: immutable, and cheap to extend at their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.functions import FunctionItem

if TYPE_CHECKING:
    from elementpath.datatypes import QName

    from xquery_bridge.runtime.sequence_types import SequenceType


class XdmArray(FunctionItem):
    """An array: members that are Values, and a function from positions (from 1) to members. Indexes count from 0.

    The list given becomes the array's own. Arrays made by `append` share one list that only grows, and each knows how
    much of it is its own, until one of them hands its members out: then it takes a list that never changes.
    """

    __slots__ = ("_growing", "_length", "_members")
    type_name: ClassVar[str] = "array(*)"

    name: QName | None = None
    arity: int = 1
    annotations: Sequence[Any] = ()

    def __init__(self, members: list[Any]) -> None:
        self._members = members
        self._length = len(members)
        self._growing = False

    @property
    def params(self) -> Sequence[SequenceType | None]:  # type: ignore[override]
        from xquery_bridge.runtime.sequence_types import parse_sequence_type

        return (parse_sequence_type("xs:integer"),)

    @property
    def result(self) -> SequenceType | None:  # type: ignore[override]
        return None

    def call(self, position: Any) -> Any:
        """The member at a position. Raises XPTY0004 for no integer, FOAY0001 outside the array."""
        if type(position) is not int:
            from xquery_bridge.runtime.sequence_types import parse_sequence_type

            position = parse_sequence_type("xs:integer").convert(position)
        if not 1 <= position <= self._length:
            raise XQueryError("FOAY0001", f"Array position {position} is out of bounds (1 to {self._length})")
        return self._members[position - 1]

    def members(self) -> list[Any]:
        """All members; the list is not to be changed."""
        if self._growing:
            self._members = self._members[: self._length]
            self._growing = False
        return self._members

    def member(self, index: int) -> Any:
        """The member at an index that is inside the array."""
        return self._members[index]

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True

    def append(self, member: Any) -> XdmArray:
        """The array with one more member at its end."""
        members = self._members
        if not self._growing or self._length != len(members):
            members = members[: self._length]
        members.append(member)
        made = XdmArray(members)
        made._growing = True
        return made

    def put(self, index: int, member: Any) -> XdmArray:
        """The array with the member at an index replaced."""
        members = self._members[: self._length]
        members[index] = member
        return XdmArray(members)

    def insert(self, index: int, member: Any) -> XdmArray:
        """The array with a member more, before the one at an index."""
        members = self._members[: self._length]
        members.insert(index, member)
        return XdmArray(members)

    def without(self, indexes: set[int]) -> XdmArray:
        """The members that are not at these indexes."""
        return XdmArray([member for at, member in enumerate(self.members()) if at not in indexes])

    def part(self, begin: int, end: int) -> XdmArray:
        """The members from one index up to another."""
        return XdmArray(self._members[begin : min(end, self._length)])

    def __repr__(self) -> str:
        return f"<array of {self._length}>"
