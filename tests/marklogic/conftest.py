"""1.0-ml over a store in memory: what a query yields as the text of its parts, and what it fails with."""

from collections.abc import Callable, Iterator

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.serialization import answer_part
from xquery_bridge.store import open_store

#: Text of each item of the result.
Run = Callable[..., list[str]]
#: The error a query ends with.
Fail = Callable[..., XQueryError]


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine of its own for each test: its store starts empty."""
    store = open_store(None)
    made = Engine(store=store)
    yield made
    made.close()
    store.close()


@pytest.fixture
def run(engine: Engine) -> Run:
    """Evaluates a query; external variables by keyword."""

    def evaluate(query: str, **variables: object) -> list[str]:
        return [answer_part(item).body.decode() for item in engine.evaluate(query, variables)]

    return evaluate


@pytest.fixture
def fail(engine: Engine) -> Fail:
    """Evaluates a query that must fail."""

    def evaluate(query: str, **variables: object) -> XQueryError:
        with pytest.raises(XQueryError) as raised:
            engine.evaluate(query, variables)
        return raised.value

    return evaluate
