"""The `xdmp:` namespace of 1.0-ml; its rows stand in the xdmp_* modules, by what they concern."""

from __future__ import annotations

from typing import Final

from xquery_bridge.registry import Table

XDMP: Final = Table("http://marklogic.com/xdmp", "xdmp")
