"""Values that come from outside for a query's external variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class ExternalVariable:
    """A value for `declare variable $name external` (rest-eval.md, section 3).

    `uri` and `local` name the variable; the prefix does not count. `value` is what the client sent: any JSON value from
    `vars`, or the text of an `evvN` field. `type` is the Java client's `evtN` ("xs:untypedAtomic", "json:array",
    "document-node()", "null-node()", any atomic type name) and "" where the client names none: then text arrives as
    xs:untypedAtomic and is converted to the type the query declares.
    """

    uri: str
    local: str
    value: Json
    type: str = ""
