"""Messages between the service and a worker: a pickled head and a body of raw bytes, each with its length before it."""

from __future__ import annotations

import pickle
import struct
from typing import Any

_LENGTHS = struct.Struct("!QQ")


def frame(head: object, body: bytes = b"") -> list[bytes]:
    """The pieces of one message, to be written one after the other."""
    pickled = pickle.dumps(head, protocol=5)
    return [_LENGTHS.pack(len(pickled), len(body)) + pickled, body]


class FrameBuffer:
    """Collects received bytes until a message is whole."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> tuple[Any, bytes] | None:
        """Take more bytes; the message as (head, body) once it is whole. The other side waits for an answer then."""
        self._bytes += data
        if len(self._bytes) < _LENGTHS.size:
            return None
        head_length, body_length = _LENGTHS.unpack_from(self._bytes)
        body_start = _LENGTHS.size + head_length
        if len(self._bytes) < body_start + body_length:
            return None
        with memoryview(self._bytes) as view:
            head = pickle.loads(view[_LENGTHS.size : body_start])
            body = bytes(view[body_start:])
        self._bytes = bytearray()
        return head, body
