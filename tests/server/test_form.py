"""What the service reads from a request's body: fields as clients really send them, and variables of both encodings."""

from __future__ import annotations

import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import RequestError
from server.form import TypedField, external_variables, parse_form, typed_fields
from server.routes.eval import read_job

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(TEXT, TEXT, max_size=5), st.sampled_from([quote, quote_plus]))
def test_percent_encoded_fields_come_back_whole(fields: dict[str, str], encode: object) -> None:
    def encoded(text: str) -> str:
        return encode(text, safe="")  # type: ignore[no-any-return, operator]

    body = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in fields.items())
    assert parse_form(body.encode()) == fields


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ('xquery=xquery version "1.0-ml"; 1+1', 'xquery version "1.0-ml"; 1 1'),
        ("xquery=let $x := {a = b}\nreturn $x;1", "let $x := {a = b}\nreturn $x;1"),
        ("xquery=1%2b1&vars=", "1+1"),
        ("xquery=100%", "100%"),
        ("xquery='%C3%BC ü'", "'ü ü'"),
    ],
)
def test_unencoded_queries_are_read_as_they_stand(body: str, query: str) -> None:
    assert parse_form(body.encode())["xquery"] == query


def test_several_megabytes_are_read_in_a_moment() -> None:
    value = "a+b;c=%26" * 500_000
    started = time.perf_counter()
    assert parse_form(f"xquery={value}".encode())["xquery"] == "a b;c=&" * 500_000
    assert time.perf_counter() - started < 60


def test_a_parameter_given_twice_is_refused_and_an_unknown_one_is_not() -> None:
    with pytest.raises(RequestError, match="xquery is given twice"):
        parse_form(b"xquery=1&xquery=2")
    assert parse_form(b"trans=1&trans=2&xquery=1")["xquery"] == "1"


def test_a_field_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(RequestError) as caught:
        parse_form(b"xquery=%FF")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "query_string", "status", "code"),
    [
        (b"", b"", 400, "REST-REQUIREDPARAM"),
        (b"", b"xquery=1", 400, "REST-REQUIREDPARAM"),
        (b"vars={}", b"", 400, "REST-REQUIREDPARAM"),
        (b"xquery=1&javascript=1", b"", 400, "REST-INVALIDPARAM"),
        (b"javascript=1", b"", 400, "REST-UNSUPPORTEDPARAM"),
        (b"xquery=1", b"database=elsewhere", 404, "XDMP-NOSUCHDB"),
        (b"xquery=1&database=elsewhere", b"", 404, "XDMP-NOSUCHDB"),
        (b"xquery=1", b"txid=123", 400, "XDMP-NOTXN"),
        (b"xquery=1&txid=123", b"", 400, "XDMP-NOTXN"),
    ],
)
def test_a_request_that_cannot_be_served_says_why(body: bytes, query_string: bytes, status: int, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_job(body, query_string)
    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize("database", [b"", b"Documents", b"5212718423118436341"])
def test_the_database_is_known_by_name_by_number_and_as_the_default(database: bytes) -> None:
    assert read_job(b"xquery=1", b"database=" + database).source == "1"


def test_variables_are_named_by_local_or_clark_name_and_keep_their_json_values() -> None:
    text = json.dumps({"a": "x", "{http://n}b": 1.5, "Q{http://n}c": None, "d": {"k": [True, 2]}})
    found = {(each.uri, each.local): (each.value, each.type) for each in external_variables(text, [])}
    assert found == {
        ("", "a"): ("x", ""),
        ("http://n", "b"): (1.5, ""),
        ("http://n", "c"): (None, ""),
        ("", "d"): ({"k": [True, 2]}, ""),
    }


def test_the_java_clients_fields_give_typed_variables() -> None:
    body = b"xquery=1&evn0=http://n&evl0=a&evv0=%3Ca/%3E&evt0=document-node()&evn1=&evl1=b&evv1=null&evt1=null-node()"
    typed = typed_fields(parse_form(body))
    assert typed == [TypedField("http://n", "a", "<a/>", "document-node()"), TypedField("", "b", "null", "null-node()")]
    assert [(each.uri, each.local, each.value, each.type) for each in external_variables("", typed)] == [*typed]


def test_a_variable_without_a_name_is_refused() -> None:
    with pytest.raises(RequestError, match="evl1 is missing"):
        typed_fields(parse_form(b"evl0=a&evv0=1&evv1=2"))


@pytest.mark.parametrize(
    "text",
    ["{", "[1]", "1", '"a"', '{"a": NaN}', "{'a': 1}", '{"": 1}', '{"{uri}": 1}', "[" * 100_000, '{"a": "\\ud800"}'],
)
def test_malformed_variables_are_refused_with_400(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        external_variables(text, [])
    assert (caught.value.status, caught.value.code) == (400, "REST-INVALIDPARAM")


def test_no_variables_and_an_escaped_pair_of_surrogates_are_fine() -> None:
    assert external_variables("", []) == external_variables(" {} ", []) == []
    assert external_variables('{"a": "\\ud83d\\ude00"}', [])[0].value == "\U0001f600"
