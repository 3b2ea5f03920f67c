"""Engines for the tests of the library, shared since they hold no state of a query."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xquery_bridge import Engine, XQueryError
from xquery_bridge.runtime.values import string_of

Evaluate = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def standard() -> Iterator[Evaluate]:
    """Evaluates XQuery 3.1."""
    engine = Engine(dialect="3.1")
    yield engine.evaluate
    engine.close()


@pytest.fixture(scope="session")
def enhanced() -> Iterator[Evaluate]:
    """Evaluates 1.0-ml."""
    engine = Engine()
    yield engine.evaluate
    engine.close()


@pytest.fixture(scope="session")
def text(standard: Evaluate) -> Callable[[str], str]:
    """The string value of the one item a standard query yields."""

    def evaluate(query: str) -> str:
        (item,) = standard(query)
        return string_of(item)

    return evaluate


@pytest.fixture(scope="session")
def code(standard: Evaluate) -> Callable[[str], str]:
    """The code of the error a standard query ends with."""

    def evaluate(query: str) -> str:
        with pytest.raises(XQueryError) as raised:
            standard(query)
        return raised.value.code

    return evaluate
