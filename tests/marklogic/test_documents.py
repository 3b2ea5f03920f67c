"""Documents from queries: insert, read, change, collections, directories (xquery-1.0-ml.md, section 10)."""

import pytest

from .conftest import Fail, Run


@pytest.mark.parametrize(
    ("uri", "node", "kind"),
    [
        ("/a.xml", "<a b='1'>x<!--c--></a>", "element"),
        ("/a.json", "object-node { 'a': (1, fn:true()), 'b': null-node {} }", "object"),
        ("/b.json", "array-node { 1, 'x' }", "array"),
        ("/a.txt", "text { 'hellö' }", "text"),
        ("/a.bin", "binary { '41FF00' }", "binary"),
    ],
)
def test_every_kind_of_document_comes_back_as_it_was(run: Run, uri: str, node: str, kind: str) -> None:
    query = f'xdmp:document-insert("{uri}", {node}, (), ("c1", "c2"));'
    assert run(f'{query} xdmp:node-kind(fn:doc("{uri}")/node()), fn:deep-equal(fn:doc("{uri}")/node(), {node})') == [
        kind,
        "true",
    ]
    assert run(
        f'xdmp:document-get-collections("{uri}"), fn:count(fn:collection("c2")), fn:count(fn:collection("c3"))'
    ) == [
        "c1",
        "c2",
        "1",
        "0",
    ]


def test_documents_are_inserted_with_options(run: Run) -> None:
    query = """
        xdmp:document-insert("/m", <a/>, map:entry("collections", ("x", "y"))),
        xdmp:document-insert("/e", <a/>, <options xmlns="xdmp:document-insert"><collections>
            <collection>x</collection></collections></options>);"""
    assert run(f'{query} fn:collection("x") ! xdmp:node-uri(.), fn:collection("y") ! fn:document-uri(.)') == [
        "/e",
        "/m",
        "/m",
    ]


def test_inserting_again_replaces(run: Run) -> None:
    assert run(
        'xdmp:document-insert("/a", <a/>); xdmp:document-insert("/a", <b/>); fn:doc("/a")/*, fn:count(fn:doc())'
    ) == [
        "<b/>",
        "1",
    ]


def test_missing_documents(run: Run, fail: Fail) -> None:
    assert run('fn:doc("/none"), fn:doc-available("/none")') == ["false"]
    assert fail('xdmp:document-delete("/none")').marklogic_code == "XDMP-DOCNOTFOUND"
    assert run('xdmp:document-delete("/none", map:entry("if-not-exists", "allow"))') == []
    assert fail('xdmp:document-add-collections("/none", "c")').marklogic_code == "XDMP-DOCNOTFOUND"


def test_what_is_no_document(fail: Fail) -> None:
    assert fail('xdmp:document-insert("/a", attribute a { 1 })').marklogic_code == "XDMP-DOCROOT"
    assert fail('xdmp:document-insert("/a", document { <a/>, <b/> })').marklogic_code == "XDMP-DOCROOT"
    assert fail('xdmp:document-insert("", <a/>)').marklogic_code == "XDMP-URI"
    assert fail('xdmp:document-insert("/a", 1)').marklogic_code == "XDMP-AS"


def test_directories(run: Run) -> None:
    run('xdmp:document-insert("/d/a", <a/>), xdmp:document-insert("/d/e/b", <b/>), xdmp:document-insert("/dx", <c/>)')
    assert run('xdmp:directory("/d/")/*') == ["<a/>"]
    assert run('xdmp:directory("/d/", "infinity")/*, xdmp:directory("/", "infinity")/c') == ["<a/>", "<b/>", "<c/>"]
    assert run('xdmp:directory-delete("/d/"); fn:doc()/*') == ["<c/>"]


