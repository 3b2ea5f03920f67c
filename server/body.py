"""Reading a request's body, up to a limit."""

from __future__ import annotations

from starlette.requests import Request

from server.errors import RequestError
from server.settings import MIB

#: A body over the limit is read to its end and thrown away, so that the client reads the answer and not a broken
#: connection, unless it is longer than the limit by this factor.
DRAIN_FACTOR = 8


async def read_body(request: Request, limit: int) -> bytes:
    """The body of `request`; RequestError (413) when it has more than `limit` bytes.

    starlette.requests.ClientDisconnect when the client leaves before its end.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit and "expect" in request.headers:
        raise _too_long(limit, close=True)
    chunks: list[bytes] = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= limit:
            chunks.append(chunk)
            continue
        chunks.clear()
        if length > limit * DRAIN_FACTOR:
            raise _too_long(limit, close=True)
    if length > limit:
        raise _too_long(limit, close=False)
    return b"".join(chunks)


def _too_long(limit: int, *, close: bool) -> RequestError:
    title = f"The request body is longer than {limit / MIB:g} MiB, the limit that --body-limit sets."
    return RequestError(413, "REST-BODYTOOLONG", title, {"Connection": "close"} if close else None)
