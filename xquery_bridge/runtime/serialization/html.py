"""The html method (XSLT and XQuery Serialization 3.1, section 7)."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote as percent_encode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.nodes import name_parts
from xquery_bridge.runtime.serialization.parameters import Parameters
from xquery_bridge.runtime.serialization.xml import (
    XHTML,
    MarkupWriter,
    content_type,
    is_content_type,
)

_VOID: Final = frozenset("area base br col embed hr img input link meta basefont frame isindex param".split())
_VOID_5: Final = _VOID | frozenset("keygen source track wbr".split())
_RAW: Final = frozenset(("script", "style"))
_BLOCKING_SPACE: Final = frozenset(("pre", "script", "style", "textarea", "title", "xmp"))
_INLINE: Final = frozenset(
    "a abbr acronym applet area audio b basefont bdi bdo big br button canvas cite code data datalist del dfn em embed "
    "font i iframe img input ins kbd label map mark meter noscript object output picture progress q ruby s samp script "
    "select small span strike strong sub sup svg template textarea time tt u var video wbr".split()
)
_BOOLEAN: Final = frozenset(
    "async autofocus autoplay checked compact controls declare default defer disabled formnovalidate hidden ismap "
    "itemscope loop multiple muted nohref noresize noshade novalidate nowrap open readonly required reversed scoped "
    "seamless selected typemustmatch".split()
)
URI_ATTRIBUTES: Final = frozenset(
    "action archive background cite classid codebase data datetime formaction for href icon longdesc manifest name "
    "poster profile src usemap value".split()
) - frozenset(("datetime", "for", "name", "value", "icon"))
_FOREIGN: Final = frozenset(("http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML", XHTML))

_TEXT_SPECIAL: Final = re.compile("[&<>\xa0\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ATTRIBUTE_SPECIAL: Final = re.compile('&(?!\\{)|["\xa0\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]')
_NAMED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\xa0": "&nbsp;"}


def _reference(found: re.Match[str]) -> str:
    char = found[0]
    named = _NAMED.get(char)
    if named is not None:
        return named
    if "\x7f" <= char <= "\x9f":
        raise XQueryError("SERE0014", f"The character U+{ord(char):04X} is not allowed in HTML")
    raise XQueryError("SERE0006", f"The character U+{ord(char):04X} is not allowed in HTML")


def _escape_text(value: str) -> str:
    return _TEXT_SPECIAL.sub(_reference, value)


def _escape_attribute(value: str) -> str:
    return _ATTRIBUTE_SPECIAL.sub(_reference, value)


def _unescaped(value: str) -> str:
    return value


def escape_uri(value: str) -> str:
    """A URI attribute's value in NFC, everything beyond ASCII percent-encoded (section 7.3)."""
    return re.sub("[^\x20-\x7e]+", lambda found: percent_encode(found[0]), unicodedata.normalize("NFC", value))


class NamespaceFreeWriter(MarkupWriter, ABC):
    """What html and xhtml share: with version 5, elements of XHTML, SVG and MathML lose their prefixes."""

    def __init__(self, parameters: Parameters, version: Decimal) -> None:
        super().__init__(parameters)
        self.modern = version >= 5

    @abstractmethod
    def is_html(self, node: Any) -> bool:
        """Whether an element is one of HTML."""

    def html_name(self, node: Any) -> str:
        """The lower-case name of an HTML element, "" for other nodes."""
        if node is None or node.kind != "element" or not self.is_html(node):
            return ""
        return str(node.local_name.lower())

    def tag_of(self, node: Any) -> str:
        if self.modern and node.namespace_uri in _FOREIGN:
            return str(node.local_name)
        return super().tag_of(node)

    def declared(self, node: Any, scope: dict[str, str]) -> tuple[str, dict[str, str]]:
        if not self.modern or node.namespace_uri not in _FOREIGN:
            return super().declared(node, scope)
        # The default namespace is declared instead of a prefix that only named the element.
        text, inner = super().declared(node, {**scope, node.prefix: node.namespace_uri})
        uri = node.namespace_uri
        if scope.get("") != uri:
            text = re.sub(' xmlns="[^"]*"', "", text)
            text = f' xmlns="{uri}"{text}'
        inner = {**inner, "": uri}
        return text, inner

    def dropped(self, node: Any) -> bool:
        return self.parameters.include_content_type and is_content_type(node, XHTML)

    def keeps_space(self, node: Any) -> bool:
        name = self.html_name(node)
        if name and any(name == name_parts(key)[1].lower() for key in self.parameters.suppress_indentation):
            return True
        return name in _BLOCKING_SPACE or super().keeps_space(node)

    def inline(self, node: Any) -> bool:
        return self.html_name(node) in _INLINE


