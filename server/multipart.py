"""The answer to a query: multipart/mixed, one part an item (rest-eval.md, section 5)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from xquery_bridge.answer import Answer, Part
from xquery_bridge.errors import XQueryError

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer as it goes over the wire: the headers in their order, Content-Length included, and the body."""

    headers: list[Header]
    body: bytes


def render(answer: Answer, new_boundary: Callable[[], str] = lambda: secrets.token_hex(8)) -> Rendered:
    """The response headers and body of `answer`; raises XQueryError when the query set a header that cannot be sent.

    An empty sequence is an empty body without a Content-Type; clients look for exactly `Content-Length: 0`.
    """
    headers = [_header(name, value) for name, value in answer.headers]
    if answer.content_type:
        headers.append(_header("Content-type", answer.content_type))
    body = b""
    if answer.parts:
        boundary = new_boundary()
        while any(boundary.encode() in part.body for part in answer.parts):
            boundary = new_boundary()
        headers.append((b"Content-Type", b"multipart/mixed; boundary=" + boundary.encode()))
        body = _body(answer.parts, boundary.encode())
    headers.append((b"Content-Length", b"%d" % len(body)))
    return Rendered(headers, body)


def _body(parts: Sequence[Part], boundary: bytes) -> bytes:
    # The body starts with CRLF, and the CRLF before a boundary belongs to the boundary.
    heads: dict[tuple[str, str, str, str, str], bytes] = {}
    pieces: list[bytes] = []
    for part in parts:
        key = (part.content_type, part.primitive, part.uri, part.path, part.attribute)
        head = heads.get(key)
        if head is None:
            head = heads[key] = _part_head(part, boundary)
        pieces += (head, part.body)
    pieces.append(b"\r\n--" + boundary + b"--\r\n")
    return b"".join(pieces)


def _part_head(part: Part, boundary: bytes) -> bytes:
    lines = [b"\r\n--" + boundary, _line("Content-Type", part.content_type), _line("X-Primitive", part.primitive)]
    if part.uri:
        lines.append(_line("X-URI", _escape(part.uri)))
    if part.path:
        lines.append(_line("X-Path", part.path))
    if part.attribute:
        lines.append(_line("X-Attr", part.attribute))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _line(name: str, value: str) -> bytes:
    return f"{name}: {_CONTROLS.sub(' ', value)}".encode()


_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_VISIBLE_ASCII = "".join(map(chr, range(0x20, 0x7F)))


def _escape(uri: str) -> str:
    """A document's URI with everything but visible ASCII percent-encoded."""
    return quote(uri, safe=_VISIBLE_ASCII)


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
#: Headers that frame the message: the service sets them.
_RESERVED = frozenset(("connection", "content-length", "keep-alive", "transfer-encoding", "upgrade", "trailer"))


def _header(name: str, value: str) -> Header:
    if not _TOKEN.match(name) or name.lower() in _RESERVED or _CONTROLS.search(value.replace("\t", " ")):
        raise XQueryError(
            "FOER0000",
            "The query set an HTTP header that cannot be sent",
            expression=f'xdmp:add-response-header("{name}", …)',
            marklogic_code="XDMP-ARG",
        )
    return name.encode("ascii"), value.encode("utf-8")
