"""Serialization parameters and where they come from (XSLT and XQuery Serialization 3.1, sections 3 and 3.1)."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Literal

from elementpath.datatypes import QName, UntypedAtomic

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.nodes import clark

OUTPUT: Final = "http://www.w3.org/2010/xslt-xquery-serialization"

METHODS: Final = frozenset(("xml", "xhtml", "html", "text", "json", "adaptive"))
_NORMALIZATION: Final[dict[str, Literal["NFC", "NFD", "NFKC", "NFKD", ""]]] = {
    "NFC": "NFC",
    "NFD": "NFD",
    "NFKC": "NFKC",
    "NFKD": "NFKD",
    "none": "",
}


@dataclass(slots=True, kw_only=True)
class Parameters:
    """The parameters of one serialization; names as in the specification, names of elements as Clark names."""

    method: str = "xml"
    version: str = ""
    html_version: str = ""
    encoding: str = "UTF-8"
    indent: bool = False
    omit_xml_declaration: bool = True
    standalone: bool | None = None
    doctype_public: str | None = None
    doctype_system: str | None = None
    cdata_section_elements: frozenset[str] = frozenset()
    suppress_indentation: frozenset[str] = frozenset()
    character_map: dict[str, str] = field(default_factory=dict)
    normalization_form: Literal["NFC", "NFD", "NFKC", "NFKD", ""] = ""
    item_separator: str | None = None
    undeclare_prefixes: bool = False
    escape_uri_attributes: bool = True
    include_content_type: bool = True
    media_type: str = ""
    byte_order_mark: bool = False
    allow_duplicate_names: bool = False
    json_node_output_method: str = "xml"

    @property
    def plain(self) -> bool:
        """Whether markup needs nothing but escaping, so that the short writer will do."""
        return (
            not self.indent
            and not self.character_map
            and not self.cdata_section_elements
            and not self.normalization_form
            and not self.undeclare_prefixes
            and self.encoding.upper() in ("UTF-8", "UTF-16")
        )


def _bad(name: str, value: object) -> XQueryError:
    return XQueryError("SEPM0016", f"{value!r} is no value for the serialization parameter {name}")


def _yes_no(name: str, text: str) -> bool:
    trimmed = text.strip()
    if trimmed in ("yes", "true", "1"):
        return True
    if trimmed in ("no", "false", "0"):
        return False
    raise _bad(name, text)


def _standalone(name: str, text: str) -> bool | None:
    return None if text.strip() == "omit" else _yes_no(name, text)


def _method(name: str, text: str) -> str:
    method = text.strip().removeprefix("Q{}")
    if method not in METHODS:
        raise _bad(name, text)
    return method


def _encoding(name: str, text: str) -> str:
    try:
        codecs.lookup(text.strip())
    except LookupError:
        raise XQueryError("SESU0007", f"The encoding {text!r} is not supported") from None
    return text.strip()


def _normalization(name: str, text: str) -> str:
    form = text.strip()
    if form == "fully-normalized":
        raise XQueryError("SESU0011", "The normalization form 'fully-normalized' is not supported")
    if form not in _NORMALIZATION:
        raise _bad(name, text)
    return _NORMALIZATION[form]


def _decimal(name: str, text: str) -> str:
    try:
        Decimal(text.strip())
    except ArithmeticError:
        raise _bad(name, text) from None
    return text.strip()


def _public(name: str, text: str) -> str:
    allowed = " \r\n-'()+,./:=?;!*#@$_%"
    if not all(char.isascii() and (char.isalnum() or char in allowed) for char in text):
        raise _bad(name, text)
    return text


def _system(name: str, text: str) -> str:
    if '"' in text and "'" in text:
        raise _bad(name, text)
    return text


def _text(name: str, text: str) -> str:
    return text


#: Parameter -> (field, how its text is read). Lists of names and character maps are read elsewhere.
_READERS: Final[dict[str, tuple[str, Callable[[str, str], Any]]]] = {
    "allow-duplicate-names": ("allow_duplicate_names", _yes_no),
    "byte-order-mark": ("byte_order_mark", _yes_no),
    "doctype-public": ("doctype_public", _public),
    "doctype-system": ("doctype_system", _system),
    "encoding": ("encoding", _encoding),
    "escape-uri-attributes": ("escape_uri_attributes", _yes_no),
    "html-version": ("html_version", _decimal),
    "include-content-type": ("include_content_type", _yes_no),
    "indent": ("indent", _yes_no),
    "item-separator": ("item_separator", _text),
    "json-node-output-method": ("json_node_output_method", _method),
    "media-type": ("media_type", _text),
    "method": ("method", _method),
    "normalization-form": ("normalization_form", _normalization),
    "omit-xml-declaration": ("omit_xml_declaration", _yes_no),
    "standalone": ("standalone", _standalone),
    "undeclare-prefixes": ("undeclare_prefixes", _yes_no),
    "version": ("version", _text),
}
_NAME_LISTS: Final = {
    "cdata-section-elements": "cdata_section_elements",
    "suppress-indentation": "suppress_indentation",
}
_BOOLEANS: Final = frozenset(
    name for name, (_, reader) in _READERS.items() if reader is _yes_no or reader is _standalone
)


def _names(name: str, text: str, namespaces: Mapping[str, str]) -> frozenset[str]:
    """A list of EQNames, unprefixed ones in the default element namespace."""
    found: set[str] = set()
    for word in text.split():
        if word.startswith("Q{"):
            uri, _, local = word[2:].partition("}")
        else:
            prefix, colon, local = word.rpartition(":")
            uri = namespaces.get(prefix, "")
            if colon and not uri:
                raise _bad(name, word)
        found.add(clark(uri, local))
    return frozenset(found)


def from_options(
    options: Mapping[str, str], namespaces: Mapping[str, str], base: Parameters | None = None
) -> Parameters:
    """Parameters from `declare option output:NAME "text"`, before those of `base`.

    `namespaces` has the default element namespace under "". A query that chooses `standalone` gets the XML declaration
    that holds it, unless it omits it in words. Raises XQST0109 for an unknown name, SEPM0016 for a value.
    """
    if "standalone" in options and "omit-xml-declaration" not in options:
        options = {**options, "omit-xml-declaration": "no"}
    changes: dict[str, Any] = {}
    for name, text in options.items():
        if name in _READERS:
            to, reader = _READERS[name]
            changes[to] = reader(name, text)
        elif name in _NAME_LISTS:
            changes[_NAME_LISTS[name]] = _names(name, text, namespaces)
        elif name != "parameter-document":
            raise XQueryError("XQST0109", f"{name!r} is not a serialization parameter")
    return replace(base or Parameters(), **changes)


def from_element(element: Any, base: Parameters | None = None) -> Parameters:
    """Parameters from an element output:serialization-parameters (Serialization 3.1, section 3.1).

    Raises XPTY0004 for another element, SEPM0017 for a malformed one, SEPM0019 for a parameter given twice,
    SEPM0018 for a character mapped twice.
    """
    if element.kind == "document":
        roots = [child for child in element.children if child.kind == "element"]
        element = roots[0] if roots else element
    if element.name != clark(OUTPUT, "serialization-parameters"):
        raise XQueryError("XPTY0004", "Not an element output:serialization-parameters")
    changes: dict[str, Any] = {}
    seen: set[str] = set()
    for child in element.children:
        if child.kind == "text" and child.value.strip():
            raise XQueryError("SEPM0017", "Text in output:serialization-parameters")
        if child.kind != "element":
            continue
        if child.name in seen:
            raise XQueryError("SEPM0019", detail=child.lexical_name)
        seen.add(child.name)
        if child.namespace_uri != OUTPUT:
            if not child.namespace_uri:
                raise XQueryError("SEPM0017", f"The parameter {child.local_name!r} has no namespace")
            continue
        _read_child(child, changes)
    return replace(base or Parameters(), **changes)


def _read_child(child: Any, changes: dict[str, Any]) -> None:
    name = child.local_name
    given = {one.name: one.value for one in child.attributes if one.name[0] != "{"}
    if name == "use-character-maps":
        changes["character_map"] = _character_map(child)
        return
    if set(given) != {"value"}:
        raise XQueryError("SEPM0017", f"The parameter {name!r} must have a value, and nothing else")
    if name in _READERS:
        to, reader = _READERS[name]
        try:
            changes[to] = reader(name, given["value"])
        except XQueryError as error:
            raise XQueryError("SEPM0017" if error.code == "SEPM0016" else error.code, error.title) from None
    elif name in _NAME_LISTS:
        try:
            changes[_NAME_LISTS[name]] = _names(name, given["value"], child.nsmap)
        except XQueryError as error:
            raise XQueryError("SEPM0017", error.title) from None
    else:
        raise XQueryError("SEPM0017", f"{name!r} is not a serialization parameter")


def _character_map(element: Any) -> dict[str, str]:
    mapped: dict[str, str] = {}
    for child in element.children:
        if child.kind != "element":
            continue
        given = {one.name: one.value for one in child.attributes}
        if child.name != clark(OUTPUT, "character-map") or set(given) != {"character", "map-string"}:
            raise XQueryError("SEPM0017", "A character map holds elements output:character-map with two attributes")
        char = given["character"]
        if len(char) != 1:
            raise XQueryError("SEPM0017", f"{char!r} is not one character")
        if char in mapped:
            raise XQueryError("SEPM0018", detail=char)
        mapped[char] = given["map-string"]
    return mapped


def from_entries(entries: Iterable[tuple[Any, list[Any]]], base: Parameters | None = None) -> Parameters:
    """Parameters from the entries of a map, key and items of the value (F&O 3.1, section 14.8.1).

    A character map is given as a list of (character, string). Unknown keys are ignored; raises XPTY0004 for a value
    of a wrong type, SEPM0016 for a wrong value.
    """
    changes: dict[str, Any] = {}
    for key, items in entries:
        if type(key) is not str or not items:
            continue
        if key == "use-character-maps":
            changes["character_map"] = _map_of_characters(items)
        elif key in _NAME_LISTS:
            if not all(isinstance(item, QName) for item in items):
                raise XQueryError("XPTY0004", f"The serialization parameter {key} is a sequence of QNames")
            changes[_NAME_LISTS[key]] = frozenset(clark(item.uri, item.local_name) for item in items)
        elif key in _READERS:
            to, reader = _READERS[key]
            changes[to] = reader(key, _option_text(key, items))
    return replace(base or Parameters(), **changes)


def _option_text(key: str, items: list[Any]) -> str:
    """A map's value as the text an attribute would have."""
    if len(items) > 1:
        raise XQueryError("XPTY0004", f"The serialization parameter {key} is one item")
    item = items[0]
    if isinstance(item, UntypedAtomic):
        return str(item.value)
    if key in _BOOLEANS:
        if isinstance(item, bool):
            return "yes" if item else "no"
        raise XQueryError("XPTY0004", f"The serialization parameter {key} is an xs:boolean")
    if key == "html-version":
        if isinstance(item, int | Decimal) and not isinstance(item, bool):
            return str(item)
        raise XQueryError("XPTY0004", f"The serialization parameter {key} is an xs:decimal")
    if isinstance(item, str):
        return str(item)
    if isinstance(item, QName) and key in ("method", "json-node-output-method"):
        return str(item.local_name) if not item.uri else str(item)
    raise XQueryError("XPTY0004", f"The serialization parameter {key} is an xs:string")


def _map_of_characters(items: list[Any]) -> dict[str, str]:
    mapped: dict[str, str] = {}
    for char, text in items:
        if not isinstance(char, str) or not isinstance(text, str):
            raise XQueryError("XPTY0004", "A character map goes from xs:string to xs:string")
        if len(char) != 1:
            raise XQueryError("SEPM0016", f"{char!r} is not one character")
        mapped[char] = text
    return mapped
