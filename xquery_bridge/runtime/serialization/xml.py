"""The xml method, and plain markup (XSLT and XQuery Serialization 3.1, section 5).

`markup(node)` is the short way: a node as XML, nothing but escaping and the namespaces it needs. Both writers work in
loops, for trees of any depth.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.nodes import (
    ISOLATED,
    XML_NAMESPACE,
    ElementNode,
    TextNode,
    clark,
    in_scope_namespaces,
)
from xquery_bridge.runtime.serialization.parameters import Parameters

XHTML: Final = "http://www.w3.org/1999/xhtml"

_TEXT_SPECIAL: Final = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028]")
_ATTRIBUTE_SPECIAL: Final = re.compile('[&<>"\t\n\r\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028]')
_NAMED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_XML_SPACE: Final = clark(XML_NAMESPACE, "space")


def _reference(found: re.Match[str]) -> str:
    char = found[0]
    named = _NAMED.get(char)
    if named is not None:
        return named
    if char < " " and char not in "\t\n\r":
        raise XQueryError("SERE0006", f"The character U+{ord(char):04X} has no place in XML 1.0")
    return f"&#x{ord(char):X};"


def escape_text(value: str) -> str:
    """Character data with what XML reserves, and what a parser would normalize, as references."""
    return _TEXT_SPECIAL.sub(_reference, value) if _TEXT_SPECIAL.search(value) else value


def escape_attribute(value: str) -> str:
    """The same for an attribute value between double quotes."""
    return _ATTRIBUTE_SPECIAL.sub(_reference, value) if _ATTRIBUTE_SPECIAL.search(value) else value


def declarations(
    node: ElementNode, scope: dict[str, str], top: bool, undeclare: bool = False
) -> tuple[str, dict[str, str]]:
    """The namespace declarations an element needs inside `scope`, and the scope inside it."""
    if top:
        own = in_scope_namespaces(node)
        del own["xml"]
    else:
        own = node.namespaces
    unnamed = not node.prefix and node.name[0] != "{"  # type: ignore[index]
    if not own and not (unnamed and scope.get("")):
        return "", scope
    inner = dict(scope)
    if ISOLATED in own:
        for prefix in scope:
            if prefix not in own and (prefix == "" or undeclare):
                inner[prefix] = ""
    for prefix, uri in own.items():
        if prefix not in (ISOLATED, "xml"):
            inner[prefix] = uri
    if unnamed:
        inner[""] = ""
    parts: list[str] = []
    for prefix, uri in inner.items():
        if scope.get(prefix, "") == uri:
            continue
        if prefix == "":
            parts.append(f' xmlns="{escape_attribute(uri)}"')
        elif uri or undeclare:
            parts.append(f' xmlns:{prefix}="{escape_attribute(uri)}"')
    return "".join(parts), inner


def markup(node: Any) -> str:
    """A node as XML: no declaration, no indentation."""
    out: list[str] = []
    write = out.append
    scopes: list[dict[str, str]] = [{}]
    stack: list[Any] = [node]
    pop, push = stack.pop, stack.append
    while stack:
        node = pop()
        cls = type(node)
        if cls is TextNode:
            value = node.value
            write(_TEXT_SPECIAL.sub(_reference, value) if _TEXT_SPECIAL.search(value) else value)
        elif cls is str:
            write(node)
            scopes.pop()
        elif cls is ElementNode:
            tag = node.lexical_name if node.prefix or node.name[0] == "{" else node.name
            write(f"<{tag}")
            scope = scopes[-1]
            if len(scopes) == 1 or node.namespaces or (not node.prefix and scope):
                text, scope = declarations(node, scope, len(scopes) == 1)
                if text:
                    write(text)
            for one in node.attributes:
                value = one.value
                if _ATTRIBUTE_SPECIAL.search(value):
                    value = _ATTRIBUTE_SPECIAL.sub(_reference, value)
                write(f' {one.lexical_name}="{value}"')
            children = node.children
            if children:
                write(">")
                if len(children) == 1 and type(children[0]) is TextNode:
                    value = children[0].value
                    write(_TEXT_SPECIAL.sub(_reference, value) if _TEXT_SPECIAL.search(value) else value)
                    write(f"</{tag}>")
                else:
                    scopes.append(scope)
                    push(f"</{tag}>")
                    stack.extend(children[::-1])
            else:
                write("/>")
        elif cls.kind == "document":
            stack.extend(node.children[::-1])
        else:
            write(leaf_markup(node))
    return "".join(out)


def leaf_markup(node: Any) -> str:
    """A comment, processing instruction or JSON node as markup."""
    kind = node.kind
    if kind == "comment":
        return f"<!--{node.value}-->"
    if kind == "processing-instruction":
        return f"<?{node.target} {node.value}?>" if node.value else f"<?{node.target}?>"
    from xquery_bridge.runtime.serialization.json import json_node_text  # only trees with JSON nodes need it

    return escape_text(json_node_text(node))


class MarkupWriter:
    """Writes nodes by all parameters of the xml method; `html.HtmlWriter` and `xhtml.XhtmlWriter` refine it."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.out: list[str] = []
        self.scopes: list[dict[str, str]] = [{}]
        self.encode = encoder(parameters)
        self.undeclare = parameters.undeclare_prefixes and parameters.version == "1.1"

    # ---- what the methods refine

    def text(self, value: str, parent: Any) -> str:
        """Escaped character data."""
        parameters = self.parameters
        if parent is not None and parent.name in parameters.cdata_section_elements:
            return self.cdata(value)
        return self.characters(value, escape_text)

    def attribute(self, node: Any, one: Any) -> str:
        """One attribute with the blank before it."""
        return f' {one.lexical_name}="{self.characters(one.value, escape_attribute)}"'

    def empty(self, tag: str, node: Any) -> str:
        """What ends the start tag of an element without children."""
        return "/>"

    def tag_of(self, node: Any) -> str:
        return str(node.lexical_name)

    def declared(self, node: Any, scope: dict[str, str]) -> tuple[str, dict[str, str]]:
        return declarations(node, scope, len(self.scopes) == 1, self.undeclare)

    def instruction(self, node: Any) -> str:
        return leaf_markup(node)

    def after_start(self, node: Any) -> str:
        """What to write right after a start tag."""
        return ""

    def dropped(self, node: Any) -> bool:
        """Whether a child is left out."""
        return False

    def keeps_space(self, node: Any) -> bool:
        """Whether nothing may be indented inside an element."""
        return node.name in self.parameters.suppress_indentation

    def inline(self, node: Any) -> bool:
        """Whether white space beside the element would show."""
        return False

    # ---- the parts

    def characters(self, value: str, escape: Callable[[str], str]) -> str:
        """Apply normalization, character map, escaping and the encoding, in this order (section 4)."""
        parameters = self.parameters
        mapped = parameters.character_map
        if not mapped:
            if parameters.normalization_form:
                value = unicodedata.normalize(parameters.normalization_form, value)
            return self.encode(escape(value))
        parts: list[str] = []
        for piece in re.split(f"([{re.escape(''.join(mapped))}])", value):
            if piece in mapped:
                parts.append(mapped[piece])
            elif piece:
                if parameters.normalization_form:
                    piece = unicodedata.normalize(parameters.normalization_form, piece)
                parts.append(self.encode(escape(piece)))
        return "".join(parts)

    def cdata(self, value: str) -> str:
        """A CDATA section, cut at `]]>` and around what the encoding lacks."""
        parameters = self.parameters
        if parameters.normalization_form:
            value = unicodedata.normalize(parameters.normalization_form, value)
        pieces: list[str] = []
        run: list[str] = []
        for char in value:
            if self.encode(char) == char:
                run.append(char)
                continue
            if run:
                pieces.append("<![CDATA[" + "".join(run).replace("]]>", "]]]]><![CDATA[>") + "]]>")
                run = []
            pieces.append(self.encode(char))
        if run:
            pieces.append("<![CDATA[" + "".join(run).replace("]]>", "]]]]><![CDATA[>") + "]]>")
        return "".join(pieces)

    def start_tag(self, node: Any, tag: str) -> dict[str, str]:
        """Write the start tag but for its end; returns the scope inside."""
        text, scope = self.declared(node, self.scopes[-1])
        parts = [f"<{tag}", text]
        parts.extend([self.attribute(node, one) for one in node.attributes])
        self.out.extend(parts)
        return scope

    def write(self, nodes: Iterable[Any]) -> None:
        """Write nodes and all below them. The stack holds nodes, and strings to write when an element ends."""
        out = self.out
        indent = self.parameters.indent
        first = True
        for top in nodes:
            if indent and not first and top.kind != "text":
                out.append("\n")
            first = False
            stack: list[tuple[Any, int]] = [(top, 0 if indent else -1)]
            while stack:
                node, level = stack.pop()
                if type(node) is str:
                    out.append(node)
                    if level == -2:
                        self.scopes.pop()
                    continue
                kind = node.kind
                if kind == "text":
                    out.append(self.text(node.value, node.parent))
                elif kind == "element":
                    self._element(node, level, stack)
                elif kind == "document":
                    stack.extend([(child, level) for child in node.children[::-1]])
                elif kind == "processing-instruction":
                    out.append(self.instruction(node))
                else:
                    out.append(leaf_markup(node))

    def _element(self, node: Any, level: int, stack: list[tuple[Any, int]]) -> None:
        tag = self.tag_of(node)
        scope = self.start_tag(node, tag)
        children = [child for child in node.children if not self.dropped(child)]
        added = self.after_start(node)
        if not children and not added:
            self.out.append(self.empty(tag, node))
            return
        self.out.append(f">{added}")
        self.scopes.append(scope)
        if level >= 0 and self._indents(node, children):
            margin = "\n" + "   " * (level + 1)
            stack.append((f"\n{'   ' * level}</{tag}>", -2))
            for child in reversed(children):
                if child.kind == "text":
                    continue
                stack.append((child, level + 1))
                stack.append((margin, 0))
        else:
            stack.append((f"</{tag}>", -2))
            # Inside mixed content nothing is indented: white space there would be content.
            stack.extend([(child, -1) for child in reversed(children)])

    def _indents(self, node: Any, children: list[Any]) -> bool:
        if self.keeps_space(node):
            return False
        for one in node.attributes:
            if one.name is _XML_SPACE and one.value == "preserve":
                return False
        elements = 0
        for child in children:
            kind = child.kind
            if kind == "text":
                if child.value.strip(" \t\r\n"):
                    return False
            elif kind == "element":
                if self.inline(child):
                    return False
                elements += 1
            elif kind not in ("comment", "processing-instruction"):
                return False
        return elements > 0


