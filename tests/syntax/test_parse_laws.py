"""Laws of parsing: printing a tree gives source of the same tree, and a node's span is its source."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_printer import nodes, plain, printed

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.parser import parse_query
from xquery_bridge.syntax.prolog import PrologParser

LEAVES = [
    "1", "2.5", ".5", "1e3", "'it''s'", '"&lt;&#65;"', "$x", "$p:x", "$Q{u:v}x", ".", "()", "a", "p:a",
    "*", "p:*", "*:a", "Q{u}*", "@k", "..", "(/)", "/a/b", "//a", "a//b[1][2]", "self::node()",
    "ancestor-or-self::element(a, xs:string?)",
    "text()", "attribute(*)", "document-node(element(a))", "processing-instruction(go)", "processing-instruction('x')",
    "for", "if", "map", "element", "validate", "f()", "fn:count#1", "Q{u}f(1)", "?a", "?*", "?1", "<a/>", "<!-- c -->",
    "<?go now?>", "map {}", "[]", "array {}", "``[]``", "text {}", "<a> <b/> {1} &#32;{{}} <![CDATA[ ]]></a>",
    "function() {}", "%p:q(1, 'x') function($a, $b as item()*) as xs:integer? { $a }", "1 + 2 * 3", "- - 1", "1 to 3",
]  # fmt: skip

#: `%s` stands for an expression with no comma at its top.
FORMS = [
    "(%s, %s)", "(%s)", "for $x in %s return %s", "for $x as item() allowing empty at $p in %s let $y := %s return %s",
    "for $a in %s, $b in %s where %s return %s", "let $x as item()* := %s return %s",
    "for tumbling window $w in %s start $s at $p previous $q next $n when %s only end when %s return %s",
    "for sliding window $w as item()+ in %s start when %s end $e when %s return %s",
    "for $x in %s group by $x, $k as xs:string := %s collation 'u' count $c return %s",
    "for $x in %s stable order by %s descending empty least, %s empty greatest collation 'c' return %s",
    "some $x in %s, $y as item() in %s satisfies %s", "every $x in %s satisfies %s",
    "switch (%s) case %s case %s return %s default return %s",
    "typeswitch (%s) case $a as a | b+ return %s case empty-sequence() return %s default $d return %s",
    "if (%s) then %s else %s", "try {%s} catch p:e | *:f | * {%s}", "(%s) or (%s) or (%s)", "(%s) = (%s)",
    "(%s) is (%s)",
    "(%s) || (%s)", "(%s) | (%s)", "(%s) idiv (%s)", "(%s) intersect (%s)", "(%s) ! (%s) ! a", "-(%s)",
    "(%s) instance of map(xs:string, array(item())*)?", "(%s) instance of function(item(), a?) as xs:integer+",
    "(%s) instance of %%p:a function(*)", "(%s) treat as (element(a))+", "(%s) castable as xs:date?",
    "(%s) cast as p:t", "(%s) => f(%s)", "(%s) => $f(%s, ?)", "(%s) => (%s)()", "validate lax {%s}",
    "validate type p:t {%s}",
    "(#p:q content#)(# Q{u}r #) {%s}", "(%s)/a/(%s)", "a[%s]/@b[%s]", "$x[%s][%s]", "$f(%s, ?)(%s)", "f(%s, %s)",
    "(%s)?a?1?*?(%s)", "ordered {%s}", "function($x) {%s}", "map {%s : %s, 'k' : %s}", "[%s, %s]", "array {%s}",
    "``[a `{%s}`` b ]`]``", "<a b='{%s}c{{\"{%s}' xmlns:q='u'>{%s} t <!--c--><b>{%s}</b>{}</a>", "element a {%s}",
    "element {%s} {%s}", "attribute p:k {%s}", "document {%s}", "comment {%s}", "processing-instruction go {%s}",
    "namespace {%s} {%s}", "namespace p {%s}",
]  # fmt: skip
ENHANCED = [
    "try {%s} catch ($e) {%s}", "object-node {%s : %s}", "array-node {%s}", "number-node {%s}", "boolean-node {%s}",
    "binary {%s}", "null-node {}", "node('x')[%s]", "object-node('y')[%s]", "property::a[%s]", "validate full {%s}",
    "'&nbsp;&hellip;'",
]  # fmt: skip


def queries(leaves, forms):
    def filled(inner):
        def fill(form):
            holes = form.replace("%%", "").count("%s")
            return st.tuples(*[inner] * holes).map(lambda parts: form % parts)

        return st.sampled_from(forms).flatmap(fill)

    return st.recursive(st.sampled_from(leaves), filled, max_leaves=6)


STANDARD_QUERIES = queries(LEAVES, FORMS)
ENHANCED_QUERIES = queries(LEAVES, [*FORMS, *ENHANCED])

#: Nodes of which part of the source is no expression that stands alone.
WITHOUT_SOURCE = (tree.SequenceExpr, tree.Placeholder)


def body(source, dialect):
    return parse_query(source, dialect).modules[0].body


def holds(source, dialect):
    made = body(source, dialect)
    again = body(printed(made), dialect)
    assert plain(again) == plain(made)


def spans_hold(source, dialect):
    for node, parent in nodes(body(source, dialect)):
        assert 0 <= node.start <= node.end <= len(source)
        if parent is not None:
            assert parent.start <= node.start and node.end <= parent.end
        if not isinstance(node, tree.Expr) or isinstance(node, WITHOUT_SOURCE):
            continue
        if isinstance(parent, tree.LookupExpr | tree.Annotation) or source[node.start : node.end] == "//":
            continue
        assert plain(body(source[node.start : node.end], dialect)) == plain(node)


@settings(max_examples=150, deadline=None)
@given(STANDARD_QUERIES)
def test_a_printed_tree_parses_to_the_same_tree(source):
    holds(source, "3.1")


@settings(max_examples=60, deadline=None)
@given(ENHANCED_QUERIES)
def test_a_printed_tree_of_1_0_ml_parses_to_the_same_tree(source):
    holds(source, "1.0-ml")


@settings(max_examples=60, deadline=None)
@given(ENHANCED_QUERIES)
def test_the_span_of_a_node_is_its_source(source):
    spans_hold(source, "1.0-ml")


@settings(max_examples=60, deadline=None)
@given(STANDARD_QUERIES)
def test_standard_syntax_means_the_same_in_1_0_ml(source):
    assert plain(body(source, "1.0-ml")) == plain(body(source, "3.1"))


@pytest.mark.parametrize("form", [*LEAVES, *FORMS, *ENHANCED])
def test_every_form_is_printed_and_parsed_again(form):
    source = form % (("$v",) * form.replace("%%", "").count("%s")) if "%s" in form else form
    holds(source, "1.0-ml")
    spans_hold(source, "1.0-ml")


def test_blanks_and_comments_between_tokens_change_nothing():
    source = "for $x at $i in (1, 2)[. > 1] return f($x, ?)?key || 'a'"
    parser = PrologParser(source, "3.1", "")
    parser.advance()
    tokens = []
    while parser.kind != "end":
        tokens.append(parser.text)
        parser.advance()
    wide = " (: a (: nested ' :) comment :)\n".join(tokens)
    assert plain(body(wide, "3.1")) == plain(body(source, "3.1"))
