"""Prints a syntax tree as source text, and strips the places off a tree so that two can be compared."""

from dataclasses import fields

from xquery_bridge.syntax import tree as t


def plain(value):
    """A tree as nested tuples, without its places."""
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    if isinstance(value, t.Node):
        parts = (plain(getattr(value, f.name)) for f in fields(value) if f.name not in ("start", "end"))
        return (type(value).__name__, *parts)
    return value


def nodes(value):
    """Every node of a tree, with the node it is part of."""
    found = []

    def visit(value, parent):
        if isinstance(value, list | tuple):
            for each in value:
                visit(each, parent)
        elif isinstance(value, t.Node):
            found.append((value, parent))
            for f in fields(value):
                visit(getattr(value, f.name), value)

    visit(value, None)
    return found


def printed(value):
    """Source text that parses to this tree."""
    return PRINTERS[type(value)](value)


def string(text):
    return '"' + text.replace("&", "&amp;").replace('"', '""').replace("\r", "&#13;") + '"'


def many(values, mark=", "):
    return mark.join(map(printed, values))


def maybe(value, before="", after=""):
    return "" if value is None else f"{before}{printed(value)}{after}"


def braces(value):
    return "{" + maybe(value) + "}"


def block(value):
    return "{}" if value == t.SequenceExpr(items=[], start=value.start, end=value.end) else "{" + printed(value) + "}"


def typed(value):
    return maybe(value, " as ")


def annotated(values):
    def one(a):
        return f"%{a.name}" + (f"({many(a.values)})" if a.values else "")

    return "".join(f"{one(a)} " for a in values)


def params(values):
    return "(" + ", ".join(f"${p.name}{typed(p.type)}" for p in values) + ")"


def arguments(values):
    return f"({many(values)})"


def entries(values):
    return "{" + ", ".join(f"{printed(k)} : {printed(v)}" for k, v in values) + "}"


def kind_test(n):
    json = {"object", "array", "number", "boolean", "null"}
    word = {"document": "document-node"}.get(n.kind, f"{n.kind}-node" if n.kind in json else n.kind)
    inside = maybe(n.content) or (string(n.literal) if n.literal is not None else "") or (str(n.name) if n.name else "")
    if n.type is not None:
        inside = f"{inside or '*'}, {n.type}{'?' if n.nillable else ''}"
    return f"{word}({inside})"


def name_test(n):
    if n.any_namespace:
        return f"*:{n.local}"
    return str(t.Name(n.local or "*", n.prefix, n.uri))


def function_test(n):
    if n.params is None:
        return f"{annotated(n.annotations)}function(*)"
    return f"{annotated(n.annotations)}function({many(n.params)}) as {printed(n.result)}"


def flwor_clause(n):
    match n:
        case t.ForClause():
            return "for " + ", ".join(
                f"${b.var}{typed(b.type)}{' allowing empty' * b.allowing_empty}"
                f"{f' at ${b.position}' if b.position else ''} in {printed(b.source)}"
                for b in n.bindings
            )
        case t.LetClause():
            return "let " + ", ".join(f"${b.var}{typed(b.type)} := {printed(b.value)}" for b in n.bindings)
        case t.WindowClause():
            end = n.end_condition
            stop = f" {'only ' * end.only}end{condition(end)}" if end else ""
            source = f"in {printed(n.source)} start{condition(n.start_condition)}"
            return f"for {n.kind} window ${n.var}{typed(n.type)} {source}{stop}"
        case t.CountClause():
            return f"count ${n.var}"
        case t.WhereClause():
            return f"where {printed(n.condition)}"
        case t.GroupByClause():
            return "group by " + ", ".join(
                f"${s.var}{typed(s.type)}{maybe(s.value, ' := ')}"
                + (f" collation {string(s.collation)}" if s.collation is not None else "")
                for s in n.specs
            )
        case t.OrderByClause():
            return f"{'stable ' * n.stable}order by " + ", ".join(
                printed(s.key)
                + " descending" * s.descending
                + (f" empty {s.empty}" if s.empty else "")
                + (f" collation {string(s.collation)}" if s.collation is not None else "")
                for s in n.specs
            )


def condition(n):
    words = [("", n.item), ("at ", n.position), ("previous ", n.previous), ("next ", n.next)]
    return "".join(f" {word}${name}" for word, name in words if name) + f" when {printed(n.when)}"


def switch(n):
    cases = "".join(
        "".join(f" case {printed(o)}" for o in c.operands) + f" return {printed(c.result)}" for c in n.cases
    )
    return f"switch ({printed(n.operand)}){cases} default return {printed(n.default)}"


def typeswitch(n):
    cases = "".join(
        f" case {f'${c.var} as ' if c.var else ''}{many(c.types, ' | ')} return {printed(c.result)}" for c in n.cases
    )
    default = f"default {f'${n.default_var} ' if n.default_var else ''}return {printed(n.default)}"
    return f"typeswitch ({printed(n.operand)}){cases} {default}"


def try_catch(n):
    catches = "".join(f" catch {f'(${c.var})' if c.var else many(c.tests, ' | ')} {block(c.body)}" for c in n.catches)
    return f"try {block(n.body)}{catches}"


def path(n):
    return n.root + "/".join(map(printed, n.steps))


def lookup(n):
    key = n.key
    if key is None:
        text = "*"
    elif isinstance(key, t.LiteralExpr):
        text = key.value
    else:
        text = printed(key)
    return f"{maybe(n.operand)}?{text}"


def literal(n):
    return string(n.value) if n.kind == "string" else n.value


def string_constructor(n):
    return "``[" + "".join(p if isinstance(p, str) else f"`{braces(p.expr)}`" for p in n.parts) + "]``"