def content_type(parameters: Parameters) -> str:
    """The value of the meta element that the html methods put into the head."""
    return f"{parameters.media_type or 'text/html'}; charset={parameters.encoding}"


def is_content_type(node: Any, uri: str) -> bool:
    """Whether a node is a meta element with http-equiv Content-Type inside a head."""
    if node.kind != "element" or node.local_name.lower() != "meta" or node.namespace_uri not in ("", uri):
        return False
    parent = node.parent
    if parent is None or parent.kind != "element" or parent.local_name.lower() != "head":
        return False
    return any(
        one.local_name.lower() == "http-equiv" and one.value.strip().lower() == "content-type"
        for one in node.attributes
    )


def encoder(parameters: Parameters) -> Callable[[str], str]:
    """What turns characters that the encoding lacks into references."""
    encoding = parameters.encoding
    if encoding.upper().replace("_", "-").startswith(("UTF-8", "UTF8", "UTF-16", "UTF-32")):
        return lambda text: text

    def encode(text: str) -> str:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return text.encode(encoding, "xmlcharrefreplace").decode(encoding)
        return text

    return encode


def declaration(parameters: Parameters) -> str:
    """`<?xml …?>`, or "" when it is left out (section 5.1.6). Raises SEPM0009."""
    version = parameters.version or "1.0"
    if parameters.omit_xml_declaration:
        if parameters.standalone is not None or (parameters.doctype_system is not None and version != "1.0"):
            raise XQueryError("SEPM0009", "An XML declaration is needed for the parameters given, and left out")
        return ""
    alone = "" if parameters.standalone is None else f' standalone="{"yes" if parameters.standalone else "no"}"'
    return f'<?xml version="{version}" encoding="{parameters.encoding}"{alone}?>'


