"""Operators, clauses, paths and primaries become the nodes the tree describes."""

import pytest
from tree_printer import plain, printed

from xquery_bridge.errors import XQueryError
from xquery_bridge.syntax import tree as t
from xquery_bridge.syntax.parser import parse_query


def parse(source, dialect="3.1"):
    return parse_query(source, dialect).modules[0].body


def grouped(node):
    """An expression with parentheses around every operator's operands."""
    match node:
        case t.BinaryExpr():
            return f"({grouped(node.left)} {node.operator} {grouped(node.right)})"
        case t.UnaryExpr():
            return f"({'-' if node.negative else '+'}{grouped(node.operand)})"
        case t.InstanceOfExpr() | t.TreatExpr() | t.CastExpr() | t.CastableExpr():
            return f"({grouped(node.operand)} {type(node).__name__[:-4].lower()} {printed(node.type)})"
        case t.ArrowExpr():
            return f"({grouped(node.operand)} => {printed(node).rpartition('=> ')[2]})"
        case _:
            return printed(node)


@pytest.mark.parametrize(
    ("source", "meaning"),
    [
        ("1 or 2 and 3", "(1 or (2 and 3))"),
        ("1 and 2 or 3 and 4", "((1 and 2) or (3 and 4))"),
        ("1 and 2 = 3", "(1 and (2 = 3))"),
        ("1 = 2 || 3", "(1 = (2 || 3))"),
        ("1 || 2 to 3", "(1 || (2 to 3))"),
        ("1 to 2 + 3", "(1 to (2 + 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("1 + 2 * 3 div 4", "(1 + ((2 * 3) div 4))"),
        ("1 * $a | $b", "(1 * ($a union $b))"),
        ("$a union $b except $c intersect $d", "($a union (($b except $c) intersect $d))"),
        ("$a intersect $b instance of item()", "($a intersect ($b instanceof item()))"),
        ("$a instance of item()+ + 1", "(($a instanceof item()+) + 1)"),
        ("$a treat as item() instance of item()", "(($a treat item()) instanceof item())"),
        ("$a castable as xs:int treat as item()", "(($a castable xs:int) treat item())"),
        ("$a cast as xs:int? castable as xs:int", "(($a cast xs:int?) castable xs:int)"),
        ("$a => f() cast as xs:int", "(($a => f()) cast xs:int)"),
        ("-$a => f()", "((-$a) => f())"),
        ("-$a ! 2", "(-($a ! 2))"),
        ("- + -1", "(+1)"),
        ("2 - -1", "(2 - (-1))"),
        ("$a ! $b ! $c", "(($a ! $b) ! $c)"),
        ("$a => f() => g(1)", "(($a => f()) => g(1))"),
        ("1 eq 2 and 3 ne 4 or 5 << 6", "(((1 eq 2) and (3 ne 4)) or (5 << 6))"),
    ],
)
def test_operators_bind_by_their_precedence(source, meaning):
    assert grouped(parse(source)) == meaning


@pytest.mark.parametrize(
    "source",
    [
        "1 = 2 = 3",
        "1 eq 2 lt 3",
        "1 to 2 to 3",
        "$a instance of item() instance of item()",
        "$a cast as xs:int cast as xs:int",
        "$a treat as item() cast as xs:int",
        "1 is",
        "validate lax { 1 } ! 2",
    ],
)
def test_operators_that_do_not_chain_are_refused(source):
    with pytest.raises(XQueryError, match="XPST0003"):
        parse(source)


WORDS = """for let some every switch typeswitch if try validate element attribute text document map array ordered
function return or and div to instance treat cast union is eq where order stable declare import module xquery else
binary object-node null-node using private start end when only"""


@pytest.mark.parametrize("word", WORDS.split())
@pytest.mark.parametrize("dialect", ["3.1", "1.0-ml"])
def test_every_word_is_a_name_where_a_name_may_stand(word, dialect):
    assert parse(f"$x/{word}/@{word}", dialect).steps[1].test.local == word
    assert parse(word, dialect).test.local == word
    assert parse(f"{word} {word} {word}" if word in ("or", "and", "div", "to", "union", "is", "eq") else word, dialect)
    assert parse(f"let ${word} := 1 return ${word}", dialect).result.name == t.Name(word)


def test_a_path_has_steps_and_double_slashes_become_steps():
    path = parse("//a/b[1]//@c")
    assert (path.root, [step.axis for step in path.steps]) == (
        "//",
        ["child", "child", "descendant-or-self", "attribute"],
    )
    assert [printed(p) for p in path.steps[1].predicates] == ["1"]
    assert parse("/").steps == []
    assert isinstance(parse("a"), t.AxisStep)


def test_tests_for_attributes_choose_their_axis():
    assert parse("attribute(a)").axis == "attribute"
    assert parse("schema-attribute(a)").axis == "attribute"
    assert parse("child::attribute(a)").axis == "child"
    assert parse("..").axis == "parent"


@pytest.mark.parametrize("source", ["/ * 5", "/ < 5", "/ and 1 = 1 div", "//", "(/) / ", "/ union /a b"])
def test_a_slash_before_what_can_be_a_step_begins_a_path(source):
    with pytest.raises(XQueryError, match="XPST0003"):
        parse(source)


def test_a_lone_slash_is_an_operand_where_no_step_can_follow():
    assert grouped(parse("5 * /")) == "(5 * /)"
    assert grouped(parse("(/) * 5")) == "((/) * 5)"
    assert grouped(parse("/ = 1")) == "(/ = 1)"


def test_names_are_read_without_blanks():
    assert parse("a-b").test.local == "a-b"
    assert parse("a -b").operator == "-"
    assert parse("p:a").test.prefix == "p"
    assert parse("p:*").test.prefix == "p"
    assert parse("*:a").test.any_namespace
    assert parse("Q{ http://u }a").test.uri == " http://u "
    assert parse("$Q{u&amp;v}a").name == t.Name("a", "", "u&v")
    for source in ("p :a", "p: a", "* :a", "Q {u}a"):
        with pytest.raises(XQueryError):
            parse(source)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("1", "integer"),
        ("1.", "decimal"),
        (".5", "decimal"),
        ("1.5e-3", "double"),
        ("1E3", "double"),
        (".1e0", "double"),
    ],
)
def test_numbers_keep_their_text_and_kind(source, kind):
    made = parse(source)
    assert (made.kind, made.value) == (kind, source)


