"""The body of a request to evaluate a query, and the variables in it (rest-eval.md, sections 2 and 3).

The parser is our own because clients send queries unencoded: it splits on `&` alone, never on `;`, and lets blanks,
quotes, `=`, braces and line ends stand in values.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from server.errors import RequestError
from xquery_bridge.external import ExternalVariable


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of an application/x-www-form-urlencoded body or query string, blank values kept.

    Raises RequestError (400) for a field that is not UTF-8 text and for one of ours that stands twice.
    """
    fields: dict[str, str] = {}
    for pair in body.split(b"&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name = _decode(raw_name, "The name of a field")
        if name in fields and _OURS.fullmatch(name):
            raise RequestError(400, "REST-INVALIDPARAM", f"The parameter {name} is given twice.")
        fields[name] = _decode(raw_value, f"The parameter {name}")
    return fields


#: The parameters that mean something; others pass, however often.
_OURS = re.compile(r"xquery|javascript|vars|database|txid|ev[nlvt]\d+")


def _decode(raw: bytes, what: str) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(400, "REST-INVALIDPARAM", f"{what} is not UTF-8 text: {error.reason}.") from None


class TypedField(NamedTuple):
    """A variable as the Java client sends it: the fields evnI, evlI, evvI and evtI."""

    uri: str
    local: str
    value: str
    type: str


def typed_fields(fields: dict[str, str]) -> list[TypedField]:
    """The variables in the fields evn0, evl0, evv0, evt0, evn1, … of a request.

    Raises RequestError (400) for one without a name.
    """
    found = []
    index = 0
    while any(f"{kind}{index}" in fields for kind in ("evl", "evv", "evn", "evt")):
        local = fields.get(f"evl{index}", "")
        if not local:
            raise RequestError(
                400, "REST-INVALIDPARAM", f"The variable number {index} has no name: evl{index} is missing."
            )
        uri, value, type_name = (fields.get(f"{kind}{index}", "") for kind in ("evn", "evv", "evt"))
        found.append(TypedField(uri, local, value, type_name))
        index += 1
    return found


def external_variables(vars_text: str, typed: list[TypedField]) -> list[ExternalVariable]:
    """The external variables a request brings, of both encodings.

    Raises RequestError (400) when `vars` is malformed.
    """
    variables: dict[tuple[str, str], ExternalVariable] = {}
    if vars_text.strip():
        for key, value in _json_object(vars_text).items():
            uri, local = _clark_name(key)
            variables[uri, local] = ExternalVariable(uri, local, value)  # type: ignore[arg-type]
    for field in typed:
        variables[field.uri, field.local] = ExternalVariable(*field)
    return list(variables.values())


def _json_object(text: str) -> dict[str, object]:
    if _nests_deeper(text, _DEEPEST):
        # the decoder works on the stack, and where the recursion limit was raised it would end the process
        raise RequestError(400, "REST-INVALIDPARAM", "The parameter vars is not JSON: it is nested too deeply.")
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
        if _SURROGATE.search(text):  # two of them may be one character, so the values decide
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RequestError(400, "REST-INVALIDPARAM", f"The parameter vars is not JSON: {reason}.") from None
    if not isinstance(found, dict):
        raise RequestError(400, "REST-INVALIDPARAM", 'The parameter vars must be a JSON object: {"name": value, …}.')
    return found


#: How deep arrays and objects in `vars` may lie in each other.
_DEEPEST = 500
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def _nests_deeper(text: str, limit: int) -> bool:
    """Whether brackets outside of strings lie in each other more than `limit` deep."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth > limit:
                return True
        elif found[0] in "]}":
            depth -= 1
    return False


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


_CLARK = re.compile(r"Q?\{([^{}]*)\}(.*)\Z", re.DOTALL)


def _clark_name(key: str) -> tuple[str, str]:
    match = _CLARK.match(key)
    uri, local = match.groups() if match else ("", key)
    if not local:
        raise RequestError(400, "REST-INVALIDPARAM", f'The name of a variable in vars is empty: "{key}".')
    return uri, local
