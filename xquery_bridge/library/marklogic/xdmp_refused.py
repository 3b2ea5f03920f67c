"""xdmp: functions that programs call and that are refused here, each with the reason."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.marklogic.xdmp import XDMP

_PROPERTIES: Final = "Documents carry no properties here: store what describes a document beside it"
_XSLT: Final = "XSLT is not evaluated here"
_FILES: Final = "Queries do not read the files of the server: send documents with the request"
_STATEMENTS: Final = "Each statement is a transaction that ends with it: separate statements by `;`"

_OPTIONS: Final = "$options as item()?"
_INPUT: Final = "$input as node()?"
_PARAMS: Final = "$params as map:map?"

#: signature, reason
_REFUSED: Final[tuple[tuple[str, str], ...]] = (
    ("document-set-property($uri as xs:string, $prop as element()) as empty-sequence()", _PROPERTIES),
    ("document-set-properties($uri as xs:string, $props as element()*) as empty-sequence()", _PROPERTIES),
    ("document-add-properties($uri as xs:string, $props as element()*) as empty-sequence()", _PROPERTIES),
    ("document-remove-properties($uri as xs:string, $property-names as xs:QName*) as empty-sequence()", _PROPERTIES),
    ("document-set-metadata($uri as xs:string, $metadata as map:map) as empty-sequence()", _PROPERTIES),
    ("xslt-eval($stylesheet as node()) as document-node()*", _XSLT),
    (f"xslt-eval($stylesheet as node(), {_INPUT}) as document-node()*", _XSLT),
    (f"xslt-eval($stylesheet as node(), {_INPUT}, {_PARAMS}) as document-node()*", _XSLT),
    (f"xslt-eval($stylesheet as node(), {_INPUT}, {_PARAMS}, {_OPTIONS}) as document-node()*", _XSLT),
    ("xslt-invoke($path as xs:string) as document-node()*", _XSLT),
    (f"xslt-invoke($path as xs:string, {_INPUT}) as document-node()*", _XSLT),
    (f"xslt-invoke($path as xs:string, {_INPUT}, {_PARAMS}) as document-node()*", _XSLT),
    (f"xslt-invoke($path as xs:string, {_INPUT}, {_PARAMS}, {_OPTIONS}) as document-node()*", _XSLT),
    ("tidy($doc as xs:string) as node()+", "HTML is not tidied here: use xdmp:unquote on well-formed XHTML"),
    (
        f"tidy($doc as xs:string, {_OPTIONS}) as node()+",
        "HTML is not tidied here: use xdmp:unquote on well-formed XHTML",
    ),
    ("document-get($location as xs:string) as node()*", _FILES),
    (f"document-get($location as xs:string, {_OPTIONS}) as node()*", _FILES),
    ("document-load($location as xs:string) as empty-sequence()", _FILES),
    (f"document-load($location as xs:string, {_OPTIONS}) as empty-sequence()", _FILES),
    ("filesystem-directory($pathname as xs:string) as element()", _FILES),
    ("commit() as empty-sequence()", _STATEMENTS),
    ("rollback() as empty-sequence()", _STATEMENTS),
)


def _refuse(signature: str, reason: str) -> None:
    name = signature.partition("(")[0]

    def refuse(*arguments: Any) -> NoReturn:
        raise XQueryError("FOER0000", reason, expression=f"xdmp:{name}", marklogic_code="XDMP-NOTSUPPORTED")

    refuse.__doc__ = f"Refused. {reason}."
    XDMP.add(signature, refuse, effects=True)


for _signature, _reason in _REFUSED:
    _refuse(_signature, _reason)