@pytest.mark.parametrize("source", ["10div 3", "1eq 1", "1.5e", "1e", "1to 2", "0x1"])
def test_a_letter_directly_after_a_number_is_refused(source):
    with pytest.raises(XQueryError, match="XPST0003"):
        parse(source)


def test_strings_have_quotes_references_and_line_ends_resolved():
    assert parse('"a""b\'&lt;&#x41;&#66;"').value == "a\"b'<AB"
    assert parse("'it''s'").value == "it's"
    assert parse("'a\r\nb\rc'").value == "a\nb\nc"
    assert parse("'&quot;&amp;lt;'").value == '"&lt;'


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("'&#0;'", "XQST0090"),
        ("'&#xD800;'", "XQST0090"),
        ("'&#99999999999999;'", "XQST0090"),
        ("'&nbsp;'", "XPST0003"),
        ("'&'", "XPST0003"),
        ("'&#a;'", "XPST0003"),
        ("<a>&#1;</a>", "XQST0090"),
    ],
)
def test_references_to_nothing_are_refused(source, code):
    with pytest.raises(XQueryError) as error:
        parse(source)
    assert error.value.code == code


def test_comments_nest_and_hide_quotes():
    assert parse("(: don't (: even :) \" :) 1 (::)").value == "1"
    assert grouped(parse("1(: a :)+(: b :)2")) == "(1 + 2)"
    assert parse("'(: no comment :)'").value == "(: no comment :)"


