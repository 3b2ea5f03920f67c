"""`POST /v1/eval` and its neighbours over real HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import httpx
import pytest

from .conftest import PASSWORD, ROOT, USER, Service, error, parts, strings


def evaluate(client: httpx.Client, query: str, **fields: str) -> httpx.Response:
    return client.post("/v1/eval", data={"xquery": query, **fields})


def raw(service: Service, request: bytes) -> bytes:
    """All the service answers to bytes on a connection, until it closes it."""
    host, port = service.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


BASIC = b"Authorization: Basic YWRtaW46YWRtaW4=\r\n"


def test_the_documented_program_answers_its_documented_string(service: Service) -> None:
    query = (ROOT / "examples/convolution-transpose.xqy").read_text()
    with service.client(httpx.DigestAuth(USER, PASSWORD)) as client:
        (answer,) = strings(evaluate(client, query))
    axes = "Dynamic Axes([Sequence Axis(Default Dynamic Axis), Batch Axis(Default Batch Axis)])"
    assert answer == (
        f"cntk:function(Composite Convolution (Input(Uid(Input), Shape([2 x 2]), {axes}), "
        f"Input(Uid(Input), Shape([3 x 3]), {axes})))"
    )


def test_the_answer_is_the_documented_bytes(client: httpx.Client) -> None:
    response = evaluate(client, '("hello", 7)')
    boundary = response.headers["content-type"].removeprefix("multipart/mixed; boundary=")
    assert response.content.decode() == (
        f"\r\n--{boundary}\r\nContent-Type: text/plain\r\nX-Primitive: string\r\n\r\nhello"
        f"\r\n--{boundary}\r\nContent-Type: text/plain\r\nX-Primitive: integer\r\n\r\n7\r\n--{boundary}--\r\n"
    )
    assert response.headers["content-length"] == str(len(response.content))
    assert response.headers["connection"].lower() == "keep-alive"
    assert response.headers["keep-alive"].startswith("timeout=")
    assert response.headers["server"].startswith("MarkLogic")


def test_an_empty_sequence_answers_no_bytes(client: httpx.Client) -> None:
    response = evaluate(client, "()")
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "0")
    assert "content-type" not in response.headers
    assert "transfer-encoding" not in response.headers


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("xs:short(5)", ("text/plain", "integer", b"5")),
        ("1.5", ("text/plain", "decimal", b"1.5")),
        ("15e-1", ("text/plain", "double", b"1.5")),
        ("fn:true()", ("text/plain", "boolean", b"true")),
        ('xs:date("2020-01-02")', ("text/plain", "date", b"2020-01-02")),
        ("<a>1</a>", ("application/xml", "element()", b"<a>1</a>")),
        (
            "document { <a/> }",
            ("application/xml", "document-node()", b'<?xml version="1.0" encoding="UTF-8"?>\n<a/>'),
        ),
        ("text { 'ü' }", ("text/plain", "text()", "ü".encode())),
        ("attribute x { 1 }", ("text/plain", "attribute()", b"1")),
        ("<!--a-->", ("text/plain", "comment()", b"<!--a-->")),
        ('object-node { "a" : 1 }', ("application/json", "object-node()", b'{"a":1}')),
        ("array-node { 1, 2 }", ("application/json", "array-node()", b"[1, 2]")),
        ("json:to-array((1, 'a'))", ("application/json", "array", b'[1, "a"]')),
        ("map:entry('a', 1)", ("application/json", "map", b'{"a":1}')),
    ],
)
def test_each_kind_of_item_has_its_content_type_and_primitive(
    client: httpx.Client, query: str, part: tuple[str, str, bytes]
) -> None:
    assert parts(evaluate(client, query)) == [part]


@pytest.mark.parametrize("path", ["/v1/eval", "/LATEST/eval", "/eval"])
def test_a_query_may_be_sent_to_each_address(client: httpx.Client, path: str) -> None:
    assert strings(client.post(path, data={"xquery": "1"})) == ["1"]


def test_accept_decides_nothing(client: httpx.Client) -> None:
    for accept in ("application/xml", "text/plain, */*", "multipart/mixed; boundary=BOUNDARY"):
        assert strings(client.post("/v1/eval", data={"xquery": "1"}, headers={"Accept": accept})) == ["1"]


def test_an_unencoded_query_with_semicolons_is_read_whole(client: httpx.Client) -> None:
    body = 'xquery=xquery version "1.0-ml"; let $x := "a;b=c" return $x;\n"next"'
    assert strings(client.post("/v1/eval", content=body.encode())) == ["a;b=c", "next"]


def test_variables_of_both_encodings_are_converted_to_the_declared_types(client: httpx.Client) -> None:
    query = """
        declare namespace n = "http://n";
        declare variable $n:a as xs:integer external;
        declare variable $b external;
        declare variable $c as xs:string external := "default";
        ($n:a + 1, $b instance of xs:untypedAtomic, $b, $c)"""
    bindings = json.dumps({"{http://n}a": "41", "b": "x", "unknown": 1})
    assert strings(evaluate(client, query, vars=bindings)) == ["42", "true", "x", "default"]
    java = {"evn0": "http://n", "evl0": "a", "evv0": "41", "evt0": "xs:untypedAtomic", "evn1": "", "evl1": "b"}
    assert strings(evaluate(client, query, **java, evv1="x", evt1="xs:untypedAtomic")) == ["42", "true", "x", "default"]


def test_a_null_for_a_variable_that_is_not_used_does_no_harm(client: httpx.Client) -> None:
    query = "declare variable $contentDb as xs:string external; 1"
    assert strings(evaluate(client, query, vars='{"contentDb": null}')) == ["1"]


def test_a_missing_variable_is_an_error_of_the_query(client: httpx.Client) -> None:
    fields = error(evaluate(client, "declare variable $x as xs:string external; $x"))
    assert (fields["statusCode"], fields["messageCode"]) == (500, "XDMP-EXTVAR")


@pytest.mark.parametrize(
    ("fields", "parameters", "status", "code"),
    [
        ({}, {}, 400, "REST-REQUIREDPARAM"),
        ({"xquery": "1", "javascript": "1"}, {}, 400, "REST-INVALIDPARAM"),
        ({"xquery": "1", "vars": "{"}, {}, 400, "REST-INVALIDPARAM"),
        ({"xquery": "1", "evv0": "x"}, {}, 400, "REST-INVALIDPARAM"),
        ({"xquery": "1"}, {"database": "none"}, 404, "XDMP-NOSUCHDB"),
        ({"xquery": "1"}, {"txid": "17"}, 400, "XDMP-NOTXN"),
        ({"xquery": "1 div 0"}, {}, 500, "XDMP-DIVBYZERO"),
        ({"xquery": "1 +"}, {}, 500, "XDMP-UNEXPECTED"),
        ({"xquery": "no:such()"}, {}, 500, "XDMP-UNBPRFX"),
    ],
)
def test_each_fault_has_its_status_and_code_in_both_forms(
    client: httpx.Client, fields: dict[str, str], parameters: dict[str, str], status: int, code: str
) -> None:
    response = client.post("/v1/eval", data=fields, params=parameters)
    found = error(response)
    assert (response.status_code, found["messageCode"]) == (status, code)
    assert str(found["message"]).startswith(f"{code}: (err:")
    as_xml = client.post("/v1/eval", data=fields, params=parameters, headers={"X-Error-Accept": "application/xml"})
    assert as_xml.headers["content-type"] == "application/xml; charset=utf-8"
    root = ElementTree.fromstring(as_xml.content)
    space = "{http://marklogic.com/xdmp/error}"
    assert (root.tag, root.findtext(f"{space}message-code")) == (f"{space}error-response", code)
    assert root.findtext(f"{space}message") == found["message"]


def test_a_syntax_error_names_its_line_and_column(client: httpx.Client) -> None:
    fields = error(evaluate(client, 'xquery version "1.0-ml";\nlet $x := 1\nreturn )'))
    assert "line 3, column 8" in str(fields["messageDetail"])
    assert "3:8" in str(fields["stackTrace"])


def test_other_methods_and_addresses_answer_in_the_documented_form(client: httpx.Client) -> None:
    response = client.get("/v1/eval")
    assert (error(response)["statusCode"], response.headers["allow"]) == (405, "POST")
    assert error(client.put("/v1/eval"))["statusCode"] == 405
    for path in ("/", "/v1/transactions", "/v1/documents", "/manage/v2", "/v1/eval/"):
        assert error(client.post(path))["statusCode"] == 404


def test_a_login_is_asked_for_with_one_challenge_and_pings_answer(service: Service) -> None:
    with httpx.Client(base_url=service.base) as anonymous:
        for method, path in [("HEAD", "/v1/ping"), ("POST", "/v1/eval"), ("GET", "/no/where")]:
            response = anonymous.request(method, path, content=b"x" * 100_000 if method == "POST" else None)
            assert response.status_code == 401
            (challenge,) = response.headers.get_list("www-authenticate")
            assert challenge.startswith('Digest realm="public", qop="auth", nonce="')
        assert error(response)["message"] == "401 Unauthorized"
        assert anonymous.get("/healthz").text == "ok\n"
    with service.client(httpx.DigestAuth(USER, PASSWORD)) as client:
        assert client.head("/v1/ping").status_code == client.get("/v1/ping").status_code == 200
    with service.client(httpx.DigestAuth(USER, "wrong")) as client:
        assert client.get("/v1/ping").status_code == 401
    with service.client(httpx.BasicAuth(USER, "wrong")) as client:
        assert evaluate(client, "1").status_code == 401


def test_a_digest_covers_the_query_string_and_serves_many_calls(service: Service) -> None:
    with service.client(httpx.DigestAuth(USER, PASSWORD)) as client:
        for number in range(5):
            response = client.post("/v1/eval", params={"database": "Documents"}, data={"xquery": str(number)})
            assert strings(response) == [str(number)]
            assert len(response.history) == (1 if number == 0 else 0)


def test_chunked_bodies_are_read(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"xquery="
        yield b"1,"
        yield b"2"

    assert strings(client.post("/v1/eval", content=chunks())) == ["1", "2"]


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(service: Service) -> None:
    head = b"POST /v1/eval HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n" + BASIC
    answer = raw(service, head + b"Content-Length: 8\r\n\r\nxquery=1")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert b"keep-alive" not in answer.lower()


def test_the_connection_is_usable_after_a_401(service: Service) -> None:
    first = b"POST /v1/eval HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nxquery=1"
    second = (
        b"POST /v1/eval HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + BASIC + b"Content-Length: 8\r\n\r\nxquery=2"
    )
    answer = raw(service, first + second)
    assert (answer.count(b"HTTP/1.1 401 "), answer.count(b"HTTP/1.1 200 ")) == (1, 1)


def test_megabytes_pass_and_a_body_over_the_limit_is_refused(client: httpx.Client) -> None:
    value = "x;&+" * 1_000_000
    query = "declare variable $v external; fn:string-length($v)"
    assert strings(evaluate(client, query, vars=json.dumps({"v": value[:2_000_000]}))) == ["2000000"]
    response = client.post("/v1/eval", content=b"xquery=1&x=" + b"y" * (9 * 1024 * 1024))
    assert error(response)["statusCode"] == 413
    assert strings(evaluate(client, "1")) == ["1"]


def test_headers_of_the_query_are_sent(client: httpx.Client) -> None:
    response = evaluate(client, 'xdmp:add-response-header("X-Mine", "yes"), 1')
    assert response.headers["x-mine"] == "yes"


def test_statements_see_the_documents_of_those_before_them(client: httpx.Client) -> None:
    query = 'xdmp:document-insert("/t/a.xml", <a>1</a>); fn:string(fn:doc("/t/a.xml"))'
    assert strings(evaluate(client, query)) == ["1"]
    response = evaluate(client, 'fn:doc("/t/a.xml")')
    assert b"\r\nX-URI: /t/a.xml\r\n" in response.content
    assert parts(response)[0][1] == "document-node()"


def test_many_clients_are_answered_each_with_its_own(service: Service) -> None:
    def ask(number: int) -> list[str]:
        return strings(service.query(f"fn:sum(1 to {number})"))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(1, 41)))
    assert answers == [[str(n * (n + 1) // 2)] for n in range(1, 41)]
