"""`;` sequences: each statement has its prolog and transaction (xquery-1.0-ml.md, section 3; issue items 2 and 7)."""

import threading

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.store import Document, open_store

from .conftest import Fail, Run


def test_results_of_all_statements_follow_each_other(run: Run) -> None:
    assert run("1; 2, 3; 4") == ["1", "2", "3", "4"]
    assert run('xquery version "1.0-ml"; 1; 2;') == ["1", "2"]


def test_each_statement_has_its_own_prolog(run: Run, fail: Fail) -> None:
    assert run("declare variable $x := 1; $x; declare variable $x := 2; $x") == ["1", "2"]
    assert fail("declare variable $x := 1; $x; $x").format_string == (
        "XDMP-UNDVAR: (err:XPST0008) Undefined variable $x"
    )
    assert fail("declare function local:f() { 1 }; local:f(); local:f()").marklogic_code == "XDMP-UNDFUN"


def test_the_version_holds_for_all(run: Run, fail: Fail) -> None:
    assert run('xquery version "1.0-ml"; 1; xquery version "1.0-ml"; 2') == ["1", "2"]
    assert fail('xquery version "1.0-ml"; 1; xquery version "1.0"; 2').format_string == (
        "XDMP-XQUERYVERSIONSWITCH: (err:FOER0000) All modules in a module sequence must use the same XQuery version"
    )


def test_a_statement_sees_the_store_as_it_was_at_its_start(run: Run) -> None:
    assert run('xdmp:document-insert("/a", <a/>), fn:doc-available("/a"); fn:doc-available("/a")') == ["false", "true"]
    assert run('xdmp:document-delete("/a"), fn:doc("/a")/*; fn:doc("/a")') == ["<a/>"]


def test_two_inserts_of_one_uri_conflict(run: Run, fail: Fail) -> None:
    error = fail('xdmp:document-insert("/a", <a/>), xdmp:document-insert("/a", <b/>)')
    assert error.format_string == (
        'XDMP-CONFLICTINGUPDATES: (err:FOER0000) xdmp:document-insert("/a") -- Conflicting updates'
    )
    assert run("fn:doc()") == []


def test_a_failed_statement_takes_back_only_itself(run: Run, fail: Fail) -> None:
    assert fail('xdmp:document-insert("/a", <a/>); xdmp:document-insert("/b", <b/>), 1 div 0; 3').code == "FOAR0001"
    assert run('fn:doc-available("/a"), fn:doc-available("/b")') == ["true", "false"]


def test_a_try_that_fails_takes_its_updates_back(run: Run) -> None:
    query = """
        xdmp:document-insert("/kept", <a/>),
        try { xdmp:document-insert("/gone", <b/>), fn:error((), "X") } catch ($e) { "caught" };
        fn:doc-available("/kept"), fn:doc-available("/gone")"""
    assert run(query) == ["caught", "true", "false"]


def test_a_uri_is_free_again_after_its_insert_was_taken_back(run: Run) -> None:
    query = """
        try { xdmp:document-insert("/a", <first/>), fn:error((), "X") }
        catch ($e) { xdmp:document-insert("/a", <second/>) };
        fn:doc("/a")/*"""
    assert run(query) == ["<second/>"]


def test_a_try_that_succeeds_keeps_its_updates(run: Run) -> None:
    assert run('try { xdmp:document-insert("/a", <a/>) } catch ($e) { () }; fn:doc("/a")/*') == ["<a/>"]


def test_changes_of_nodes_are_taken_back_too(run: Run) -> None:
    query = """
        xdmp:document-insert("/a", <a><b/></a>);
        try { xdmp:node-insert-child(fn:doc("/a")/a, <x/>), fn:error((), "X") } catch ($e) { () },
        xdmp:node-insert-child(fn:doc("/a")/a/b, <c/>);
        fn:doc("/a")/*"""
    assert run(query) == ["<a><b><c/></b></a>"]


def test_a_statement_runs_again_when_another_engine_was_faster(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The second engine commits between the first one's read and its commit; the first one adds to what it wrote."""
    mine, theirs = open_store(tmp_path), open_store(tmp_path)
    engine = Engine(store=mine)
    engine.evaluate('xdmp:document-insert("/n", <n>1</n>)')
    interfered: list[int] = []
    begin = mine.begin

    def begin_and_be_overtaken(outer: object = None) -> object:
        transaction = begin(outer)  # type: ignore[arg-type]
        if not interfered:
            interfered.append(1)
            other = theirs.begin()
            other.insert(Document("/n", "xml", b"<n>10</n>"))
            other.commit()
        return transaction

    mine.begin = begin_and_be_overtaken  # type: ignore[method-assign, assignment]
    engine.evaluate('xdmp:document-insert("/n", <n>{fn:doc("/n")/n + 1}</n>)')
    assert [item.string_value for item in engine.evaluate('fn:doc("/n")')] == ["11"]
    engine.close()
    mine.close()
    theirs.close()


def test_a_statement_that_is_always_overtaken_says_so(tmp_path) -> None:  # type: ignore[no-untyped-def]
    mine, theirs = open_store(tmp_path), open_store(tmp_path)
    engine = Engine(store=mine)
    engine.evaluate('xdmp:document-insert("/n", <n>1</n>)')
    begin = mine.begin

    def begin_and_be_overtaken(outer: object = None) -> object:
        transaction = begin(outer)  # type: ignore[arg-type]
        other = theirs.begin()
        other.insert(Document("/n", "xml", b"<n>10</n>"))
        other.commit()
        return transaction

    mine.begin = begin_and_be_overtaken  # type: ignore[method-assign, assignment]
    with pytest.raises(XQueryError) as raised:
        engine.evaluate('xdmp:document-insert("/n", <n>{fn:doc("/n")/n + 1}</n>)')
    assert raised.value.marklogic_code == "XDMP-DEADLOCK"
    engine.close()
    mine.close()
    theirs.close()


def test_engines_that_count_at_the_same_time_lose_no_count(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Each increment that reports success is in the total; one that gives up has changed nothing."""
    count = 'xdmp:document-insert("/n", <n>{fn:doc("/n")/n + 1}</n>)'
    store = open_store(tmp_path)
    first = Engine(store=store)
    first.evaluate('xdmp:document-insert("/n", <n>0</n>)')
    done: list[int] = []

    def work() -> None:
        own_store = open_store(tmp_path)
        engine = Engine(store=own_store)
        for _ in range(8):
            try:
                engine.evaluate(count)
                done.append(1)
            except XQueryError as error:
                assert error.marklogic_code == "XDMP-DEADLOCK"
        engine.close()
        own_store.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [item.string_value for item in first.evaluate('fn:doc("/n")')] == [str(len(done))]
    first.close()
    store.close()
