"""Writes docs/cntk: a page for each group of `cntk:` functions and an index, from the registry's rows and the examples.

    python -m docs.cntk_reference

What a function is called with, its defaults, options and meaning come from its row (xquery_bridge/library/cntk);
shapes, errors and the example with its result from docs/cntk/examples/GROUP.toml, where a new function gets an entry.
"""

from __future__ import annotations

import inspect
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from xquery_bridge.compute import Shape
from xquery_bridge.compute.initializers import AUTOMATIC_RANK
from xquery_bridge.compute.schedules import Schedule
from xquery_bridge.library.cntk import TABLE
from xquery_bridge.library.cntk.groups import GROUPS
from xquery_bridge.library.cntk.options import Option
from xquery_bridge.library.cntk.rows import Group
from xquery_bridge.registry import Row

#: How many functions MarkLogic 10 documents in the namespace.
DOCUMENTED: Final = 330

FOLDER: Final = Path(__file__).parent / "cntk"

#: A second name, correctly spelt, of a function whose documented name is not; it does not count as a function.
ALIASES: Final = {"default-input-variable-dynamic-axes": "default-input-ariable-dynamic-axes"}

#: What a parameter or option that is left out stands for, where its default in Python says only that it is.
_LEFT_OUT: Final = {
    "activation": "none",
    "additional-parameters": "no options",
    "alo": "no options",
    "axis": "the first axis",
    "begin-axis": "the first axis",
    "cell-shape": "that of the output",
    "device": "`cntk:cpu()`",
    "dropout-rate": "one of the two is required",
    "dynamic-axes": "`cntk:default-input-ariable-dynamic-axes()`",
    "end-axis": "`cntk:end-static-axis()`",
    "evaluate-function": "none",
    "filter-shape": "that of the kernel",
    "init": "`cntk:glorot-uniform-initializer()`",
    "initial-state": "0",
    "initial-states": "0",
    "input-rank": "all but the map-rank's",
    "keep-prob": "one of the two is required",
    "lower-pad": "by auto-padding",
    "map": "no options",
    "map-rank": "none",
    "num-filters": "none",
    "output-shape": "by sizes, strides and padding",
    "seed": "the next seed of the request",
    "shape": "that of the weight",
    "upper-pad": "by auto-padding",
    "weight": "none",
}
#: The activation of a cell: the default is a function.
_ACTIVATIONS: Final = {"rnn-step": '`"sigmoid"`'}


def examples() -> dict[str, dict[str, str]]:
    """The entries of docs/cntk/examples by function: shapes, errors, example, result."""
    found: dict[str, dict[str, str]] = {}
    for group in GROUPS:
        found |= tomllib.loads((FOLDER / "examples" / f"{group.key}.toml").read_text(encoding="utf-8"))
    return found


def functions() -> dict[str, list[Row]]:
    """The rows of each function, ascending by arity."""
    found: dict[str, list[Row]] = {}
    for row in TABLE.rows:
        found.setdefault(row.local, []).append(row)
    return {name: sorted(rows, key=lambda row: row.arity) for name, rows in sorted(found.items(), key=_by_name)}


def _by_name(entry: tuple[str, Any]) -> str:
    return entry[0].lower()


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    rows, shown = functions(), examples()
    meanings = tomllib.loads((FOLDER / "examples" / "options.toml").read_text(encoding="utf-8"))["options"]
    by_group = {group: {name: of for name, of in rows.items() if of[0].extra["group"] == group.key} for group in GROUPS}
    made = {"index.md": "\n".join(_index(by_group)) + "\n"}
    for group, members in by_group.items():
        lines = [f"# {group.title}", "", _NOTICE, "", group.about, ""]
        for name, of in members.items():
            lines += _section(name, of, shown.get(name, {}), meanings)
        made[f"{group.key}.md"] = "\n".join(lines).rstrip() + "\n"
    return made


_NOTICE: Final = "*Made by `python -m docs.cntk_reference` from the rows of the functions. [All groups](index.md)*"

_GENERAL: Final = """\
The namespace `http://marklogic.com/cntk` needs no declaration in 1.0-ml. Every function is found by
`fn:function-lookup(xs:QName("cntk:NAME"), ARITY)` and can be passed around, partially applied and called with `=>`.

**Shapes** are in CNTK's order: the first dimension is the fastest in memory. `[4 x 2]` names dimensions, `*` a free
dimension, `[]` a scalar; `[s…]` is any shape. A shape is that of one sample; steps and samples are dynamic axes.

**Arguments.** A `cntk:function` stands for its output wherever a `cntk:variable` is declared, a `cntk:parameter` and a
`cntk:constant` are variables, and one item is a sequence of one. What may be left out from the right is listed with its
default. For a parameter of one item 1.0-ml's function mapping calls a function once for each item of a sequence; with
`declare option xdmp:mapping "false"` it is an error.

**Errors.** An argument of another type is `XDMP-AS: (err:XPTY0004)`, which names the parameter; another number of
arguments is `XDMP-UNDFUN: (err:XPST0017)`. What CNTK refuses is `XDMP-CNTKERR: (err:FOER0000)` with CNTK's sentence;
so is an option that a function does not have, with a list of those it has. Operands must agree in data type. Nothing is
left half done: after an error trainers, parameters and values are what they were.

**Items** of these types have no typed value and no string value: `fn:data`, `fn:string`, comparison and storing raise
`XDMP-AS: (err:FOTY0013)`. `xdmp:quote` and the answers of the service show them as in the results below."""


