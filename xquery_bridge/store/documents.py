"""The store's interface: documents, transactions, and what they promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["xml", "json", "text", "binary"]


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document: its URI, its content as bytes (UTF-8 but for binaries), its kind and its collections.

    `version` rises with every change in the store; the same version of a URI is the same content, so that parsed trees
    and loaded models can be cached by (uri, version). It is 0 until the document has been committed.
    """

    uri: str
    kind: Kind
    content: bytes
    collections: tuple[str, ...] = ()
    version: int = 0


class TransactionConflict(Exception):
    """A document that this transaction read was changed by another since; the statement may be run again."""


class Transaction(Protocol):
    """One statement's view of the store.

    Reads see the state at the start of the transaction, never its own changes (MarkLogic: updates become visible to the
    next statement). Changes are kept aside until `commit`, which applies all of them or none.
    """

    def get(self, uri: str) -> Document | None:
        """The document with this URI, or None."""

    def directory(self, uris: Sequence[str], *, deep: bool = False) -> Iterator[Document]:
        """Documents below directories (URIs ending in "/"), `deep` or one level, in the order of their URIs."""

    def collection(self, uris: Sequence[str] | None) -> Iterator[Document]:
        """Documents of any of these collections (None: every document), each once, in the order of their URIs."""

    def uris(self, start: str = "", limit: int | None = None) -> list[str]:
        """URIs of the store from `start` on, in code point order."""

    def insert(self, document: Document) -> None:
        """Add or replace a document. Raises XDMP-CONFLICTINGUPDATES when this transaction changed that URI before."""

    def savepoint(self) -> object:
        """The changes so far, for `rollback_to`."""

    def rollback_to(self, savepoint: object) -> None:
        """Forget the changes made since a savepoint (1.0-ml: those of a `try` that failed)."""

    def delete(self, uri: str) -> None:
        """Remove a document. Raises XDMP-DOCNOTFOUND when there is none, XDMP-CONFLICTINGUPDATES as `insert` does."""

    def commit(self) -> bool:
        """Make the changes durable and say whether there were any.

        Raises TransactionConflict with nothing changed when what the transaction read is out of date.
        """

    def rollback(self) -> None:
        """Forget the changes."""


class Store(Protocol):
    """A set of documents. One store object serves one thread at a time; many may be open on the same directory."""

    def begin(self, outer: Transaction | None = None) -> Transaction:
        """Start a transaction on the state as it is now.

        Without `outer`, one that was left open is forgotten. `outer` is a running transaction of this store, which
        rests until the new one ends and then goes on from the state as it is by that time.
        """

    def close(self) -> None:
        """Release every resource."""
