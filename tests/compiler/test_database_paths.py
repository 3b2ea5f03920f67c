"""Paths from `/`, fn:doc and fn:collection over stored documents find what walking each document finds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from xquery_bridge import Engine
from xquery_bridge.store.documents import Document
from xquery_bridge.store.sqlite import open_store

#: Three documents of people, one of another kind, and one that is no XML.
STORED = (
    *[
        Document(f"/{n}.xml", "xml", f"<r><p id='{n}'><n>a{n}</n></p><p id='9'><n>b{n}</n></p></r>".encode(), ("c",))
        for n in range(3)
    ],
    Document("/other.xml", "xml", b"<q><p id='9'/></q>", ("c",)),
    Document("/t.txt", "text", b"text"),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    store = open_store(None)
    transaction = store.begin()
    for document in STORED:
        transaction.insert(document)
    transaction.commit()
    made = Engine(store=store, dialect="1.0-ml")
    yield made
    made.close()
    store.close()


@pytest.mark.parametrize("rewriting", [True, False])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/r/p/n/string()", ["a0", "b0", "a1", "b1", "a2", "b2"]),
        ("//n[. = 'b1']/../@id/string()", ["9"]),
        ("for $i in (2, 9, 3) return /r/p[@id = $i]/n/string()", ["a2", "b0", "b1", "b2"]),
        ("for $i in ('0', '9') let $p := /r/p[@id eq $i] return count($p)", [1, 3]),
        ("for $i in (1, 9) return count(fn:collection('c')/*/p[@id = $i])", [1, 4]),
        ("let $d := fn:collection('c') for $i in (1, 9) return count($d/r/p[@id = $i])", [1, 3]),
        ("for $i in (1, 9) return fn:doc('/1.xml')/r/p[@id = $i]/n/string()", ["a1", "b1"]),
        (
            "for $i in (1, 9) return fn:doc(('/2.xml', '/1.xml', '/2.xml'))/r/p[@id = $i]/n/string()",
            ["a1", "b1", "b2"],
        ),
        ("for $i in 1 to 2 return count(fn:doc('/none.xml')/r/p[@id = $i])", [0, 0]),
        ("count(fn:doc('/1.xml')/r/p ! /r)", [2]),
    ],
)
def test_paths_from_documents(engine: Engine, query: str, expected: list[object], rewriting: bool) -> None:
    engine.rewriting = rewriting
    found = engine.compile(f"{query}(:{rewriting}:)").run()
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert len(found) == len(expected)


def test_the_context_item_comes_before_the_database(engine: Engine) -> None:
    item = engine.evaluate("fn:doc('/2.xml')")[0]
    query = "for $i in (1, 2, 9) return /r/p[@id = $i]/n/string()"
    assert engine.compile(query).run(context_item=item) == ["a2", "b2"]


def test_the_source_of_a_join_is_looked_for_in_the_index(engine: Engine) -> None:
    engine.rewriting = True
    for start in ("", "fn:doc('/1.xml')", "fn:collection('c')"):
        assert "tree_index(" in engine.compile(f"for $i in 1 to 3 return {start}/r/p[@id = $i]").python
