"""What a query answers with over the wire: one part for each item of its result."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart/mixed answer (rest-eval.md, section 5).

    `content_type` and `primitive` are the part's `Content-Type` and `X-Primitive`; `uri`, `path` and `attribute`
    become `X-URI`, `X-Path` and `X-Attr` where they are not empty; `body` is what follows, UTF-8 for text.
    """

    content_type: str
    primitive: str
    body: bytes
    uri: str = ""
    path: str = ""
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole result of a query: its parts, and what the query asked of the HTTP response.

    `headers` come from xdmp:add-response-header, `content_type` from xdmp:set-response-content-type ("" if unset).
    """

    parts: list[Part]
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = ""
