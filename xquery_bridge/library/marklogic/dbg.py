"""The `dbg:` namespace as far as editors ask whether there is a debugger: there is none (rest-eval.md, section 8)."""

from __future__ import annotations

from typing import Any, Final

from xquery_bridge.registry import Table
from xquery_bridge.runtime.context import ENHANCED_PREFIXES

DBG: Final = Table(ENHANCED_PREFIXES["dbg"], "dbg")


@DBG.row("connected() as xs:unsignedLong*")
@DBG.row("stopped() as xs:unsignedLong*")
@DBG.row("stopped($server as xs:unsignedLong?) as xs:unsignedLong*")
@DBG.row("attached() as xs:unsignedLong*")
@DBG.row("attached($server as xs:unsignedLong?) as xs:unsignedLong*")
def none(*arguments: Any) -> list[Any]:
    """No server is connected to a debugger, and no request is stopped or attached to one."""
    return []
