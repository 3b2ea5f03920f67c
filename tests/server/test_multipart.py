"""The bytes of an answer, against those recorded from a MarkLogic server."""

from __future__ import annotations

import pickle
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.frames import FrameBuffer, frame
from server.multipart import Rendered, render
from xquery_bridge.answer import Answer, Part
from xquery_bridge.errors import Frame, XQueryError


def text(value: str, primitive: str = "string") -> Part:
    return Part("text/plain", primitive, value.encode())


def test_the_body_is_the_recorded_one() -> None:
    rendered = render(Answer([text("hello"), text("7", "integer")]), lambda: "ad4119fdb5f9569e")
    assert rendered.headers == [
        (b"Content-Type", b"multipart/mixed; boundary=ad4119fdb5f9569e"),
        (b"Content-Length", b"%d" % len(rendered.body)),
    ]
    assert rendered.body == (
        b"\r\n--ad4119fdb5f9569e\r\nContent-Type: text/plain\r\nX-Primitive: string\r\n\r\nhello"
        b"\r\n--ad4119fdb5f9569e\r\nContent-Type: text/plain\r\nX-Primitive: integer\r\n\r\n7"
        b"\r\n--ad4119fdb5f9569e--\r\n"
    )


def test_the_headers_of_a_node_stand_in_their_order() -> None:
    part = Part("application/xml", "element()", b"<a/>", uri="/ä b.xml", path="/*:a")
    assert (
        b"\r\nContent-Type: application/xml\r\nX-Primitive: element()\r\nX-URI: /%C3%A4 b.xml\r\n"
        b"X-Path: /*:a\r\n\r\n<a/>" in render(Answer([part])).body
    )
    attribute = Part("text/plain", "attribute()", b"1", attribute="x")
    assert b"\r\nX-Primitive: attribute()\r\nX-Attr: x\r\n\r\n1" in render(Answer([attribute])).body


def test_an_empty_sequence_has_no_body_and_no_content_type() -> None:
    assert render(Answer([])) == Rendered([(b"Content-Length", b"0")], b"")


def test_a_boundary_that_occurs_in_the_content_is_not_taken() -> None:
    boundaries = iter(["a" * 16, "b" * 16, "c" * 16])
    rendered = render(Answer([text("a" * 20), text("b" * 16)]), lambda: next(boundaries))
    assert rendered.headers[0][1].endswith(b"c" * 16)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_a_reader_of_mail_finds_every_part(bodies: list[bytes]) -> None:
    parts = [Part("application/x-unknown-content-type", "binary()", body) for body in bodies]
    rendered = render(Answer(parts))
    boundary = rendered.headers[0][1].partition(b"boundary=")[2]
    pieces = rendered.body.split(b"\r\n--" + boundary)
    assert (pieces[0], pieces[-1]) == (b"", b"--\r\n")
    assert [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]] == bodies
    head = b"%b: %b\r\n" % rendered.headers[0]
    read = message_from_bytes(head + rendered.body, policy=policy.HTTP)
    assert [part["X-Primitive"] for part in read.iter_parts()] == ["binary()"] * len(bodies)


def test_headers_of_the_query_go_first_and_its_content_type_is_a_second_one() -> None:
    answer = Answer([text("a")], [("X-Mine", "ü")], "text/html")
    names = [name for name, _ in render(answer).headers]
    assert names == [b"X-Mine", b"Content-type", b"Content-Type", b"Content-Length"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("A B", "1"), ("", "1"), ("X", "1\r\nY: 2"), ("Content-Length", "3"), ("transfer-encoding", "x")],
)
def test_a_header_that_would_break_the_message_is_an_error_of_the_query(name: str, value: str) -> None:
    with pytest.raises(XQueryError, match="cannot be sent"):
        render(Answer([], [(name, value)]))


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), st.integers()), st.binary(max_size=200), st.integers(1, 50))
def test_a_message_cut_anywhere_arrives_whole(head: dict[str, int], body: bytes, size: int) -> None:
    data = b"".join(frame(head, body))
    buffer = FrameBuffer()
    for _ in range(2):
        *early, last = [buffer.feed(data[at : at + size]) for at in range(0, len(data), size)]
        assert early == [None] * len(early)
        assert last == (head, body)


def test_an_error_travels_with_all_that_is_told_of_it() -> None:
    error = XQueryError("FOAR0001", expression="1 div 0", frames=[Frame("", 1, 3)])
    read = pickle.loads(pickle.dumps(error))
    assert (read.format_string, read.frames, read.marklogic_code) == (
        error.format_string,
        error.frames,
        "XDMP-DIVBYZERO",
    )
