"""What run_qt3.py calls: one query of the W3C suite in its environment, as neutral items (shared/qt3/README.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.atomic import atomic_type
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.nodes import name_parts
from xquery_bridge.runtime.serialization import markup
from xquery_bridge.runtime.values import as_list, string_of

#: Collations of the suite itself, which whoever runs it provides -> ones that order as they do.
_COLLATIONS = {
    "http://www.w3.org/2010/09/qt-fots-catalog/collation/caseblind": (
        "http://www.w3.org/2005/xpath-functions/collation/html-ascii-case-insensitive"
    )
}


class NotSupported(Exception):
    """Declines a test."""


def evaluate(query: str, ctx: dict[str, Any]) -> dict[str, Any]:
    """Run the query of a test with the environment written into its prolog."""
    if ctx["function_libraries"]:
        raise NotSupported("function libraries")
    environment = Environment(ctx)
    engine = environment.engine
    try:
        source = ctx["query_env"]
        for collation in ctx["collations"]:
            source = source.replace(collation["uri"], _COLLATIONS.get(collation["uri"], collation["uri"]))
        prepared = engine.compile(source, base_uri=ctx["base_uri"])
        items = prepared.run(
            environment.variables(prepared.static.namespaces),
            environment.context_item(),
            documents=environment.document,
            collections=environment.collection,
            texts=environment.text,
        )
        answer: dict[str, Any] = {"items": [neutral(item) for item in items]}
        if ctx["want_serialized"]:
            try:
                answer["serialized"] = engine.serialize(items, prepared.static, environment.document)
            except XQueryError as error:
                answer["ser_error"] = error.code
        return answer
    finally:
        engine.close()


class Environment:
    """The documents, texts, collections, modules and variables of one test."""

    def __init__(self, ctx: dict[str, Any]) -> None:
        self.ctx = ctx
        self.engine = Engine(dialect="3.1", modules=self.modules)
        self._parsed: dict[tuple[str, str | None], Any] = {}
        self._sources = {source["uri"]: source for source in ctx["sources"] if source["uri"]}
        self._texts = {
            uri: resource for resource in ctx["resources"] for uri in (resource["uri"], resource["raw_uri"]) if uri
        }

    def _load(self, path: str, uri: str | None) -> Any:
        key = (path, uri)
        if key not in self._parsed:
            location = uri or Path(path).as_uri()
            self._parsed[key] = parse_xml(Path(path).read_bytes(), location, location)
        return self._parsed[key]

    def document(self, uri: str) -> Any:
        """The document of a URI, or None."""
        source = self._sources.get(uri) or self._texts.get(uri)
        if source is not None:
            return self._load(source["path"], uri)
        path = _file(uri)
        return None if path is None else self._load(str(path), None)

    def collection(self, uri: str | None) -> Any:
        """The nodes of a collection, or None where there is no such collection."""
        for collection in self.ctx["collections"]:
            if (collection["uri"] or None) == (uri or None):
                if collection["query"]:
                    return self.engine.evaluate(
                        collection["query"], base_uri=self.ctx["base_uri"], texts=self.text, documents=self.document
                    )
                return [self._load(source["path"], source["uri"]) for source in collection["sources"]]
        return None

    def text(self, uri: str, encoding: str | None) -> Any:
        """The bytes of a text resource with the encoding it is known to have, or None."""
        resource = self._texts.get(uri)
        if resource is None:
            path = _file(uri)
            return None if path is None else (path.read_bytes(), None)
        return Path(resource["path"]).read_bytes(), resource["encoding"]

    def modules(self, uri: str, locations: list[str], base_uri: str | None) -> list[tuple[str, str]]:
        """The library modules of a namespace, one of the hinted locations where that helps to choose."""
        found = [module for module in self.ctx["modules"] if module["uri"] == uri]
        hinted = [module for module in found if module["location"] in locations]
        chosen = hinted or found
        return [(Path(module["path"]).as_uri(), Path(module["path"]).read_text(encoding="utf-8")) for module in chosen]

    def variables(self, namespaces: dict[str, str]) -> dict[str, Any]:
        """The values of external variables; a prefix in a name is one that the query declares."""
        values: dict[str, Any] = {}
        for source in self.ctx["sources"]:
            if source["role"] and source["role"] != ".":
                values[source["role"][1:]] = self._load(source["path"], source["uri"])
        for param in self.ctx["params"]:
            if param["select"]:
                prefix, _, local = param["name"].rpartition(":")
                name = f"{{{namespaces[prefix]}}}{local}" if prefix else local
                values[name] = self.engine.evaluate(param["select"])
        return values

    def context_item(self) -> Any:
        if self.ctx["context_item"]:
            found = self.engine.evaluate(self.ctx["context_item"])
            return found[0] if found else None
        for source in self.ctx["sources"]:
            if source["role"] == ".":
                return self._load(source["path"], source["uri"])
        return None


def _file(uri: str) -> Path | None:
    """The file of a URI, as the tests name files beside theirs without declaring them; None when there is none."""
    parts = urlsplit(uri)
    path = Path(unquote(parts.path))
    return path if parts.scheme == "file" and path.is_file() else None


def neutral(item: Any) -> dict[str, Any]:
    """An item as the harness compares it."""
    if isinstance(item, XdmMap):
        return {"k": "map", "e": [[neutral(key), _neutrals(value)] for key, value in item.items()]}
    if isinstance(item, XdmArray):
        return {"k": "array", "m": [_neutrals(member) for member in item.members()]}
    if isinstance(item, FunctionItem):
        name = item.name
        return {
            "k": "function",
            "name": None if name is None else f"Q{{{name.namespace or ''}}}{name.local_name}",
            "arity": item.arity,
        }
    kind = getattr(item, "kind", None)
    if kind is not None:
        return {"k": "node", **_NODES[kind](item)}
    atom = {"k": "atomic", "t": f"xs:{atomic_type(item)}", "v": string_of(item)}
    if atom["t"] == "xs:QName":
        atom["uri"] = item.namespace or ""
    return atom


def _neutrals(value: Any) -> list[dict[str, Any]]:
    return [neutral(item) for item in as_list(value)]


_NODES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "document": lambda node: {"n": "document", "xml": "".join(map(markup, node.children))},
    "element": lambda node: {"n": "element", "xml": markup(node)},
    "text": lambda node: {"n": "text", "v": node.string_value},
    "comment": lambda node: {"n": "comment", "v": node.string_value},
    "processing-instruction": lambda node: {"n": "pi", "name": node.target, "v": node.string_value},
    "attribute": lambda node: {
        "n": "attribute",
        "name": node.lexical_name,
        "uri": name_parts(node.name)[0],
        "v": node.string_value,
    },
    "namespace": lambda node: {"n": "namespace", "name": node.name or "", "v": node.string_value},
}
