"""The headers that tell a client that its connection stays open (rest-eval.md, sections 4 and 5)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class PersistentConnection:
    """ASGI middleware that announces a connection which stays open: `Connection: Keep-Alive` and how long when idle."""

    def __init__(self, app: ASGIApp, seconds: int) -> None:
        self.app = app
        self.headers = [(b"Connection", b"Keep-Alive"), (b"Keep-Alive", b"timeout=%d" % seconds)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _stays_open(scope):
            await self.app(scope, receive, send)
            return

        async def announce(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if not any(name.lower() == b"connection" for name, _ in headers):
                    message["headers"] = [*headers, *self.headers]
            await send(message)

        await self.app(scope, receive, announce)


def _stays_open(scope: Scope) -> bool:
    """Whether the connection outlives this request: HTTP/1.1, and the client does not ask for its end."""
    return scope["http_version"] == "1.1" and not any(
        name == b"connection" and b"close" in value.lower() for name, value in scope["headers"]
    )
