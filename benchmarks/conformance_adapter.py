"""What run_conformance.py calls: one query, evaluated by an engine of this process, as plain Python items."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any

from xquery_bridge import Engine

_JSON_PRIMITIVES = {"array", "map", "array-node()", "object-node()", "number-node()", "boolean-node()", "null-node()"}


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return Engine()


def evaluate(query: str) -> list[Any]:
    """The items of the result as a client reads them from the answer: numbers and lists for JSON, else text."""
    items: list[Any] = []
    for part in _engine().answer(query).parts:
        text = part.body.decode()
        items.append(_loads(text) if part.primitive in _JSON_PRIMITIVES else text)
    return items


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: math.nan if name == "NaN" else name)
