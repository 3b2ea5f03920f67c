"""Documents, collections and texts: where they come from, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xquery_bridge import Engine, XQueryError
from xquery_bridge.store.documents import Document
from xquery_bridge.store.sqlite import open_store

STORED = (
    Document("/a.xml", "xml", b"<a><b xml:id='x'>1</b></a>", ("xmls", "all")),
    Document("/b.json", "json", json.dumps({"k": [1, True, None]}).encode(), ("all",)),
    Document("/c.txt", "text", b"one\r\ntwo\n"),
    Document("/d.bin", "binary", b"\x00\x01"),
)


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store(None)
    transaction = opened.begin()
    for document in STORED:
        transaction.insert(document)
    transaction.commit()
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=["3.1", "1.0-ml"])
def engine(request: pytest.FixtureRequest, store: Any) -> Iterator[Engine]:
    made = Engine(store=store, dialect=request.param)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("string(doc('/a.xml')/a/b)", ["1"]),
        ("doc('/a.xml') is doc('/a.xml')", [True]),
        ("string(document-uri(doc('/a.xml')))", ["/a.xml"]),
        ("string(base-uri(doc('/a.xml')/a))", ["/a.xml"]),
        ("doc-available('/none.xml'), doc-available('/a.xml')", [False, True]),
        ("string(doc('/c.txt'))", ["one\r\ntwo\n"]),
        ("count(collection('all')), count(collection())", [2, 4]),
        ("collection('xmls') is doc('/a.xml')", [True]),
        ("uri-collection('all') ! string()", ["/a.xml", "/b.json"]),
        ("unparsed-text('/c.txt')", ["one\r\ntwo\n"]),
        ("unparsed-text-lines('/c.txt')", ["one", "two"]),
        ("unparsed-text-available('/c.txt'), unparsed-text-available('/d.txt')", [True, False]),
        ("id('x', doc('/a.xml'))/string()", ["1"]),
    ],
)
def test_stored_documents(engine: Engine, query: str, expected: list[Any]) -> None:
    assert engine.evaluate(query) == expected


@pytest.mark.parametrize(
    "other",
    [
        "cts:doc('/a.xml')",
        "cts:search(doc(), cts:element-query(xs:QName('b'), cts:and-query(())))",
        "xdmp:directory('/')[1]",
    ],
)
def test_a_document_is_one_node_whichever_function_finds_it(store: Any, other: str) -> None:
    engine = Engine(store=store, dialect="1.0-ml")
    assert engine.evaluate(f"doc('/a.xml') is {other}") == [True]
    engine.close()


def test_an_empty_text_has_no_text_node() -> None:
    opened = open_store(None)
    transaction = opened.begin()
    transaction.insert(Document("/empty.txt", "text", b""))
    transaction.commit()
    engine = Engine(store=opened, dialect="1.0-ml")
    try:
        for found in ("doc('/empty.txt')", "cts:doc('/empty.txt')"):
            assert engine.evaluate(f"count({found}), count({found}/node()), string({found})") == [1, 0, ""]
    finally:
        engine.close()
        opened.close()


def test_json_documents_are_json_nodes_and_json_items(engine: Engine) -> None:
    assert engine.evaluate("doc('/b.json')/node()/k[1]/string()") == ["1"]
    if engine.dialect == "3.1":
        assert engine.evaluate("json-doc('/b.json')?k?2") == [True]


def test_a_missing_document_is_an_error_in_standard_xquery_and_nothing_in_1_0_ml(engine: Engine) -> None:
    if engine.dialect == "1.0-ml":
        assert engine.evaluate("doc('/none.xml')") == []
        assert engine.evaluate("count(doc(('/a.xml', '/none.xml', '/c.txt')))") == [2]
        assert engine.evaluate("count(doc())") == [len(STORED)]
        return
    for query, code in (
        ("doc('/none.xml')", "FODC0002"),
        ("doc(('/a.xml', '/c.txt'))", "XPTY0004"),
        ("doc('%gg')", "FODC0005"),
        ("unparsed-text('/none')", "FOUT1170"),
        ("unparsed-text('/d.bin')", "FOUT1190"),
        ("unparsed-text('/c.txt', 'no-such-encoding')", "FOUT1190"),
    ):
        with pytest.raises(XQueryError) as raised:
            engine.evaluate(query)
        assert raised.value.code == code, query


def test_the_files_of_the_host_are_not_read(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "secret.xml"
    file.write_text("<secret/>", encoding="utf-8")
    for uri in (str(file), file.as_uri()):
        assert engine.evaluate("declare variable $u external; doc-available($u)", {"u": uri}) == [False]
        assert engine.evaluate("declare variable $u external; unparsed-text-available($u)", {"u": uri}) == [False]


def test_an_update_is_seen_by_the_next_statement(store: Any) -> None:
    engine = Engine(store=store)
    try:
        inserted = "xdmp:document-insert('/new.xml', <v>{0}</v>)"
        query = ";".join([inserted.format(1), "string(doc('/new.xml'))", inserted.format(2), "string(doc('/new.xml'))"])
        assert engine.evaluate(f"{query}; xdmp:document-delete('/new.xml')") == ["1", "2"]
    finally:
        engine.close()


def test_what_a_run_is_given_comes_first() -> None:
    engine = Engine(dialect="3.1")
    try:
        given = engine.evaluate("parse-xml('<given/>')")[0]
        options = {
            "base_uri": "http://example.org/dir/q.xq",
            "documents": lambda uri: given if uri == "http://example.org/dir/x.xml" else None,
            "collections": lambda uri: [given] if uri is None else None,
            "texts": lambda uri, encoding: ("\u00e9".encode("latin-1"), "latin-1"),
            "environment": {"HOME": "nowhere"},
        }
        query = "name(doc('x.xml')/*), count(collection()), unparsed-text('t'), environment-variable('HOME')"
        assert engine.evaluate(query, **options) == ["given", 1, "\u00e9", "nowhere"]
        assert engine.evaluate("environment-variable('HOME'), available-environment-variables()") == []
    finally:
        engine.close()
