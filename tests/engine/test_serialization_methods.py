"""The methods of serialization (XSLT and XQuery Serialization 3.1), each by what only it does."""

import pytest

OUTPUT = "http://www.w3.org/2010/xslt-xquery-serialization"


def options(written: str) -> str:
    pairs = [pair.partition("=") for pair in written.split()]
    return "".join([f'declare option Q{{{OUTPUT}}}{name} "{value}"; ' for name, _, value in pairs])


@pytest.mark.parametrize(
    ("written", "query", "expected"),
    [
        ("method=xml", "<a b='&lt;&quot;&#9;'>&amp;&gt;&#13;</a>", '<a b="&lt;&quot;&#x9;">&amp;&gt;&#xD;</a>'),
        ("method=xml cdata-section-elements=a", "<a>x]]&gt;y</a>", "<a><![CDATA[x]]]]><![CDATA[>y]]></a>"),
        ("method=xml encoding=US-ASCII", "<a>é</a>", "<a>&#233;</a>"),
        ("method=xml item-separator=,", "1, <a/>, 2", "1,<a/>,2"),
        ("method=html html-version=5", "<p>a<br/><img src='ä'/></p>", '<p>a<br><img src="%C3%A4"></p>'),
        ("method=html html-version=5", "<script>a &lt; b</script>", "<script>a < b</script>"),
        ("method=html html-version=5", "<input checked='checked'/>", "<input checked>"),
        ("method=html html-version=5", "<p/>", "<p></p>"),
        ("method=xhtml html-version=5", "<x xmlns='http://www.w3.org/1999/xhtml'><br/><p/></x>",
         '<x xmlns="http://www.w3.org/1999/xhtml"><br /><p></p></x>'),
        ("method=text", "<a>1<b>&lt;</b></a>, 2", "1<2"),
        ("method=json", "map{'a': [1, 'é/\"', true(), ()]}", '{"a":[1,"é\\/\\"",true,null]}'),
        ("method=json encoding=US-ASCII", "'é\U0001f600'", '"\\u00E9\\uD83D\\uDE00"'),
        ("method=json", "<a>1</a>", '"<a>1<\\/a>"'),
        ("method=json json-node-output-method=text", "<a>1</a>", '"1"'),
        ("method=adaptive item-separator=|", "1, 'a\"b', 1.5e0, true(), map{'k': (1, 2)}, [3], attribute x {4}, abs#1",
         '1|"a""b"|1.5e0|true()|map{"k":(1,2)}|[3]|x="4"|fn:abs#1'),
    ],
)  # fmt: skip
def test_a_method_writes(text, written, query, expected):
    assert (
        text(options(f"omit-xml-declaration=yes {written}") + query).removeprefix("<!DOCTYPE html>").strip() == expected
    )


@pytest.mark.parametrize(
    ("written", "query", "expected"),
    [
        ("method=json", "1, 2", "SERE0023"),
        ("method=json", "xs:double('NaN')", "SERE0020"),
        ("method=json", "abs#1", "SERE0021"),
        ("method=json", "map{1: 2, '1': 3}", "SERE0022"),
        ("method=xml", "attribute a {1}", "SENR0001"),
        ("method=html html-version=5", "<p>{processing-instruction a {'b>'}}</p>", "SERE0015"),
        ("method=xml encoding=none-such", "1", "SESU0007"),
        ("method=none", "1", "SEPM0016"),
    ],
)
def test_what_a_method_cannot_write_is_refused(code_of_text, written, query, expected):
    assert code_of_text(options(written) + query) == expected


@pytest.fixture
def code_of_text(text):
    from xquery_bridge.errors import XQueryError

    def run(query: str) -> str:
        with pytest.raises(XQueryError) as caught:
            text(query)
        return caught.value.code

    return run