def _index(by_group: dict[Group, dict[str, list[Row]]]) -> Iterator[str]:
    served = sum(name not in ALIASES for members in by_group.values() for name in members)
    yield from ("# The functions of `cntk:`", "", _NOTICE.replace(" [All groups](index.md)", ""), "")
    yield from (f"**{served} of {DOCUMENTED}** functions that MarkLogic 10 documents.", "", _GENERAL, "")
    yield from ("| group | functions | |", "|---|---:|---|")
    for group, members in by_group.items():
        count = sum(name not in ALIASES for name in members)
        links = ", ".join(f"[{name}]({group.key}.md#cntk{name.lower()})" for name in members)
        yield f"| [{group.title}]({group.key}.md) | {count} | {links} |"


def _section(name: str, rows: list[Row], shown: dict[str, str], meanings: dict[str, str]) -> Iterator[str]:
    longest = rows[-1]
    yield from (f"## `cntk:{name}`", "", "```xquery", *[f"cntk:{row.signature}" for row in rows], "```", "")
    yield from (meaning(longest), "")
    left_out = list(zip(longest.params, _defaults(longest), strict=True))[rows[0].arity :]
    defaults = [f"`${param.name}`: {_default(param.name, value, name)}" for param, value in left_out]
    facts = [
        ("Shapes", shown.get("shapes", "")),
        ("Defaults", ", ".join(defaults) + "." if defaults else ""),
        ("Errors", shown.get("errors", "")),
    ]
    lines = [f"- **{label}.** {text}" for label, text in facts if text]
    if lines:
        yield from (*lines, "")
    if longest.extra["options"]:
        yield from _options(longest, meanings)
    if shown:
        yield from ("```xquery", shown["example"].strip(), "```", "", "```", shown["result"].strip(), "```", "")


def meaning(row: Row) -> str:
    """What a function does: the first paragraph of its docstring, with names as a query writes them."""
    text = " ".join(inspect.cleandoc(row.implementation.__doc__ or "").split("\n\n")[0].split())
    text = re.sub(r" \(`cntk:[^)]*`\)", "", text)
    names = {param.name for param in row.params}

    def written(match: re.Match[str]) -> str:
        word = match[1].replace("_", "-")
        return f"`${word}`" if word in names else f"`{word}`"

    text = re.sub(r"`([a-z_]+)`", written, text)
    return text[:1].upper() + text[1:] if re.match("[a-z]+ ", text) and not re.match("[a-z] ", text) else text


def _defaults(row: Row) -> list[Any]:
    """The default of each parameter, as the implementation has it."""
    signature = inspect.signature(row.extra["function"])
    return [parameter.default for parameter in list(signature.parameters.values())[: row.arity]]


def _default(key: str, value: Any, function: str) -> str:
    if value is None or (value == () and key == "initial-states"):
        return _LEFT_OUT[key]
    if key == "device":
        return "`cntk:cpu()`"
    if callable(value) and key == "activation":
        return next((text for start, text in _ACTIVATIONS.items() if function.startswith(start)), '`"tanh"`')
    if isinstance(value, bool):
        return f"`fn:{str(value).lower()}()`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, Schedule):
        return f"`cntk:momentum-schedule-from-constant({value.values[0][1]}, {value.minibatch_size})`"
    if isinstance(value, Shape) and value.is_unknown:
        return "`cntk:unknown-shape()`"
    if key == "dynamic-axes":
        return "`cntk:unknown-dynamic-axes()`"
    if isinstance(value, tuple):
        return _default(key, value[0], function) if value else "`()`"
    if value == AUTOMATIC_RANK:
        return {"output-rank": "1", "filter-rank": "0"}[key]
    if value == math.inf:
        return "`INF`"
    return f"`{int(value) if value == int(value) else value}`"


def _options(row: Row, meanings: dict[str, str]) -> Iterator[str]:
    arguments = inspect.signature(row.extra["configures"]).parameters
    yield from ("| option | value | default | |", "|---|---|---|---|")
    for option in sorted(row.extra["options"], key=lambda each: each.keys[0]):
        key = option.keys[0]
        keys = " or ".join(f"`{each}`" for each in option.keys)
        found = arguments.get(option.argument)
        default = None if found is None else found.default
        needed = option.argument in row.extra["required"] or default is inspect.Parameter.empty
        told = "required" if needed else _default(key, default, row.local)
        yield f"| {keys} | {_kind(option)} | {told} | {meanings[key]} |"
    yield ""


def _kind(option: Option) -> str:
    text = inspect.cleandoc(option.read.__doc__ or "").rstrip(".")
    text = text.replace("`sizes`", "whole numbers or a cntk:shape")
    return text[:1].lower() + text[1:]


def write() -> None:
    """Write the pages, and remove those of groups that are gone."""
    made = pages()
    for page in FOLDER.glob("*.md"):
        if page.name not in made:
            page.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
