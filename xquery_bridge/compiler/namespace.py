"""The names that generated code refers to: the helpers of the runtime, under the names code generation writes."""

from __future__ import annotations

import builtins
import keyword
from itertools import islice
from typing import Any, Final

from xquery_bridge.runtime import (
    arithmetic,
    axes,
    calls,
    caught,
    comparison,
    construction,
    flwor,
    indexes,
    json_nodes,
    values,
)
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.context import CallerScope, Deferred
from xquery_bridge.runtime.functions import FunctionItem

_VALUE_COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")

#: Helpers by the names they have in their own modules.
_NAMED: Final[tuple[tuple[Any, tuple[str, ...]], ...]] = (
    (
        values,
        (
            "as_list",
            "atomize",
            "atomize_one",
            "count",
            "ebv",
            "joined_text",
            "optional",
            "string_of",
            "text_of",
            "the_item",
        ),
    ),
    (arithmetic, ("decimal_add", "decimal_divide", "decimal_multiply", "decimal_subtract")),
    (arithmetic, ("add", "subtract", "multiply", "divide", "integer_divide", "modulo", "negate", "plus")),
    (arithmetic, ("sum_integers",)),
    (
        calls,
        (
            "PLACEHOLDER",
            "Bounce",
            "bounced",
            "assign",
            "begin_variable",
            "call_one",
            "callable_of",
            "cast_as",
            "castable_as",
            "exists",
            "external_value",
            "fail",
            "fail_unbound",
            "first_entries",
            "given",
            "head",
            "in_order",
            "integer_of",
            "integer_range",
            "item_at",
            "lookup",
            "lookup_all",
            "map_key",
            "member_or_item_at",
            "new_map",
            "node_follows",
            "node_is",
            "node_precedes",
            "one_context_item",
            "one_node",
            "optional_text",
            "partial_application",
            "predicate_holds",
            "slice_at",
            "step_from",
            "step_of",
            "string_or_empty",
            "switch_key",
            "treat_as",
        ),
    ),
    (
        axes,
        (
            "attribute_is",
            "child_at",
            "ddo",
            "except_",
            "intersect",
            "last_child",
            "operand_nodes",
            "path_result",
            "require_nodes",
            "root_document",
            "union",
        ),
    ),
    (
        flwor,
        (
            "EMPTY_ONCE",
            "group_key",
            "group_value",
            "order_rows",
            "order_value",
            "sliding_windows",
            "tumbling_windows",
        ),
    ),
    (
        construction,
        (
            "NO_NAMESPACES",
            "comment",
            "computed_attribute",
            "computed_element",
            "document",
            "element",
            "processing_instruction",
        ),
    ),
    (indexes, ("Index", "Members", "keep", "tree_index", "tree_path")),
    (json_nodes, ("array_node", "binary_node", "boolean_node", "null_node", "number_node", "object_node")),
    (
        caught,
        (
            "CATCHABLE",
            "caught_error",
            "error_additional",
            "error_code",
            "error_column_number",
            "error_description",
            "error_element",
            "error_line_number",
            "error_matches",
            "error_module",
            "error_value",
            "rethrow",
        ),
    ),
)

#: Everything a generated program finds in its namespace, besides its own functions and constants.
RUNTIME: Final[dict[str, Any]] = {
    **{name: getattr(module, name) for module, names in _NAMED for name in names},
    **{f"value_{name}": getattr(comparison, f"value_{name}") for name in _VALUE_COMPARISONS},
    **{f"general_{name}": getattr(comparison, f"general_{name}") for name in _VALUE_COMPARISONS},
    **{f"{axis.replace('-', '_')}_step": step for axis, step in axes.STEPS.items()},
    **{f"{axis.replace('-', '_')}_axis": nodes for axis, nodes in axes.AXES.items()},
    "CallerScope": CallerScope,
    "Deferred": Deferred,
    "FunctionItem": FunctionItem,
    "islice": islice,
    "XdmArray": XdmArray,
    "text_node": construction.text,
    "namespace_node": construction.namespace,
}

#: Names that no variable or function of a query may get in the generated program.
RESERVED: Final[frozenset[str]] = frozenset(
    {
        *RUNTIME,
        *dir(builtins),
        *keyword.kwlist,
        "context",
        "context_item",
        "context_last",
        "context_position",
        "known_variables",
        "main",
        "_",
    }
)
