"""The xhtml method: XML that browsers read (XSLT and XQuery Serialization 3.1, section 6)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.serialization.html import (
    URI_ATTRIBUTES,
    NamespaceFreeWriter,
    escape_uri,
)
from xquery_bridge.runtime.serialization.parameters import Parameters
from xquery_bridge.runtime.serialization.xml import XHTML, content_type, doctype, escape_attribute, with_prolog

_VOID: Final = frozenset("area base basefont br col embed frame hr img input isindex link meta param".split())
_VOID_5: Final = frozenset("area base br col embed hr img input keygen link meta param source track wbr".split())


class XhtmlWriter(NamespaceFreeWriter):
    """Elements of XHTML, and with version 5 those in no namespace, are HTML; only void ones have no end tag."""

    def is_html(self, node: Any) -> bool:
        uri = node.namespace_uri
        return bool(uri == XHTML or (self.modern and not uri))

    def attribute(self, node: Any, one: Any) -> str:
        value = one.value
        if (
            self.parameters.escape_uri_attributes
            and self.html_name(node)
            and one.lexical_name.lower() in URI_ATTRIBUTES
        ):
            value = escape_uri(value)
        return f' {one.lexical_name}="{self.characters(value, escape_attribute)}"'

    def empty(self, tag: str, node: Any) -> str:
        return " />" if self.html_name(node) in (_VOID_5 if self.modern else _VOID) else f"></{tag}>"

    def after_start(self, node: Any) -> str:
        if self.html_name(node) != "head" or not self.parameters.include_content_type:
            return ""
        tag = f"{node.prefix}:meta" if node.prefix and not self.modern else "meta"
        return f'<{tag} http-equiv="Content-Type" content="{content_type(self.parameters)}" />'


def xhtml_text(nodes: list[Any], parameters: Parameters) -> str:
    """Normalized nodes by the xhtml method; the version of HTML is html-version, else 5."""
    try:
        version = Decimal(parameters.html_version or "5.0")
    except ArithmeticError:
        raise XQueryError("SESU0013", f"HTML version {parameters.html_version!r} is not supported") from None
    writer = XhtmlWriter(parameters, version)

    def typed(parameters: Parameters, element: Any, tag: str) -> str:
        if parameters.doctype_system is None and writer.modern and writer.html_name(element) == "html":
            return f"<!DOCTYPE {element.local_name}>"
        return doctype(parameters, element, tag)

    return with_prolog(nodes, parameters, writer, typed)
