"""cts: over the store: what each query finds (xquery-1.0-ml.md, section 10)."""

import pytest

from .conftest import Fail, Run

SETUP = """
    xdmp:document-insert("/a/1.xml", <d><t id="x1">Hello big World</t><n>5</n></d>, (), ("red", "all")),
    xdmp:document-insert("/a/2.json", object-node { "t": "hello there", "n": 7, "tags": array-node { "x", "y" },
        "ok": fn:true(), "no": null-node {} }, (), ("blue", "all")),
    xdmp:document-insert("/a/b/3.txt", text { "a wörld of words" }, (), "all")"""

ONE, TWO, THREE = "/a/1.xml", "/a/2.json", "/a/b/3.txt"


@pytest.fixture(autouse=True)
def documents(run: Run) -> None:
    run(SETUP)


@pytest.mark.parametrize(
    ("query", "uris"),
    [
        ("()", [ONE, TWO, THREE]),
        ('cts:word-query("hello")', [ONE, TWO]),
        ('cts:word-query("Hello")', [ONE]),
        ('cts:word-query("HELLO", "case-insensitive")', [ONE, TWO]),
        ('cts:word-query("hello", "case-sensitive")', [TWO]),
        ('cts:word-query("big world")', [ONE]),
        ('cts:word-query("hello world")', []),
        ('cts:word-query(("nope", "there"))', [TWO]),
        ('cts:word-query("world")', [ONE, THREE]),
        ('cts:word-query("wörld")', [THREE]),
        ('cts:word-query("world", "diacritic-sensitive")', [ONE]),
        ('cts:word-query("wor*", "wildcarded")', [ONE, THREE]),
        ('"there"', [TWO]),
        ('cts:collection-query("red")', [ONE]),
        ('cts:collection-query(("red", "blue"))', [ONE, TWO]),
        ('cts:directory-query("/a/")', [ONE, TWO]),
        ('cts:directory-query("/a/", "infinity")', [ONE, TWO, THREE]),
        ('cts:document-query("/a/1.xml")', [ONE]),
        ('cts:and-query((cts:collection-query("all"), cts:not-query(cts:document-query("/a/1.xml"))))', [TWO, THREE]),
        ('cts:or-query((cts:collection-query("red"), cts:collection-query("blue")))', [ONE, TWO]),
        ('cts:and-not-query(cts:word-query("hello"), cts:collection-query("red"))', [TWO]),
        ("cts:and-query(())", [ONE, TWO, THREE]),
        ("cts:or-query(())", []),
        ("cts:true-query()", [ONE, TWO, THREE]),
        ("cts:false-query()", []),
        ('cts:json-property-value-query("t", "hello there")', [TWO]),
        ('cts:json-property-value-query("t", "Hello There", "case-insensitive")', [TWO]),
        ('cts:json-property-value-query("t", "hello")', []),
        ('cts:json-property-value-query("n", 7)', [TWO]),
        ('cts:json-property-value-query("n", "7")', []),
        ('cts:json-property-value-query("tags", "y")', [TWO]),
        ('cts:json-property-value-query("ok", fn:true())', [TWO]),
        ('cts:json-property-value-query("no", ())', [TWO]),
        ('cts:json-property-word-query("t", "there")', [TWO]),
        ('cts:json-property-scope-query("tags", cts:word-query("x"))', [TWO]),
        ('cts:json-property-range-query("n", "<=", (1, 7))', [TWO]),
        ('cts:element-value-query(xs:QName("t"), "hello big world")', [ONE]),
        ('cts:element-value-query(xs:QName("t"), "hello big world", "exact")', []),
        ('cts:element-value-query(xs:QName("n"))', [ONE]),
        ('cts:element-word-query(xs:QName("t"), "big")', [ONE]),
        ('cts:element-word-query(xs:QName("n"), "big")', []),
        ('cts:element-query(xs:QName("d"), cts:word-query("5"))', [ONE]),
        ('cts:element-attribute-value-query(xs:QName("t"), xs:QName("id"), "x1")', [ONE]),
        ('cts:element-range-query(xs:QName("n"), ">", 4)', [ONE]),
        ('cts:element-range-query(xs:QName("n"), ">", 5)', []),
    ],
)  # fmt: skip
def test_queries(run: Run, query: str, uris: list[str]) -> None:
    assert run(f"cts:uris((), (), {query})") == uris
    assert run(f"cts:search(fn:doc(), {query}) ! xdmp:node-uri(.)") == uris
    assert run(f"cts:estimate({query})") == [str(len(uris))]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("cts:uris()", [ONE, TWO, THREE]),
        ('cts:uris("/a/2")', [TWO, THREE]),
        ('cts:uris((), ("descending", "limit=1"))', [THREE]),
        ('cts:uri-match("*.json")', [TWO]),
        ("cts:collections()", ["all", "blue", "red"]),
        ('cts:collection-match("?ed")', ["red"]),
        ('cts:search(/d/t, "big")', ['<t id="x1">Hello big World</t>']),
        ('cts:search(fn:collection("all")/d, cts:and-query(()))/n', ["<n>5</n>"]),
        ('cts:search(fn:doc(), cts:and-query(()), cts:document-order("descending")) ! xdmp:node-uri(.)',
         [THREE, TWO, ONE]),
        ('cts:contains(<a>some text</a>, "text"), cts:contains("some text", cts:word-query("nope"))',
         ["true", "false"]),
        ('cts:doc("/a/1.xml")/d/n', ["<n>5</n>"]),
        ('xdmp:estimate(cts:search(fn:doc(), "hello"))', ["2"]),
    ],
)  # fmt: skip
def test_searching(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


@pytest.mark.parametrize(
    "query",
    [
        'cts:and-query((cts:word-query("a", ("lang=en"), 1), cts:collection-query(("x", "y"))), ())',
        'cts:not-query(cts:directory-query("/a/", "1"))',
        'cts:json-property-value-query("n", 7, ("lang=en"), 1)',
        'cts:element-word-query(fn:QName("u", "p:t"), "big", ("lang=en", "case-sensitive"), 2)',
    ],
)
def test_a_query_is_quoted_as_what_makes_it(run: Run, query: str) -> None:
    assert run(f"xdmp:quote({query})") == [query]


def test_types_of_queries(run: Run) -> None:
    assert run("""let $q := cts:word-query("a") return (
        $q instance of cts:query, $q instance of cts:word-query, $q instance of cts:and-query)""") == [
        "true", "true", "false",
    ]  # fmt: skip


def test_what_is_no_query(fail: Fail) -> None:
    assert fail("cts:search(fn:doc(), 5)").marklogic_code == "XDMP-AS"
    assert fail("cts:not-query(<a/>)").marklogic_code == "XDMP-AS"


def test_a_search_sees_the_state_at_the_start_of_the_statement(run: Run) -> None:
    assert run('xdmp:document-delete("/a/1.xml"), cts:uris()[1]; cts:uris()[1]') == [ONE, TWO]
