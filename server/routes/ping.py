"""`HEAD /v1/ping`: where clients fetch the digest challenge before their first request (rest-eval.md, section 1)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def ping(_request: Request) -> Response:
    """Answer 200 to whoever has logged in."""
    return Response()


ROUTES = [Route(path, ping, methods=["GET", "HEAD"]) for path in ("/v1/ping", "/LATEST/ping")]
