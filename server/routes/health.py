"""`GET /healthz`: whether the service can answer queries; no login, no detail."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def health(request: Request) -> Response:
    """200 when queries can be answered, also while all workers are busy; 503 when no worker can be started."""
    if request.app.state.pool.able:
        return PlainTextResponse("ok\n")
    return PlainTextResponse("unable\n", 503)


ROUTES = [Route("/healthz", health, methods=["GET"])]
