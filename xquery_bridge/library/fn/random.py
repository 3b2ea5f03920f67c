"""fn:random-number-generator (F&O 3.1, section 4.9)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Any

from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.sequence_types import parse_sequence_type
from xquery_bridge.runtime.values import Value, as_list, string_of

_ITEMS = parse_sequence_type("item()*")
_MAP = parse_sequence_type("map(xs:string, item())")


@FN.row("random-number-generator() as map(xs:string, item())", needs="dynamic")
def unseeded(dynamic: DynamicContext) -> XdmMap:
    """A generator seeded by the moment the run began."""
    return _generator(dynamic.started.isoformat().encode())


@FN.row("random-number-generator($seed as xs:anyAtomicType?) as map(xs:string, item())", needs="dynamic")
def seeded(dynamic: DynamicContext, seed: Any) -> XdmMap:
    """A generator whose numbers depend on the seed alone: a map with `number`, `next()` and `permute(items)`."""
    if seed is None:
        return unseeded(dynamic)
    return _generator(f"{type_name(seed)} {string_of(seed)}".encode())


def _generator(state: bytes) -> XdmMap:
    """The generator in a state; the next one's state is a hash of it, so that each is a value of its own."""
    digest = hashlib.sha256(state).digest()
    number = int.from_bytes(digest[:8], "big") >> 11

    def following() -> XdmMap:
        return _generator(digest)

    def permute(items: Value) -> Value:
        shuffled: Sequence[Any] = list(as_list(items))
        Random(digest).shuffle(shuffled)  # type: ignore[arg-type]
        return shuffled

    return XdmMap.of(
        [
            ("number", number / 2.0**53),
            ("next", FunctionItem(None, 0, (), _MAP, following)),
            ("permute", FunctionItem(None, 1, (_ITEMS,), _ITEMS, permute)),
        ]
    )
