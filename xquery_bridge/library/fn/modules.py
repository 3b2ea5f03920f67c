"""Modules and stylesheets at run time (F&O 3.1, sections 14.8 and 16.2), neither of which this processor loads."""

from __future__ import annotations

from typing import NoReturn

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.maps import XdmMap


@FN.row("load-xquery-module($module-uri as xs:string) as map(*)", effects=True)
@FN.row("load-xquery-module($module-uri as xs:string, $options as map(*)) as map(*)", effects=True)
def load_xquery_module(uri: str, options: XdmMap | None = None) -> NoReturn:
    """Raises FOQM0001 for an empty URI, else FOQM0006: modules are imported by the prolog only."""
    if not uri:
        raise XQueryError("FOQM0001", "The URI of a module is empty")
    raise XQueryError("FOQM0006", f"Modules cannot be loaded at run time: import {uri!r} in the prolog")


@FN.row("transform($options as map(*)) as map(*)", effects=True)
def transform(options: XdmMap) -> NoReturn:
    """Raises FOXT0004: there is no XSLT processor."""
    raise XQueryError("FOXT0004", "fn:transform is not available: there is no XSLT processor here")