def escaped(text, quote=""):
    for char, by in (("&", "&amp;"), ("<", "&lt;"), ("{", "{{"), ("}", "}}"), ("\r", "&#13;")):
        text = text.replace(char, by)
    if quote:
        text = text.replace(quote, quote * 2).replace("\n", "&#10;").replace("\t", "&#9;")
    return text


def text_content(n):
    text = escaped(n.text)
    return text if n.boundary or text.strip(" \t\n") else f"{text}<![CDATA[]]>"


def value_part(part):
    return escaped(part.text, '"') if isinstance(part, t.TextContent) else printed(part)


def element(n):
    spaces = "".join(f' xmlns{":" * bool(s.prefix)}{s.prefix}="{escaped(s.uri, chr(34))}"' for s in n.namespaces)
    attributes = "".join(f' {a.name}="{"".join(map(value_part, a.value))}"' for a in n.attributes)
    return f"<{n.name}{spaces}{attributes}>{many(n.content, '')}</{n.name}>"


def computed(n):
    json = {"array", "number", "boolean", "null"}
    word = f"{n.kind}-node" if n.kind in json else n.kind
    name = "" if n.name is None else f" {n.name}" if isinstance(n.name, t.Name) else " {" + printed(n.name) + "}"
    return f"{word}{name} {braces(n.content)}"


def validate(n):
    return f"validate {f'type {n.type}' if n.type else n.mode} {{{printed(n.operand)}}}"


def operand(function):
    return f"{function}" if isinstance(function, t.Name) else printed(function)


PRINTERS = {
    t.SequenceType: lambda n: ("empty-sequence()" if n.item is None else printed(n.item)) + n.occurrence,
    t.AnyItemType: lambda n: "item()",
    t.AtomicOrUnionType: lambda n: str(n.name),
    t.SingleType: lambda n: f"{n.name}{'?' * n.optional}",
    t.KindTest: kind_test,
    t.NameTest: name_test,
    t.FunctionTest: function_test,
    t.MapTest: lambda n: "map(*)" if n.key is None else f"map({printed(n.key)}, {printed(n.value)})",
    t.ArrayTest: lambda n: f"array({'*' if n.member is None else printed(n.member)})",
    t.SequenceExpr: lambda n: many(n.items) or "()",
    t.FLWORExpr: lambda n: " ".join(map(flwor_clause, n.clauses)) + f" return {printed(n.result)}",
    t.QuantifiedExpr: lambda n: (
        f"{n.quantifier} "
        + ", ".join(f"${b.var}{typed(b.type)} in {printed(b.source)}" for b in n.bindings)
        + f" satisfies {printed(n.condition)}"
    ),
    t.SwitchExpr: switch,
    t.TypeswitchExpr: typeswitch,
    t.IfExpr: lambda n: f"if ({printed(n.condition)}) then {printed(n.then)} else {printed(n.otherwise)}",
    t.TryCatchExpr: try_catch,
    t.BinaryExpr: lambda n: f"{printed(n.left)} {n.operator} {printed(n.right)}",
    t.UnaryExpr: lambda n: f"{'-' if n.negative else '+'}{printed(n.operand)}",
    t.InstanceOfExpr: lambda n: f"{printed(n.operand)} instance of {printed(n.type)}",
    t.TreatExpr: lambda n: f"{printed(n.operand)} treat as {printed(n.type)}",
    t.CastableExpr: lambda n: f"{printed(n.operand)} castable as {printed(n.type)}",
    t.CastExpr: lambda n: f"{printed(n.operand)} cast as {printed(n.type)}",
    t.ArrowExpr: lambda n: f"{printed(n.operand)} => {operand(n.function)}{arguments(n.args)}",
    t.ValidateExpr: validate,
    t.ExtensionExpr: lambda n: "".join(f"(#{p.name} {p.content}#)" for p in n.pragmas) + braces(n.body),
    t.AxisStep: lambda n: f"{n.axis}::{printed(n.test)}" + "".join(f"[{printed(p)}]" for p in n.predicates),
    t.PathExpr: path,
    t.FilterExpr: lambda n: f"{printed(n.operand)}[{printed(n.predicate)}]",
    t.DynamicCall: lambda n: f"{printed(n.function)}{arguments(n.args)}",
    t.LookupExpr: lookup,
    t.LiteralExpr: literal,
    t.VarRef: lambda n: f"${n.name}",
    t.ContextItem: lambda n: ".",
    t.ParenthesizedExpr: lambda n: f"({printed(n.expr)})",
    t.OrderedExpr: lambda n: f"{'' if n.ordered else 'un'}ordered {block(n.expr)}",
    t.Placeholder: lambda n: "?",
    t.FunctionCall: lambda n: f"{n.name}{arguments(n.args)}",
    t.NamedFunctionRef: lambda n: f"{n.name}#{n.arity}",
    t.InlineFunction: lambda n: (
        f"{annotated(n.annotations)}function{params(n.params)}{typed(n.result)} {block(n.body)}"
    ),
    t.MapConstructor: lambda n: f"map {entries(n.entries)}",
    t.ArrayConstructor: lambda n: f"[{many(n.members)}]" if n.square else f"array {block(n.members[0])}",
    t.StringConstructor: string_constructor,
    t.EnclosedExpr: lambda n: braces(n.expr),
    t.TextContent: text_content,
    t.DirElement: element,
    t.DirComment: lambda n: f"<!--{n.text}-->",
    t.DirPI: lambda n: f"<?{n.target} {n.text}?>",
    t.ComputedConstructor: computed,
    t.ObjectConstructor: lambda n: f"object-node {entries(n.entries)}",
}
