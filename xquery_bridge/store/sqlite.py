"""Documents in an SQLite database: WAL mode, one file, any number of processes.

A transaction reads from an SQLite snapshot taken at its start and keeps its changes in memory; `commit` checks that the
documents it read are still the newest and writes everything in one SQLite transaction. A process killed at any moment
therefore leaves either all of a statement's changes or none.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, cast

from xquery_bridge.errors import XQueryError
from xquery_bridge.store.documents import Document, Kind, Transaction, TransactionConflict

DATABASE_FILE: Final = "documents.db"
BUSY_SECONDS: Final = 30.0
SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE documents (
    uri TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('xml', 'json', 'text', 'binary')),
    version INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE TABLE collections (
    collection TEXT NOT NULL,
    uri TEXT NOT NULL REFERENCES documents (uri) ON DELETE CASCADE,
    PRIMARY KEY (collection, uri)
) WITHOUT ROWID;
CREATE INDEX collections_of_document ON collections (uri);
CREATE TABLE counter (version INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
"""

_COLUMNS: Final = (
    "SELECT uri, kind, content, version,"
    " (SELECT json_group_array(c.collection) FROM collections c WHERE c.uri = documents.uri) FROM documents "
)


def open_store(directory: Path | None) -> SQLiteStore:
    """Open the store in a directory, made when missing; None gives an empty one in memory.

    Raises OSError when the directory cannot be used, XQueryError when its database has another schema version.
    """
    if directory is None:
        return SQLiteStore(":memory:")
    directory.mkdir(parents=True, exist_ok=True)
    return SQLiteStore(str(directory / DATABASE_FILE))


class SQLiteStore:
    """A `Store` on one SQLite connection."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        self._prepare_schema()

    def _prepare_schema(self) -> None:
        """Make the tables in a new database; processes that start together take turns."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            (version,) = run("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    run(statement)
                run(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                raise XQueryError(
                    "FODC0002",
                    f"The database has schema version {version}, this release reads version {SCHEMA_VERSION}",
                    marklogic_code="XDMP-FORESTERR",
                )
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise

    def begin(self, outer: Transaction | None = None) -> SQLiteTransaction:
        return SQLiteTransaction(self._connection, cast("SQLiteTransaction | None", outer))

    def close(self) -> None:
        self._connection.close()


class SQLiteTransaction:
    """A `Transaction`: an SQLite read snapshot and the changes made so far."""

    def __init__(self, connection: sqlite3.Connection, outer: SQLiteTransaction | None = None) -> None:
        self._connection = connection
        self._outer = outer
        self._changes: dict[str, Document | None] = {}
        self._read: dict[str, int] = {}
        if connection.in_transaction:  # the outer one's snapshot, or that of a statement that was stopped
            connection.execute("ROLLBACK")
        self._take_snapshot()

    def _take_snapshot(self) -> None:
        self._connection.execute("BEGIN DEFERRED")
        self._connection.execute("SELECT version FROM counter").fetchone()  # the first read takes the snapshot

    def get(self, uri: str) -> Document | None:
        for document in self._documents("WHERE uri = ?", (uri,)):
            return document
        self._read[uri] = 0
        return None

    def directory(self, uris: Sequence[str], *, deep: bool = False) -> Iterator[Document]:
        for uri in sorted(set(uris)):
            # "0" is the character after "/": the range holds just the URIs below the directory.
            where = "WHERE uri > ? AND uri < ?" if uri else "WHERE uri >= ? OR ? = ''"
            for document in self._documents(where, (uri, uri[:-1] + "0" if uri else "")):
                if deep or "/" not in document.uri[len(uri) :]:
                    yield document

    def collection(self, uris: Sequence[str] | None) -> Iterator[Document]:
        if uris is None:
            return self._documents("", ())
        marks = ", ".join("?" * len(uris))
        return self._documents(f"WHERE uri IN (SELECT uri FROM collections WHERE collection IN ({marks}))", tuple(uris))

    def uris(self, start: str = "", limit: int | None = None) -> list[str]:
        rows = self._connection.execute(
            "SELECT uri FROM documents WHERE uri >= ? ORDER BY uri LIMIT ?", (start, -1 if limit is None else limit)
        )
        return [uri for (uri,) in rows]

    def insert(self, document: Document) -> None:
        self._change(document.uri, document)

    def savepoint(self) -> object:
        return dict(self._changes)

    def rollback_to(self, savepoint: object) -> None:
        self._changes = dict(cast("dict[str, Document | None]", savepoint))

    def delete(self, uri: str) -> None:
        if self.get(uri) is None:
            raise XQueryError("FODC0002", "Document not found", expression=f'xdmp:document-delete("{uri}")')
        self._change(uri, None)

    def commit(self) -> bool:
        try:
            return self._commit()
        finally:
            if self._outer is not None:
                self._outer._take_snapshot()

    def _commit(self) -> bool:
        self._connection.execute("COMMIT")
        if not self._changes:
            return False
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            self._refuse_stale_reads()
            (version,) = run("UPDATE counter SET version = version + 1 RETURNING version").fetchone()
            for uri, document in self._changes.items():
                run("DELETE FROM documents WHERE uri = ?", (uri,))
                if document is not None:
                    row = (uri, document.kind, version, document.content)
                    run("INSERT INTO documents (uri, kind, version, content) VALUES (?, ?, ?, ?)", row)
                    self._connection.executemany(
                        "INSERT OR IGNORE INTO collections VALUES (?, ?)",
                        [(name, uri) for name in document.collections],
                    )
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise
        self._tell_outer(version)
        return True

    def _tell_outer(self, version: int) -> None:
        """What this transaction changed is no conflict for the ones it ran within."""
        outer = self._outer
        while outer is not None:
            for uri in outer._read.keys() & self._changes.keys():
                outer._read[uri] = 0 if self._changes[uri] is None else version
            outer = outer._outer

    def rollback(self) -> None:
        self._changes.clear()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if self._outer is not None:
            self._outer._take_snapshot()

    def _documents(self, where: str, values: Iterable[str]) -> Iterator[Document]:
        """Documents in URI order; each is remembered as read with its version."""
        for uri, kind, content, version, collections in self._connection.execute(
            f"{_COLUMNS}{where} ORDER BY uri", tuple(values)
        ):
            self._read[uri] = version
            names = () if collections == "[]" else tuple(json.loads(collections))
            yield Document(uri, cast("Kind", kind), content, names, version)

    def _change(self, uri: str, document: Document | None) -> None:
        if uri in self._changes:
            raise XQueryError(
                "FOER0000",
                "Conflicting updates",
                expression=f'xdmp:document-{"delete" if document is None else "insert"}("{uri}")',
                marklogic_code="XDMP-CONFLICTINGUPDATES",
            )
        self._changes[uri] = document

    def _refuse_stale_reads(self) -> None:
        for uri, seen in self._read.items():
            row = self._connection.execute("SELECT version FROM documents WHERE uri = ?", (uri,)).fetchone()
            if (row[0] if row else 0) != seen:
                raise TransactionConflict(uri)