class HtmlWriter(NamespaceFreeWriter):
    """Writes HTML: elements in no namespace, and with version 5 those of XHTML, by the rules of HTML; others as XML."""

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters, html_version(parameters))
        self._raw: dict[int, bool] = {}

    def is_html(self, node: Any) -> bool:
        uri = node.namespace_uri
        return not uri or (self.modern and uri == XHTML)

    def is_raw(self, node: Any) -> bool:
        """Whether an element is or lies in a script or style, where nothing is escaped."""
        if node is None:
            return False
        found = self._raw.get(id(node))
        if found is None:
            # The parent was asked before: this does not recurse further than one level in a tree that is written.
            above = self._raw.get(id(node.parent), False)
            found = self._raw[id(node)] = above or self.html_name(node) in _RAW
        return found

    def text(self, value: str, parent: Any) -> str:
        if self.is_raw(parent):
            return self.characters(value, _unescaped)
        if (
            parent is not None
            and parent.kind == "element"
            and parent.name in self.parameters.cdata_section_elements
            and not self.html_name(parent)
        ):
            return self.cdata(value)
        return self.characters(value, _escape_text)

    def attribute(self, node: Any, one: Any) -> str:
        name, value = one.lexical_name, one.value
        if self.html_name(node):
            lower = name.lower()
            if lower in _BOOLEAN and value.lower() == lower:
                return f" {name}"
            if lower in URI_ATTRIBUTES and self.parameters.escape_uri_attributes:
                value = escape_uri(value)
        escape = _unescaped if self.is_raw(node.parent) else _escape_attribute
        return f' {name}="{self.characters(value, escape)}"'

    def empty(self, tag: str, node: Any) -> str:
        name = self.html_name(node)
        if name:
            return ">" if name in (_VOID_5 if self.modern else _VOID) else f"></{tag}>"
        return "/>"

    def instruction(self, node: Any) -> str:
        if ">" in node.value:
            raise XQueryError("SERE0015")
        return f"<?{node.target} {node.value}>" if node.value else f"<?{node.target}>"

    def after_start(self, node: Any) -> str:
        if self.html_name(node) != "head" or not self.parameters.include_content_type:
            return ""
        return f'<meta http-equiv="Content-Type" content="{content_type(self.parameters)}">'


def html_version(parameters: Parameters) -> Decimal:
    """The version of HTML: html-version, else version, else 5."""
    text = parameters.html_version or parameters.version or "5.0"
    try:
        return Decimal(text)
    except ArithmeticError:
        raise XQueryError("SESU0013", f"HTML version {text!r} is not supported") from None


def html_text(nodes: list[Any], parameters: Parameters) -> str:
    """Normalized nodes by the html method."""
    version = html_version(parameters)
    if version not in (Decimal("4.0"), Decimal("4.01"), Decimal("5.0")):
        raise XQueryError("SESU0013", f"HTML version {version} is not supported")
    writer = HtmlWriter(parameters)
    first = next((node for node in nodes if node.kind == "element"), None)
    for index, node in enumerate(nodes):
        if node is first:
            text = _doctype(parameters, node, version)
            if text:
                writer.out.append(text)
                writer.out.append("\n" if parameters.indent else "")
        if index and parameters.indent and node.kind != "text":
            writer.out.append("\n")
        writer.write([node])
    return "".join(writer.out)


def _doctype(parameters: Parameters, node: Any, version: Decimal) -> str:
    public, system = parameters.doctype_public, parameters.doctype_system
    name = node.local_name
    if public is None and system is None:
        uri = node.namespace_uri
        return f"<!DOCTYPE {name}>" if version >= 5 and name.lower() == "html" and uri in ("", XHTML) else ""
    name = name if name.lower() == "html" else "html"
    text = f"<!DOCTYPE {name}"
    if public is not None:
        text += f' PUBLIC "{public}"'
    if system is not None:
        quoted = f"'{system}'" if '"' in system else f'"{system}"'
        text += f" {quoted}" if public is not None else f" SYSTEM {quoted}"
    return text + ">"
