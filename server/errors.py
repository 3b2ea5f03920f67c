"""Errors on the wire: one body for every fault, as JSON or XML (rest-eval.md, section 6)."""

from __future__ import annotations

import http
import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from starlette.responses import Response

from xquery_bridge.errors import ERR_NAMESPACE, Frame, XQueryError

ERROR_NAMESPACE = "http://marklogic.com/xdmp/error"
MAIN_MODULE = "/eval"


class RequestError(Exception):
    """A fault of the request rather than of the query: answered with `status` (400, 404, 405, 413 …).

    `code` is MarkLogic's code, `title` the sentence; `headers` go with the answer.
    """

    def __init__(self, status: int, code: str, title: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, code, title, headers)
        self.status = status
        self.code = code
        self.title = title
        self.headers = dict(headers or {})


def request_error_response(error: RequestError, as_xml: bool) -> Response:
    """The answer to a request that cannot be served."""
    fields = _head(error.status) | {
        "messageCode": error.code,
        "message": f"{error.code}: (err:FOER0000) {error.title}",
        "messageDetail": {"messageTitle": error.title},
    }
    return _response(error.status, fields, as_xml, error.headers)


def query_error_response(error: XQueryError, as_xml: bool) -> Response:
    """The answer to a query that ended with an error: 500 always, since clients retry 502, 503 and 504.

    The title of a static error names its place, because clients show the title alone; `stackTrace` has the places of
    every error that has any, one line a frame, the innermost first.
    """
    title = error.title
    if error.frames and error.name.uri == ERR_NAMESPACE and error.name.local[2:4] == "ST":
        frame = error.frames[0]
        title += f" (line {frame.line}, column {frame.column} of {frame.uri or MAIN_MODULE})"
    fields = _head(500) | {
        "messageCode": error.marklogic_code,
        "message": error.format_string,
        "messageDetail": {"messageTitle": title},
    }
    if error.frames:
        fields["stackTrace"] = "\n".join(map(_stack_line, error.frames))
    return _response(500, fields, as_xml, {})


def unauthorized_response(challenge: str, as_xml: bool) -> Response:
    """The 401 that carries a digest challenge (rest-eval.md, section 4)."""
    return _response(401, _head(401) | {"message": "401 Unauthorized"}, as_xml, {"WWW-Authenticate": challenge})


def wants_xml(headers: Mapping[str, str]) -> bool:
    """Whether errors are wanted as XML: X-Error-Accept decides, else an Accept of exactly application/xml."""
    asked = headers.get("x-error-accept", "").lower()
    if "json" in asked:
        return False
    if "xml" in asked:
        return True
    return headers.get("accept", "").strip().lower() == "application/xml"


def _head(status: int) -> dict[str, object]:
    return {"statusCode": status, "status": http.HTTPStatus(status).phrase}


def _stack_line(frame: Frame) -> str:
    operation = f", in {frame.operation}" if frame.operation else ""
    return f"in {frame.uri or MAIN_MODULE}, at {frame.line}:{frame.column}{operation} [{frame.dialect}]"


def _response(status: int, fields: Mapping[str, object], as_xml: bool, headers: Mapping[str, str]) -> Response:
    if as_xml:
        text = f'<error-response xmlns="{ERROR_NAMESPACE}">{_elements(fields)}</error-response>'
        media_type = "application/xml; charset=utf-8"
    else:
        text = json.dumps({"errorResponse": fields}, ensure_ascii=False, separators=(", ", ":"))
        media_type = "application/json; charset=utf-8"
    body = text.encode("utf-8", "backslashreplace")  # a lone surrogate in the message must not hide the error
    return Response(body, status, dict(headers), media_type)


#: JSON member -> element; the same facts under the names each form has for them.
_ELEMENT_NAMES = {
    "statusCode": "status-code",
    "messageCode": "message-code",
    "messageDetail": "message-detail",
    "messageTitle": "message-title",
    "stackTrace": "stack-trace",
}

#: The control characters that XML 1.0 cannot hold become U+FFFD.
_NOT_IN_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")


def _elements(fields: Mapping[str, object]) -> str:
    parts = []
    for key, value in fields.items():
        name = _ELEMENT_NAMES.get(key, key)
        content = _elements(value) if isinstance(value, Mapping) else escape(str(value).translate(_NOT_IN_XML))
        parts.append(f"<{name}>{content}</{name}>")
    return "".join(parts)
