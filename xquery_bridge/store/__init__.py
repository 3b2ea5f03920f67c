"""Documents that outlive a query: what they are, and how a statement reads and changes them.

`open_store(directory)` gives a `Store`; each statement of a query works in a `Transaction` of its own. The store keeps
bytes and knows nothing of nodes: the engine parses what it reads and serializes what it writes.
"""

from xquery_bridge.store.documents import Document, Kind, Store, Transaction, TransactionConflict
from xquery_bridge.store.sqlite import SQLiteStore, open_store

__all__ = ["Document", "Kind", "SQLiteStore", "Store", "Transaction", "TransactionConflict", "open_store"]
