"""What a store holds after its process was killed in the middle of a write."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from xquery_bridge.store import open_store

#: Writes pairs of documents for ever, each pair in one transaction, and says after each commit which one it was.
WRITER = """
import sys
from pathlib import Path
from xquery_bridge.store import Document, open_store
store = open_store(Path(sys.argv[1]))
for number in range(10**9):
    transaction = store.begin()
    content = str(number).encode() * 200_000
    transaction.insert(Document("/left", "binary", content))
    transaction.insert(Document("/right", "binary", content))
    transaction.insert(Document(f"/committed/{number}", "text", b"x"))
    transaction.commit()
    print(number, flush=True)
"""


def test_a_killed_writer_loses_no_committed_document_and_leaves_no_half_one(tmp_path: Path) -> None:
    for delay in (0.05, 0.11, 0.02):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "0\n"
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
            told = [0, *map(int, writer.stdout.read().split())]
        store = open_store(tmp_path)
        transaction = store.begin()
        left, right = transaction.get("/left"), transaction.get("/right")
        assert left is not None
        assert right is not None
        assert left.content == right.content
        assert len(left.content) % 200_000 == 0
        committed = set(transaction.uris("/committed/"))
        assert {f"/committed/{number}" for number in told} <= committed
        transaction.rollback()
        store.close()
