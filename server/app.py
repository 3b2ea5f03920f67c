"""The service as an ASGI application: routes, login, the pool of workers, errors in the documented form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.auth import Authentication, Login, nonce_secret
from server.body import DRAIN_FACTOR
from server.connection import PersistentConnection
from server.errors import RequestError, query_error_response, request_error_response, wants_xml
from server.pool import Pool
from server.routes import eval as eval_route
from server.routes import health, ping
from server.settings import Settings
from xquery_bridge.errors import XQueryError


def create_app(settings: Settings) -> FastAPI:
    """The application; it starts its workers when it is served and ends them after."""
    app = FastAPI(title="cntk-xquery", lifespan=_lifespan, openapi_url=None, redirect_slashes=False)
    app.state.settings = settings
    app.state.pool = Pool(settings)
    # Plain Starlette routes: they parse and answer by hand, so FastAPI's machinery would only cost.
    app.router.routes += [*eval_route.ROUTES, *ping.ROUTES, *health.ROUTES]
    login = Login(settings.user, settings.password, nonce_secret(settings.data))
    app.add_middleware(Authentication, login=login, drain=settings.body_bytes * DRAIN_FACTOR)
    app.add_middleware(PersistentConnection, seconds=settings.keep_alive)
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(XQueryError, _query_error)
    app.add_exception_handler(HTTPException, _routing_error)
    app.add_exception_handler(Exception, _internal_error)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    pool: Pool = app.state.pool
    try:
        await pool.start()
        yield
    finally:
        await pool.close()


async def _request_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return request_error_response(error, wants_xml(request.headers))


async def _query_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, XQueryError)
    return query_error_response(error, wants_xml(request.headers))


async def _routing_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        title = f"The method {request.method} is not supported for {request.url.path}"
        known = RequestError(405, "REST-UNSUPPORTEDMETHOD", title, error.headers)
    else:
        known = RequestError(
            error.status_code, "REST-NOTFOUND", f"There is nothing at {request.url.path}", error.headers
        )
    return request_error_response(known, wants_xml(request.headers))


async def _internal_error(request: Request, error: Exception) -> Response:
    title = f"The service failed: {type(error).__name__}"
    return request_error_response(RequestError(500, "XDMP-INTERNAL", title), wants_xml(request.headers))
