"""Random programs: the forms of `grammar` filled in at random, with functions of their own that end."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.properties.grammar import FORMS, LEAVES, STRANGE

_MARK = re.compile(r"‹([-+])?(?:([a-z]):)?([A-Za-z]+)(@[A-Za-z]*)?›|\$([a-z])\b(?!:[a-z])")

TYPES = {
    "integer": "xs:integer", "string": "xs:string", "boolean": "xs:boolean", "integers": "xs:integer*",
    "node": "element()", "nodes": "element()*", "items": "item()*",
}  # fmt: skip

#: Writes a value with the types of its items, so that results can be compared as text.
SHOW = """
declare function local:show($shown as item()*) as xs:string {
  string-join($shown ! (typeswitch (.)
    case map(*) return 'map{' || string-join(
      let $m := . return for $k in map:keys($m) order by string($k)
      return local:show($k) || '=' || local:show($m($k)), ';') || '}'
    case array(*) return '[' || string-join(array:for-each(., local:show#1)?*, ';') || ']'
    case function(*) return 'function#' || function-arity(.)
    case attribute() return '@' || name() || '=' || .
    case node() return serialize(.)
    case xs:integer return 'i' || . case xs:decimal return 'd' || . case xs:float return 'f' || .
    case xs:double return 'e' || . case xs:string return 's' || . case xs:boolean return 'b' || .
    case xs:untypedAtomic return 'u' || . default return 'a' || .), '|')
};
"""
#: Gives what it is given.
VEIL = """
declare function local:veiled($value as item()*, $n as xs:integer) as item()* {
  if ($n eq 0) then $value else local:veiled($value, $n - 1)
};
"""
PROLOG = """
declare namespace map = 'http://www.w3.org/2005/xpath-functions/map';
declare namespace array = 'http://www.w3.org/2005/xpath-functions/array';
declare namespace math = 'http://www.w3.org/2005/xpath-functions/math';
declare namespace err = 'http://www.w3.org/2005/xqt-errors';
"""


@dataclass(frozen=True)
class Names:
    """What an expression can see: variables by kind, and the kind of the context item."""

    variables: tuple[tuple[str, str], ...] = ()
    focus: str = ""

    def without(self, name: str) -> Names:
        return Names(tuple(each for each in self.variables if each[0] != name), self.focus)

    def having(self, name: str, kind: str) -> Names:
        return Names(((name, kind), *self.without(name).variables), self.focus)


@dataclass
class Programs:
    """Makes programs. `pick` chooses of a list; `strange` of a hundred parts are of a kind nobody asked for."""

    pick: Callable[[Sequence[Any]], Any]
    strange: int = 3
    leaves: dict[str, list[str]] = field(default_factory=lambda: LEAVES)
    forms: dict[str, list[str]] = field(default_factory=lambda: FORMS)
    functions: list[tuple[str, str, list[str]]] = field(default_factory=list)
    made: int = 0
    size: int = 0

    def program(self, depth: int = 4) -> str:
        """Functions and a body, still to be made `plain` or `veiled`."""
        self.functions, self.made, self.size = [], 0, 0
        declared = [self._function(f"local:f{index}", depth - 1) for index in range(self.pick([0, 0, 1, 2]))]
        body = self.expression(self.pick(list(self.forms)), depth, Names())
        return "".join([SHOW, *declared, "local:show((", body, "))"])

    def _function(self, name: str, depth: int) -> str:
        """A function that calls itself, a number of times that its first argument counts down."""
        result, parameter = self.pick(list(TYPES)), self.pick(list(TYPES))
        names = Names((("p", parameter), ("n", "integer")))
        end, go_on = self.expression(result, depth, names), self.expression(result, depth, names)
        argument = self.expression(parameter, 1, names)
        own = f"{name}($n - 1, {argument})"
        step = self.pick(
            [own, f"({own}, {go_on})[1]", f"let $r := {own} return {go_on}", f"if ($n eq 2) then {go_on} else {own}"]
        )
        self.functions.append((name, result, ["small", parameter]))
        return (
            f"declare function {name}($n as xs:integer, $p as {TYPES[parameter]}) as {TYPES[result]} "
            f"{{ if ($n le 0) then {end} else {step} }};\n"
        )

    def expression(self, kind: str, depth: int, names: Names) -> str:
        """An expression of a kind."""
        self.size += 1
        if self.strange and self.pick(range(100)) < self.strange:
            kind = self.pick(STRANGE)
        known = [f"${name}" for name, its in names.variables if its == kind]
        if names.focus == kind:
            known.append(".")
        if depth <= 0 or self.size > 120:
            return self._leaf(kind, known)
        choice = self.pick(range(10))
        if choice == 0 or (choice < 4 and known):
            return self._leaf(kind, known)
        if choice == 5:
            calls = [each for each in self.functions if each[1] == kind]
            if calls:
                name, _, (_, parameter) = self.pick(calls)
                return f"{name}({self.pick(range(4))}, {self.expression(parameter, depth - 1, names)})"
        return self._filled(self.pick(self.forms[kind]), depth - 1, names)

    def _leaf(self, kind: str, known: list[str]) -> str:
        chosen: str = self.pick(known * 2 + self.leaves[kind])
        return chosen if chosen in known else f"⟦{chosen}⟧"

    def _filled(self, form: str, depth: int, names: Names) -> str:
        given: dict[str, str] = {}
        parts: list[str] = []
        at = 0
        for mark in _MARK.finditer(form):
            parts.append(form[at : mark.start()])
            at = mark.end()
            bound, letter, kind, focus, variable = mark.groups()
            if variable or letter:
                name = variable or letter
                if name not in given:
                    self.made += 1
                    given[name] = f"{name}{self.made}"
            if variable:
                parts.append("$" + given[variable])
            elif bound == "+":
                names = names.having(given[letter], kind)
            elif bound:
                names = names.without(given[letter])
            else:
                inner = names if focus is None else Names(names.variables, focus[1:])
                made = self.expression(kind, depth, inner)
                parts.append(made if _is_closed(made) else f"({made})")
        parts.append(form[at:])
        return "".join(parts)


def _is_closed(source: str) -> bool:
    """Whether an expression can stand anywhere without parentheses."""
    return re.fullmatch(r"[$\w.]\w*|⟦[^⟦⟧]*⟧|\([^()]*\)", source) is not None


def plain(program: str) -> str:
    """A program as anyone would write it."""
    return PROLOG + program.replace("⟦", "(").replace("⟧", ")")


def veiled(program: str) -> str:
    """The same program, with values whose types no compiler can know."""
    return PROLOG + VEIL + program.replace("⟦", "local:veiled((").replace("⟧", "), 1)")


def seeded(seed: int, strange: int = 3, depth: int = 4) -> str:
    """The program of a number; `plain` and `veiled` make it one to run."""
    return Programs(random.Random(seed).choice, strange).program(depth)


@st.composite
def programs(draw: st.DrawFn, strange: int = 3, depth: int = 3) -> str:
    """Programs that hypothesis can make smaller."""
    return Programs(lambda options: draw(st.sampled_from(options)), strange).program(depth)
