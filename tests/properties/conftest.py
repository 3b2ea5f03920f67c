"""Engines for laws: a time limit that no small program needs, and one that leaves programs as they were written."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.limits import Limits


def _engine(dialect: str, rewriting: bool = True) -> Iterator[Engine]:
    made = Engine(dialect=dialect, limits=Limits(seconds=20))
    made.rewriting = rewriting
    yield made
    made.close()


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    yield from _engine("3.1")


@pytest.fixture(scope="session")
def enhanced() -> Iterator[Engine]:
    yield from _engine("1.0-ml")


@pytest.fixture(scope="session")
def naive() -> Iterator[Engine]:
    """Runs programs without rewrites."""
    yield from _engine("3.1", rewriting=False)


@pytest.fixture(scope="session")
def evaluate(engine: Engine) -> Callable[..., list[Any]]:
    return engine.evaluate
