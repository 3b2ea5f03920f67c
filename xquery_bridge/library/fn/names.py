"""Qualified names (F&O 3.1, chapter 10)."""

from __future__ import annotations

import re
from typing import Any, Final

from elementpath.datatypes import AnyURI, QName

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.casts import qname
from xquery_bridge.runtime.nodes import in_scope_namespaces

_START: Final = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NCNAME: Final = f"[{_START}][{_START}\\-.0-9\u00b7\u0300-\u036f\u203f-\u2040]*"
_LEXICAL: Final = re.compile(f"(?:({_NCNAME}):)?({_NCNAME})")


def is_ncname(text: str) -> bool:
    """Whether a string is an XML name without a colon."""
    found = _LEXICAL.fullmatch(text)
    return found is not None and found[1] is None


def _parts(text: str) -> tuple[str, str]:
    """Prefix and local part of a lexical QName. Raises FOCA0002."""
    found = _LEXICAL.fullmatch(text.strip(" \t\r\n"))
    if found is None:
        raise XQueryError("FOCA0002", f"{text!r} is not a lexical xs:QName")
    return found[1] or "", found[2]


@FN.row("resolve-QName($qname as xs:string?, $element as element()) as xs:QName?")
def resolve_qname(text: str | None, element: Any) -> QName | None:
    """The QName that a lexical one means on an element. Raises FOCA0002, FONS0004 for a prefix that is not bound."""
    if text is None:
        return None
    prefix, local = _parts(text)
    uri = in_scope_namespaces(element).get(prefix, "")
    if prefix and not uri:
        raise XQueryError("FONS0004", f"The prefix {prefix!r} is not bound on the element")
    return qname(uri or "", local, prefix)


@FN.row("QName($paramURI as xs:string?, $paramQName as xs:string) as xs:QName")
def make_qname(uri: str | None, text: str) -> QName:
    """The QName with this namespace URI and lexical form. Raises FOCA0002, also for a prefix without a URI."""
    prefix, local = _parts(text)
    if prefix and not uri:
        raise XQueryError("FOCA0002", f"The name {text!r} has a prefix and no namespace URI")
    return qname(uri or "", local, prefix)


@FN.row("namespace-uri-for-prefix($prefix as xs:string?, $element as element()) as xs:anyURI?")
def namespace_uri_for_prefix(prefix: str | None, element: Any) -> AnyURI | None:
    """The namespace URI a prefix ("" or nothing: the default namespace) is bound to on an element."""
    found = in_scope_namespaces(element).get(prefix or "")
    return AnyURI(found) if found else None


@FN.row("in-scope-prefixes($element as element()) as xs:string*")
def in_scope_prefixes(element: Any) -> list[str]:
    """The prefixes bound on an element, "" for the default namespace, `xml` included."""
    return list(in_scope_namespaces(element))
