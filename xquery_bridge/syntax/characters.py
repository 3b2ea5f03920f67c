"""Characters of XML names and content, and the references that stand for them."""

from __future__ import annotations

import re
from html.entities import html5
from typing import Final

_NAME_START: Final = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME_REST: Final = _NAME_START + "\\-.0-9\u00b7\u0300-\u036f\u203f-\u2040"

#: Regular expressions as text, to be put together with others. They never give back what they took.
NCNAME: Final = f"[{_NAME_START}][{_NAME_REST}]*+"
QNAME: Final = f"{NCNAME}(?::{NCNAME})?+"
SPACE: Final = "[ \\t\\r\\n]"

NAME_START: Final = re.compile(f"[{_NAME_START}]")
NOT_XML: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

#: A reference, or a bare `&`, which is an error.
REFERENCE: Final = re.compile("&(?:#([0-9]+);|#x([0-9a-fA-F]+);|([A-Za-z][A-Za-z0-9]*);)?")

XML_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
HTML_ENTITIES: Final = {name[:-1]: text for name, text in html5.items() if name.endswith(";")} | XML_ENTITIES


def character(code: int) -> str | None:
    """The character of a code point, or None where XML 1.0 has no such character."""
    if code > 0x10FFFF:
        return None
    text = chr(code)
    return None if NOT_XML.match(text) else text


def normalize_lines(text: str) -> str:
    """Line ends as XML has them (XQuery 3.1, A.2.3)."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
