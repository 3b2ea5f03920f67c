"""Building trees: from XML text with expat, and piece by piece with `NodeBuilder`.

- `parse_xml(source, base_uri=None, uri=None) -> DocumentNode`: a well-formed document with namespaces.
- `parse_fragment(source, base_uri=None) -> DocumentNode`: fn:parse-xml-fragment, an external general parsed entity.
- `NodeBuilder`: start(), attribute(), text(), end() … for functions that make trees.

Namespaces are resolved here, not by expat, since prefixes must be kept. External entities are refused, and internal
ones that are large or grow by nesting; an external DTD subset is not read. Attribute defaults and ID types of the
internal subset count. Errors are FODC0006 with line and column (F&O 3.1, section 14.9).
"""

from __future__ import annotations

import gc
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from xml.parsers import expat

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.nodes import (
    NO_NAMESPACES,
    NO_NODES,
    XML_NAMESPACE,
    AttributeNode,
    CommentNode,
    DocumentNode,
    ElementNode,
    ProcessingInstructionNode,
    TextNode,
    clark,
)

_XMLNS: Final = "http://www.w3.org/2000/xmlns/"

#: The most characters that one internal entity may stand for, with the entities inside it. (expat itself refuses a
#: document that grows to more than a hundred times its size, beyond eight megabytes.)
_ENTITY_LENGTH: Final = 8192

_ENTITY_REFERENCE: Final = re.compile(r"[&%]([^#;&%\s][^;&%\s]*);")
_TEXT_DECLARATION: Final = re.compile(
    r"<\?xml(?:\s+version\s*=\s*(?:'1\.[0-9]+'|\"1\.[0-9]+\"))?\s+encoding\s*=\s*(?:'[\w.\-]+'|\"[\w.\-]+\")\s*\?>"
)
#: Wraps a fragment, so that expat takes text and several elements at the top.
_WRAPPER: Final = "fragment"


def _refuse(parser: Any, title: str, shift: int = 0) -> NoReturn:
    line, column = parser.CurrentLineNumber, parser.CurrentColumnNumber + 1
    raise _error(title, line, column - shift if line == 1 else column)


def _error(title: str, line: int, column: int) -> XQueryError:
    return XQueryError("FODC0006", f"Not a well-formed document: {title}, line {line}, column {max(column, 1)}")


