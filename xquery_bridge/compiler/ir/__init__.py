"""The compiler's own form of a query: names resolved, abbreviations written out, every expression with a static type.

Each node knows its free variables, and how freely it may be moved (`node`). The focus is three ordinary variables
(`variables.Focus`), so that `.`, position() and last() are variable references and need no rules of their own.
"""