def test_postfixes_nest_from_left_to_right():
    made = parse("$f(1)?a[2](?)")
    assert isinstance(made, t.DynamicCall) and isinstance(made.args[0], t.Placeholder)
    assert isinstance(made.function, t.FilterExpr)
    assert isinstance(made.function.operand, t.LookupExpr)
    assert isinstance(made.function.operand.operand, t.DynamicCall)


def test_lookups_take_names_numbers_stars_and_expressions():
    assert [(printed(parse(s))) for s in ("?a", "?12", "?*", "?($k)", "$m?a?b")] == [
        "?a",
        "?12",
        "?*",
        "?($k)",
        "$m?a?b",
    ]
    assert parse("?a").key.kind == "string" and parse("?1").key.kind == "integer" and parse("?*").key is None
    entry = parse("map { $m?a:b }").entries[0]
    assert [printed(each) for each in entry] == ["$m?a", "child::b"]


def test_a_question_mark_is_a_placeholder_only_as_a_whole_argument():
    args = parse("f(?, ?a, ?)").args
    assert [type(arg).__name__ for arg in args] == ["Placeholder", "LookupExpr", "Placeholder"]


@pytest.mark.parametrize("name", ["if", "item", "node", "map", "array", "switch", "typeswitch", "function", "element"])
def test_reserved_names_are_no_functions(name):
    with pytest.raises(XQueryError, match="XPST0003"):
        parse(f"declare function {name}() {{ 1 }}; 1")
    with pytest.raises(XQueryError, match="XPST0003"):
        parse(f"{name}#1")
    assert isinstance(parse(f"p:{name}(1)"), t.FunctionCall)


def test_a_less_than_sign_is_an_operator_after_an_operand_and_a_tag_elsewhere():
    assert parse("$a <b").operator == "<"
    assert isinstance(parse("<b/>"), t.DirElement)
    assert grouped(parse("1 <2")) == "(1 < 2)"
    assert parse("<a/> << <b/>").operator == "<<"
    assert isinstance(parse("(<a/>, <b/>)").expr.items[1], t.DirElement)


def test_occurrence_signs_after_a_type_belong_to_it():
    assert parse("4 treat as item() + - 5").operator == "-"
    assert parse("$a instance of xs:int *").type.occurrence == "*"


def test_catch_clauses_have_name_tests():
    tests = parse("try { 1 } catch err:FOAR0001 | *:b | p:* | Q{u}c | * { 2 } catch q { }").catches[0].tests
    assert [printed(test) for test in tests] == ["err:FOAR0001", "*:b", "p:*", "Q{u}c", "*"]


def test_arrow_targets_are_names_variables_or_expressions():
    assert parse("1 => p:f()").function == t.Name("f", "p")
    assert isinstance(parse("1 => $f()").function, t.VarRef)
    assert isinstance(parse("1 => (f#1)()").function, t.ParenthesizedExpr)


def test_string_constructors_keep_their_text_as_it_stands():
    parts = parse("``[a &lt; {b} `{ 1 }`\n`{}`]]``").parts
    assert parts[0] == "a &lt; {b} " and printed(parts[1].expr) == "1"
    assert parts[2] == "\n" and parts[3].expr is None and parts[4] == "]"


def test_pragmas_have_names_and_contents():
    made = parse("(# p:a #)(#Q{u}b  some (: text #) { 1 }")
    assert [(str(p.name), p.content) for p in made.pragmas] == [("p:a", ""), ("Q{u}b", "some (: text ")]
    assert parse("(# p:a #) {}").body is None


def test_empty_braces_mean_the_empty_sequence_in_bodies():
    for made in (
        parse("try { } catch * { }").catches[0].body,
        parse("function() { }").body,
        parse("ordered { }").expr,
        parse("array { }").members[0],
    ):
        assert plain(made) == plain(parse("()"))


def test_map_keys_need_a_colon_of_their_own():
    assert len(parse("map { 'a':1, b : c, 1:p:d }").entries) == 3
    with pytest.raises(XQueryError):
        parse("map { a:b }")