def test_collections_change(run: Run) -> None:
    run('xdmp:document-insert("/a", <a/>, (), "one")')
    run('xdmp:document-add-collections("/a", ("two", "three"))')
    run('xdmp:document-remove-collections("/a", "one")')
    assert sorted(run('xdmp:document-get-collections("/a")')) == ["three", "two"]
    assert run('xdmp:document-set-collections("/a", "four"); xdmp:node-collections(fn:doc("/a")/a)') == ["four"]
    assert run('xdmp:collection-delete("four"); fn:count(fn:doc())') == ["0"]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("<a><b>1</b></a>", "xdmp:node-replace(/a/b, <c/>)", "<a><c/></a>"),
        ("<a><b>1</b></a>", "xdmp:node-replace(/a/b/text(), text { '2' })", "<a><b>2</b></a>"),
        ("<a x='1'/>", "xdmp:node-replace(/a/@x, attribute x { 2 })", '<a x="2"/>'),
        ("<a><b/></a>", "xdmp:node-delete(/a/b)", "<a/>"),
        ("<a x='1' y='2'/>", "xdmp:node-delete(/a/@x)", '<a y="2"/>'),
        ("<a><b/></a>", "xdmp:node-insert-child(/a, <c/>)", "<a><b/><c/></a>"),
        ("<a/>", "xdmp:node-insert-child(/a, attribute z { 1 })", '<a z="1"/>'),
        ("<a><b/></a>", "xdmp:node-insert-before(/a/b, <c/>)", "<a><c/><b/></a>"),
        ("<a><b/></a>", "xdmp:node-insert-after(/a/b, <c/>)", "<a><b/><c/></a>"),
        ("<a><b/></a>", "xdmp:node-insert-child(/a, <c/>), xdmp:node-delete(/a/b)", "<a><c/></a>"),
        ("<a><b/></a>", "for $i in 1 to 3 return xdmp:node-insert-child(/a/b, <n>{$i}</n>)",
         "<a><b><n>1</n><n>2</n><n>3</n></b></a>"),
        ("<a><b/></a>", "xdmp:node-replace(fn:doc('/d'), document { <z/> })", "<z/>"),
        ("object-node { 'a': 1 }", "xdmp:node-replace(/a, number-node { 2 })", '{"a":2}'),
        ("object-node { 'a': 1 }", "xdmp:node-insert-child(/node(), object-node { 'b': 'x' }/b)", '{"a":1, "b":"x"}'),
        ("object-node { 'a': array-node { 1 } }", "xdmp:node-insert-child(//array-node(), number-node { 2 })",
         '{"a":[1, 2]}'),
        ("object-node { 'a': 1, 'b': 2 }", "xdmp:node-delete(/a)", '{"b":2}'),
    ],
)  # fmt: skip
def test_nodes_of_stored_documents_change(run: Run, before: str, change: str, after: str) -> None:
    assert run(
        f"xdmp:document-insert('/d', {before}, (), 'c'); {change}; fn:doc('/d')/node(), fn:count(fn:collection('c'))"
    ) == [
        after,
        "1",
    ]


def test_a_change_is_visible_to_the_next_statement_only(run: Run) -> None:
    query = "xdmp:document-insert('/d', <a/>); xdmp:node-insert-child(/a, <b/>), fn:count(/a/b); fn:count(/a/b)"
    assert run(query) == ["0", "1"]


def test_changes_that_conflict(run: Run, fail: Fail) -> None:
    run("xdmp:document-insert('/d', <a><b><c/></b></a>)")
    conflicting = [
        "xdmp:node-replace(/a/b, <x/>), xdmp:node-replace(/a/b, <y/>)",
        "xdmp:node-delete(/a/b), xdmp:node-insert-child(/a/b/c, <y/>)",
        "xdmp:document-insert('/d', <z/>), xdmp:node-delete(/a/b)",
        "xdmp:document-delete('/d'), xdmp:node-delete(/a/b)",
    ]
    for change in conflicting:
        assert fail(change).marklogic_code == "XDMP-CONFLICTINGUPDATES"
    assert run("/a") == ["<a><b><c/></b></a>"]
    assert fail("xdmp:node-delete(<a/>)").marklogic_code == "XDMP-UPEXTNODES"


def test_where_a_node_is(run: Run) -> None:
    run("xdmp:document-insert('/d', <a><b/><b x='1'/></a>)")
    assert run("xdmp:path(/a/b[2]/@x), xdmp:path(/a/b[1], fn:true()), fn:base-uri(/a/b[1])") == [
        "/a/b[2]/@x",
        'fn:doc("/d")/a/b[1]',
        "/d",
    ]


def test_how_many_there_are(run: Run) -> None:
    run("xdmp:document-insert('/1', <a/>), xdmp:document-insert('/2', <a/>)")
    assert run("xdmp:exists(fn:doc()), xdmp:estimate(fn:doc()), xdmp:estimate(/a, 1)") == ["true", "2", "1"]


def test_a_query_without_a_store_says_so() -> None:
    from xquery_bridge.engine import Engine
    from xquery_bridge.errors import XQueryError

    engine = Engine()
    with pytest.raises(XQueryError) as raised:
        engine.evaluate('xdmp:document-insert("/a", <a/>)')
    assert raised.value.marklogic_code == "XDMP-NODB"
    engine.close()
