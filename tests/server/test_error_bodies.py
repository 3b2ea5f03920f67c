"""Errors in their documented form, as JSON and as XML."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from starlette.datastructures import Headers

from server.errors import RequestError, query_error_response, request_error_response, wants_xml
from xquery_bridge.errors import ErrorName, Frame, XQueryError

NS = {"e": "http://marklogic.com/xdmp/error"}
DIVISION = XQueryError("FOAR0001", frames=[Frame("", 2, 5, "local:f#0"), Frame("/lib.xqy", 9, 1)])


def test_a_dynamic_error_as_json_has_its_codes_message_and_places() -> None:
    response = query_error_response(DIVISION, as_xml=False)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert json.loads(response.body) == {
        "errorResponse": {
            "statusCode": 500,
            "status": "Internal Server Error",
            "messageCode": "XDMP-DIVBYZERO",
            "message": "XDMP-DIVBYZERO: (err:FOAR0001) Division by zero",
            "messageDetail": {"messageTitle": "Division by zero"},
            "stackTrace": "in /eval, at 2:5, in local:f#0 [1.0-ml]\nin /lib.xqy, at 9:1 [1.0-ml]",
        }
    }


def test_a_static_errors_title_names_line_column_and_module() -> None:
    error = XQueryError("XPST0003", "expected an expression", frames=[Frame("", 1, 4)])
    found = json.loads(query_error_response(error, as_xml=False).body)["errorResponse"]
    assert found["messageDetail"] == {"messageTitle": "expected an expression (line 1, column 4 of /eval)"}
    assert found["message"] == "XDMP-UNEXPECTED: (err:XPST0003) expected an expression"


def test_an_error_as_xml_has_the_same_facts() -> None:
    response = query_error_response(DIVISION, as_xml=True)
    assert response.headers["content-type"] == "application/xml; charset=utf-8"
    root = ElementTree.fromstring(response.body)
    assert root.tag == "{http://marklogic.com/xdmp/error}error-response"
    assert root.findtext("e:status-code", namespaces=NS) == "500"
    assert root.findtext("e:status", namespaces=NS) == "Internal Server Error"
    assert root.findtext("e:message-code", namespaces=NS) == "XDMP-DIVBYZERO"
    assert root.findtext("e:message", namespaces=NS) == DIVISION.format_string
    assert root.findtext("e:message-detail/e:message-title", namespaces=NS) == "Division by zero"


@pytest.mark.parametrize("as_xml", [False, True])
def test_any_character_may_stand_in_a_message(as_xml: bool) -> None:
    response = query_error_response(XQueryError("FOER0000", '<&"\x00\ud800]]>ü'), as_xml)
    body = bytes(response.body)
    if as_xml:
        ElementTree.fromstring(body)
    else:
        assert "ü" in json.loads(body)["errorResponse"]["message"]


def test_an_error_of_the_querys_own_keeps_its_name() -> None:
    error = XQueryError(ErrorName("http://n", "mine", "my"), "Boom", marklogic_code="MY-CODE")
    found = json.loads(query_error_response(error, as_xml=False).body)["errorResponse"]
    assert (found["messageCode"], found["message"]) == ("MY-CODE", "MY-CODE: (my:mine) Boom")


def test_a_fault_of_the_request_has_its_status_and_headers() -> None:
    response = request_error_response(RequestError(405, "REST-UNSUPPORTEDMETHOD", "No.", {"Allow": "POST"}), False)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert json.loads(response.body)["errorResponse"]["status"] == "Method Not Allowed"


@pytest.mark.parametrize(
    ("headers", "xml"),
    [
        ({}, False),
        ({"accept": "multipart/mixed"}, False),
        ({"accept": "application/xml"}, True),
        ({"accept": "application/xml, */*"}, False),
        ({"accept": "application/xml", "x-error-accept": "application/json"}, False),
        ({"x-error-accept": "application/xml"}, True),
        ({"X-Error-Accept": "Application/XML"}, True),
    ],
)
def test_the_form_of_errors_is_the_one_asked_for(headers: dict[str, str], xml: bool) -> None:
    assert wants_xml(Headers(headers)) is xml
