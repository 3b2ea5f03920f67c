"""Evaluating queries for tests of the language: one engine for the session, since it holds no state of a query."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    made = Engine(dialect="3.1")
    yield made
    made.close()


@pytest.fixture(scope="session")
def evaluate(engine: Engine) -> Callable[..., list[Any]]:
    """The items of a query in XQuery 3.1."""
    return engine.evaluate


@pytest.fixture(scope="session")
def text(engine: Engine) -> Callable[[str], str]:
    """The result of a query, serialized by its own options."""
    return lambda query: engine.compile(query).run_to_text()


@pytest.fixture(scope="session")
def code(engine: Engine) -> Callable[[str], str]:
    """The code of the error a query ends with."""

    def run(query: str) -> str:
        with pytest.raises(XQueryError) as caught:
            engine.evaluate(query)
        return caught.value.code

    return run
