"""The table that the modules of this package put their rows into."""

from typing import Final

from xquery_bridge.registry import Table

FN: Final = Table("http://www.w3.org/2005/xpath-functions", "fn")
