"""`POST /v1/eval`: evaluate a query (rest-eval.md, sections 1 to 6)."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from server.body import read_body
from server.errors import RequestError
from server.form import parse_form, typed_fields
from server.multipart import Rendered
from server.pool import ClientGone, Pool
from server.worker import Job
from xquery_bridge.database import DATABASE_ID, DATABASE_NAME

#: Names of the one database; "" is the default of every request.
DATABASES = frozenset(("", DATABASE_NAME, str(DATABASE_ID)))
#: Bodies longer than this are parsed in a thread, so that the service stays awake meanwhile.
LONG_BODY = 256 * 1024


async def evaluate(request: Request) -> Response:
    """Evaluate the query in the request's body in a worker process; answer multipart/mixed."""
    query_string: bytes = request.scope["query_string"]
    try:
        body = await read_body(request, request.app.state.settings.body_bytes)
        if len(body) <= LONG_BODY:
            job = read_job(body, query_string)
        else:
            job = await asyncio.to_thread(read_job, body, query_string)
        rendered = await _answer(request.app.state.pool, job, request)
    except (ClientDisconnect, ClientGone):
        return Response(status_code=400)  # nobody is there to read it
    response = Response(rendered.body)
    response.raw_headers = rendered.headers
    return response


def read_job(body: bytes, query_string: bytes) -> Job:
    """The query that a request's body and address name; RequestError says what is wrong with them."""
    fields = parse_form(body)
    parameters = parse_form(query_string)
    if "javascript" in fields:
        if "xquery" in fields:
            raise RequestError(400, "REST-INVALIDPARAM", "A request has either xquery or javascript, not both.")
        raise RequestError(400, "REST-UNSUPPORTEDPARAM", "JavaScript is not evaluated here: send the query as xquery.")
    if "xquery" not in fields:
        title = "Required parameter missing: the body is a form with the query in its field xquery (xquery=…)."
        raise RequestError(400, "REST-REQUIREDPARAM", title)
    database = parameters.get("database", fields.get("database", ""))
    if database not in DATABASES:
        raise RequestError(404, "XDMP-NOSUCHDB", f"No such database {database}")
    transaction = parameters.get("txid", fields.get("txid", ""))
    if transaction:
        raise RequestError(400, "XDMP-NOTXN", f"No transaction with identifier {transaction}")
    return Job(fields["xquery"], fields.get("vars", ""), typed_fields(fields), database)


async def _answer(pool: Pool, job: Job, request: Request) -> Rendered:
    if not pool.busy:
        return await pool.answer(job)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        return await pool.answer(job, gone)
    finally:
        gone.cancel()


async def _disconnect(request: Request) -> None:
    """Return when the client has gone; the body has been read, so nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


ROUTES = [Route(path, evaluate, methods=["POST"]) for path in ("/v1/eval", "/LATEST/eval", "/eval")]
