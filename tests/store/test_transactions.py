"""Transactions of the store against a plain dict as the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from xquery_bridge.errors import XQueryError
from xquery_bridge.store import Document, SQLiteStore, TransactionConflict, open_store

URIS = st.sampled_from(["/a/1.xml", "/a/2.json", "/a/b/3.txt", "/a0", "/b/é.bin", "plain"])
COLLECTIONS = st.lists(st.sampled_from(["red", "blue", 'odd "name"\n']), unique=True, max_size=3).map(tuple)
DOCUMENTS = st.builds(
    Document, URIS, st.sampled_from(["xml", "json", "text", "binary"]), st.binary(max_size=20), COLLECTIONS
)


def seen(document: Document) -> tuple[str, str, bytes, frozenset[str]]:
    return document.uri, document.kind, document.content, frozenset(document.collections)


class StoreMachine(RuleBasedStateMachine):
    """Statements with random changes, committed or rolled back, on a store and on a dict."""

    @initialize()
    def open(self) -> None:
        self.store = open_store(None)
        self.model: dict[str, Document] = {}

    def teardown(self) -> None:
        self.store.close()

    @rule(changes=st.lists(st.one_of(DOCUMENTS, URIS), max_size=5), keep=st.booleans())
    def statement(self, changes: list[Document | str], keep: bool) -> None:
        transaction = self.store.begin()
        after, touched = dict(self.model), set()
        for change in changes:
            uri = change if isinstance(change, str) else change.uri
            try:
                transaction.delete(change) if isinstance(change, str) else transaction.insert(change)
            except XQueryError as error:
                expected = "XDMP-CONFLICTINGUPDATES" if uri in touched and uri in self.model else None
                if isinstance(change, str) and uri not in self.model:
                    expected = "XDMP-DOCNOTFOUND"
                assert error.marklogic_code == (expected or "XDMP-CONFLICTINGUPDATES")
                continue
            assert uri not in touched
            touched.add(uri)
            after.pop(uri, None)
            if isinstance(change, Document):
                after[uri] = change
            assert (found := transaction.get(uri)) is None or seen(found) == seen(self.model[uri])
        if keep:
            transaction.commit()
            self.model = after
        else:
            transaction.rollback()

    @invariant()
    def reads_agree_with_the_model(self) -> None:
        transaction = self.store.begin()
        assert [seen(d) for d in transaction.collection(None)] == [seen(self.model[u]) for u in sorted(self.model)]
        red = [d.uri for d in transaction.collection(["red", "blue"])]
        assert red == sorted(u for u, d in self.model.items() if {"red", "blue"} & set(d.collections))
        below = [d.uri for d in transaction.directory(["/a/"])]
        assert below == sorted(u for u in self.model if u.startswith("/a/") and "/" not in u[3:])
        deep = [d.uri for d in transaction.directory(["/a/"], deep=True)]
        assert deep == sorted(u for u in self.model if u.startswith("/a/"))
        assert transaction.uris() == sorted(self.model)
        transaction.rollback()


TestStoreAgainstADict = StoreMachine.TestCase
TestStoreAgainstADict.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[SQLiteStore, SQLiteStore]:
    return open_store(tmp_path), open_store(tmp_path)


def test_a_transaction_sees_the_state_at_its_start(pair: tuple[SQLiteStore, SQLiteStore]) -> None:
    reader, writer = pair
    reading = reader.begin()
    writing = writer.begin()
    writing.insert(Document("/new", "text", b"x"))
    writing.commit()
    assert reading.get("/new") is None
    reading.rollback()
    assert reader.begin().get("/new") is not None


def test_a_change_based_on_an_old_read_is_refused(pair: tuple[SQLiteStore, SQLiteStore]) -> None:
    first, second = pair
    start = first.begin()
    start.insert(Document("/n", "text", b"0"))
    start.commit()
    one, other = first.begin(), second.begin()
    for transaction in (one, other):
        document = transaction.get("/n")
        assert document is not None
        transaction.insert(Document("/n", "text", document.content + b"1"))
    one.commit()
    with pytest.raises(TransactionConflict):
        other.commit()
    last = second.begin().get("/n")
    assert last is not None
    assert last.content == b"01"


def test_an_abandoned_transaction_does_not_block_the_next() -> None:
    store = open_store(None)
    store.begin().insert(Document("/lost", "text", b""))
    assert store.begin().get("/lost") is None


def test_a_second_insert_of_one_uri_names_the_uri() -> None:
    transaction = open_store(None).begin()
    transaction.insert(Document("/u", "text", b""))
    with pytest.raises(XQueryError, match=r'XDMP-CONFLICTINGUPDATES.*"/u"'):
        transaction.insert(Document("/u", "text", b""))


def test_a_database_of_another_schema_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store._connection.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(XQueryError, match="schema version 99"):
        open_store(tmp_path)
