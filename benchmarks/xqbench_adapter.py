"""What shared/xqbench's bench.py drives: documents, prepared queries and their results as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from xquery_bridge import Engine as XQueryEngine
from xquery_bridge.runtime.node_builder import parse_xml


class Engine:
    """One engine of dialect 3.1; its cache of compiled queries is keyed by their text."""

    def __init__(self) -> None:
        self.engine = XQueryEngine(dialect="3.1")

    def load(self, path: str) -> Any:
        """The document node of a file."""
        return parse_xml(Path(path).read_bytes(), Path(path).as_uri())

    def prepare(self, query: str, doc: Any) -> Callable[[], str]:
        """Compile a query; what is given back evaluates it anew and serializes the result."""
        prepared = self.engine.compile(query)
        return lambda: prepared.run_to_text(doc)
