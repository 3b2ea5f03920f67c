"""Every error a query can end with has a code and a title in MarkLogic's manner."""

import re
from pathlib import Path

import xquery_bridge
from xquery_bridge.errors import MARKLOGIC_CODES, MESSAGES, XQueryError

_RAISED_BARE = re.compile(r'XQueryError\(\s*"([A-Z]{4}[0-9]{4})"\s*(?:\)|,\s*(?:detail|expression|frames)=)')


def test_what_is_raised_without_a_title_has_one_in_the_table():
    sources = Path(xquery_bridge.__file__).parent.rglob("*.py")
    bare = {code for source in sources for code in _RAISED_BARE.findall(source.read_text(encoding="utf-8"))}
    assert bare and bare <= MARKLOGIC_CODES.keys()


def test_the_first_of_several_codes_gives_a_message_its_title():
    assert MESSAGES["XDMP-OVERFLOW"] == "Numeric overflow"
    assert XQueryError("XQST0118", detail="</b>").format_string.startswith("XDMP-ENDTAG: (err:XQST0118) End tag")