def doctype(parameters: Parameters, element: Any, name: str) -> str:
    """`<!DOCTYPE …>` for a root element with that tag, "" without a system identifier."""
    if parameters.doctype_system is None:
        return ""
    system = parameters.doctype_system
    quoted = f"'{system}'" if '"' in system else f'"{system}"'
    if parameters.doctype_public is None:
        return f"<!DOCTYPE {name} SYSTEM {quoted}>"
    return f'<!DOCTYPE {name} PUBLIC "{parameters.doctype_public}" {quoted}>'


def xml_text(nodes: list[Any], parameters: Parameters) -> str:
    """Normalized nodes by the xml method (section 5)."""
    version = parameters.version or "1.0"
    if version not in ("1.0", "1.1"):
        raise XQueryError("SESU0013", f"XML version {version!r} is not supported")
    if parameters.undeclare_prefixes and version == "1.0":
        raise XQueryError("SEPM0010", "Prefixes can be undeclared in XML 1.1 only")
    if parameters.plain and parameters.doctype_system is None:
        return prolog(nodes, parameters) + "".join([markup(node) for node in nodes])
    return with_prolog(nodes, parameters, MarkupWriter(parameters), doctype)


def prolog(nodes: list[Any], parameters: Parameters) -> str:
    """The XML declaration. Raises SEPM0004 for what the parameters allow only on a document with one element."""
    text = declaration(parameters)
    elements = [node for node in nodes if node.kind == "element"]
    texts = [node for node in nodes if node.kind == "text" and node.value.strip()]
    if (parameters.standalone is not None or parameters.doctype_system is not None) and (len(elements) != 1 or texts):
        raise XQueryError("SEPM0004", "A document type or standalone needs exactly one element at the top")
    return text


def with_prolog(
    nodes: list[Any], parameters: Parameters, writer: MarkupWriter, doctype: Callable[[Parameters, Any, str], str]
) -> str:
    """What a writer makes of nodes, after the XML declaration; `doctype` writes what goes before the first element."""
    head = prolog(nodes, parameters)
    first = next((node for node in nodes if node.kind == "element"), None)
    type_text = "" if first is None else doctype(parameters, first, writer.tag_of(first))
    if not type_text:
        writer.write(nodes)
    else:
        at = nodes.index(first)
        writer.write(nodes[:at])
        writer.out.append(type_text)
        writer.out.append("\n" if parameters.indent else "")
        writer.write(nodes[at:])
    if head and parameters.indent:
        head += "\n"
    return head + "".join(writer.out)