class _Builder:
    """The handlers of one parse."""

    def __init__(self, document: DocumentNode, fragment: bool) -> None:
        self.document = document
        self.fragment = fragment
        self.shift = len(_WRAPPER) + 2 if fragment else 0
        parser = self.parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = 65536
        parser.ordered_attributes = True
        self._install()
        self._install_dtd()

    def _install(self) -> None:
        """Set the handlers of content: closures over local names, the quickest CPython has to offer."""
        parser, tree = self.parser, self.document.tree
        new_element, new_text, new_attribute = ElementNode.__new__, TextNode.__new__, AttributeNode.__new__
        refuse, shift, fragment = _refuse, self.shift, self.fragment
        scope: dict[str, str] = {"": "", "xml": XML_NAMESPACE}
        element_names: dict[str, tuple[str, str]] = {}
        attribute_names: dict[str, tuple[str, str] | None] = {}
        outer: list[Any] = []  # what to return to when an element with declarations ends
        current: Any = self.document
        children: list[Any] = self.document.children
        depth = 0

        def expand(tag: str, attribute: bool) -> tuple[str, str]:
            prefix, colon, local = tag.partition(":")
            if not colon:
                return clark("" if attribute else scope[""], tag), ""
            uri = scope.get(prefix)
            if not uri or not local or ":" in local:
                refuse(parser, f"the prefix of '{tag}' is not bound" if local else f"bad name '{tag}'", shift)
            return clark(uri, local), prefix

        def declare(attributes: list[str]) -> dict[str, str]:
            """Open a new scope for an element with namespace declarations."""
            nonlocal scope, element_names, attribute_names
            declared: dict[str, str] = {}
            for at in range(0, len(attributes), 2):
                tag, uri = attributes[at], attributes[at + 1]
                if tag == "xmlns":
                    prefix = ""
                elif tag.startswith("xmlns:"):
                    prefix = tag[6:]
                else:
                    continue
                if prefix == "xml" and uri == XML_NAMESPACE:
                    continue
                if prefix in ("xml", "xmlns") or uri in (XML_NAMESPACE, _XMLNS) or (prefix and not uri):
                    refuse(parser, f"'{tag}' must not be bound to '{uri}'", shift)
                declared[prefix] = uri
            scope = {**scope, **declared}
            element_names, attribute_names = {}, {}
            return declared

        def start(tag: str, attributes: list[str]) -> None:
            nonlocal current, children, depth
            node: Any = new_element(ElementNode)
            saved = None
            if attributes:
                for at in range(0, len(attributes), 2):
                    if attributes[at].startswith("xmlns") and attributes[at][5:6] in ("", ":"):
                        saved = (scope, element_names, attribute_names)
                        node.namespaces = declare(attributes)
                        break
                else:
                    node.namespaces = NO_NAMESPACES
                made: list[Any] = []
                for at in range(0, len(attributes), 2):
                    key = attributes[at]
                    try:
                        known = attribute_names[key]
                    except KeyError:
                        is_declaration = key == "xmlns" or key.startswith("xmlns:")
                        known = attribute_names[key] = None if is_declaration else expand(key, True)
                    if known is None:
                        continue
                    one: Any = new_attribute(AttributeNode)
                    one.name, one.prefix = known
                    one.value = attributes[at + 1]
                    one.parent = node
                    made.append(one)
                if len(made) > 1 and len({one.name for one in made}) < len(made):
                    refuse(parser, f"duplicate attribute of '{tag}'", shift)
                node.attributes = made or NO_NODES
            else:
                node.namespaces = NO_NAMESPACES
                node.attributes = NO_NODES
            try:
                node.name, node.prefix = element_names[tag]
            except KeyError:
                node.name, node.prefix = element_names[tag] = expand(tag, False)
            node.parent = current
            node.value = None
            node.tree = tree
            node.origin = None
            node._namespace_nodes = None
            children.append(node)
            children = node.children = []
            current = node
            depth += 1
            outer.append(saved)

        def end(tag: str) -> None:
            nonlocal current, children, depth, scope, element_names, attribute_names
            depth -= 1
            if (saved := outer.pop()) is not None:
                scope, element_names, attribute_names = saved
            current = current.parent
            children = current.children

        def characters(data: str) -> None:
            if children and children[-1].__class__ is TextNode:
                children[-1].value += data
                return
            node: Any = new_text(TextNode)
            node.name = None
            node.value = data
            node.parent = current
            children.append(node)

        def comment(data: str) -> None:
            children.append(CommentNode(data, current))

        def instruction(target: str, data: str) -> None:
            if ":" in target:
                refuse(parser, f"'{target}' has a colon", shift)
            children.append(ProcessingInstructionNode(target, data, current))

        def wrapper_start(tag: str, attributes: list[str]) -> None:
            parser.StartElementHandler = start
            parser.EndElementHandler = fragment_end

        def fragment_end(tag: str) -> None:
            if depth:
                end(tag)
            elif not self.finishing:
                refuse(parser, f"unexpected end tag '{tag}'", shift)

        self.finishing = False
        parser.StartElementHandler = wrapper_start if fragment else start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = characters
        parser.CommentHandler = comment
        parser.ProcessingInstructionHandler = instruction

        def doctype_start(*_: Any) -> None:
            parser.CommentHandler = parser.ProcessingInstructionHandler = None

        def doctype_end() -> None:
            parser.CommentHandler = comment
            parser.ProcessingInstructionHandler = instruction

        parser.StartDoctypeDeclHandler = doctype_start
        parser.EndDoctypeDeclHandler = doctype_end

    def _install_dtd(self) -> None:
        parser, tree = self.parser, self.document.tree
        lengths: dict[str, int] = {}

        def attribute_list(element: str, attribute: str, type: str, default: str | None, required: bool) -> None:
            if type in ("ID", "IDREF", "IDREFS"):
                tree.id_types.setdefault((element, attribute), type)

        def entity(
            name: str,
            parameter: bool,
            value: str | None,
            base: str | None,
            system: str | None,
            public: str | None,
            notation: str | None,
        ) -> None:
            if notation is not None:
                tree.unparsed[name] = (system, public)
            elif value is not None:
                length = len(value) + sum(lengths.get(found, 0) for found in _ENTITY_REFERENCE.findall(value))
                if length > _ENTITY_LENGTH:
                    _refuse(parser, f"the entity '{name}' is too large")
                lengths.setdefault(name, length)

        def external(context: str, base: str | None, system: str | None, public: str | None) -> int:
            _refuse(parser, "external entities are not read")

        def skipped(name: str, parameter: bool) -> None:
            if not parameter:
                _refuse(parser, f"the entity '{name}' is not declared")

        parser.AttlistDeclHandler = attribute_list
        parser.EntityDeclHandler = entity
        parser.ExternalEntityRefHandler = external
        parser.SkippedEntityHandler = skipped

    def parse(self, source: str | bytes) -> None:
        """Run expat over the source, without collecting garbage meanwhile: everything made is kept."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            if self.fragment:
                self.parser.Parse(f"<{_WRAPPER}>", False)
                self.parser.Parse(source, False)
                self.finishing = True
                self.parser.Parse(f"</{_WRAPPER}>", True)
            else:
                self.parser.Parse(source, True)
        except expat.ExpatError as error:
            column = error.offset + 1
            reason = expat.ErrorString(error.code)
            raise _error(reason, error.lineno, column - self.shift if error.lineno == 1 else column) from None
        except (UnicodeError, LookupError, ValueError) as error:
            raise _error(str(error), 1, 1) from None
        finally:
            # The handlers close over the tree: without this a parser and its tree would be garbage only together.
            self.parser = None  # type: ignore[assignment]
            if collecting:
                gc.enable()


def parse_xml(source: str | bytes, base_uri: str | None = None, uri: str | None = None) -> DocumentNode:
    """The document node of an XML document. `uri` is its document URI; the base URI is `base_uri`, else `uri`."""
    document = DocumentNode(uri, base_uri)
    if isinstance(source, str):
        source = source.lstrip("\ufeff")
    _Builder(document, fragment=False).parse(source)
    return document


def parse_fragment(source: str, base_uri: str | None = None) -> DocumentNode:
    """The document node of a well-formed external parsed entity: any number of elements, and text between them."""
    source = source.removeprefix("\ufeff")
    if source.startswith("<?xml") and source[5:6].isspace():
        found = _TEXT_DECLARATION.match(source)
        if found is None:
            raise _error("bad text declaration", 1, 1)
        source = source[found.end() :]
    document = DocumentNode(None, base_uri)
    _Builder(document, fragment=True).parse(source)
    return document


class NodeBuilder:
    """Builds one tree from the top: a document, or an element when `document` is False.

    builder = NodeBuilder(document=False)
    builder.start("fn:match", FN_URI); builder.text("a"); builder.end()
    element = builder.result()
    """

    def __init__(self, *, document: bool = True, base_uri: str | None = None, uri: str | None = None) -> None:
        self.base_uri = base_uri
        self.top: Any = DocumentNode(uri, base_uri) if document else None
        self.current: Any = self.top

    def start(self, name: str, uri: str = "", namespaces: Mapping[str, str] = NO_NAMESPACES) -> None:
        """Open an element; `name` is lexical (`p:local`), `namespaces` are declared on it beside its own prefix."""
        prefix, _, local = name.rpartition(":")
        own = dict(namespaces)
        if uri and uri != XML_NAMESPACE:
            own[prefix] = uri
        node = ElementNode(clark(uri, local), prefix, self.current, own or NO_NAMESPACES)
        if self.current is None:
            node.origin = self.base_uri
            self.top = node
        else:
            self.current.children.append(node)
        self.current = node

    def attribute(self, name: str, value: str, uri: str = "") -> None:
        """Add an attribute to the open element; a prefixed one with a namespace declares its prefix."""
        prefix, _, local = name.rpartition(":")
        node = self.current
        if node.attributes is NO_NODES:
            node.attributes = []
        node.attributes.append(AttributeNode(clark(uri, local), value, prefix, node))
        if uri and uri != XML_NAMESPACE:
            node.namespaces = {**node.namespaces, prefix: uri}

    def text(self, value: str) -> None:
        """Add text; it joins text before it, and nothing is added for an empty string."""
        if not value:
            return
        children = self.current.children
        if children and type(children[-1]) is TextNode:
            children[-1].value += value
        else:
            children.append(TextNode(value, self.current))

    def element(self, name: str, value: str = "", uri: str = "", namespaces: Mapping[str, str] = NO_NAMESPACES) -> None:
        """Add a whole element that holds only text."""
        self.start(name, uri, namespaces)
        self.text(value)
        self.end()

    def end(self) -> None:
        """Close the open element."""
        self.current = self.current.parent if self.current is not self.top else None

    def result(self) -> Any:
        """The document or element that was built."""
        return self.top
