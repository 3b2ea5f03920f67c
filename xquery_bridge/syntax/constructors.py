"""Direct constructors, which have lexical rules of their own, and computed constructors."""

from __future__ import annotations

import re
from typing import Final

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.characters import NCNAME, QNAME, REFERENCE, SPACE, normalize_lines
from xquery_bridge.syntax.grammar import Grammar

_SPACES: Final = re.compile(f"{SPACE}*")
_TAG_NAME: Final = re.compile(QNAME)
_ATTRIBUTE: Final = re.compile(f"{SPACE}+({QNAME}){SPACE}*+={SPACE}*+([\"'])")
_TAG_END: Final = re.compile(f"{SPACE}*(/?>)")
_END_TAG: Final = re.compile(f"</({QNAME}){SPACE}*+>")
_PI_TARGET: Final = re.compile(f"<\\?({NCNAME})(?={SPACE}|\\?>)")
_BLANK: Final = re.compile(f"{SPACE}*\\Z")

_CONTENT: Final = re.compile("[^<&{}]+")
_VALUE: Final = {quote: re.compile(f"[^<&{{}}{quote}]+") for quote in "\"'"}
_VALUE_SPACE: Final = str.maketrans("\t\n", "  ")

#: Computed constructors by their keyword: (kind, what name it has).
COMPUTED: Final = {
    "document": ("document", ""),
    "element": ("element", "qname"),
    "attribute": ("attribute", "qname"),
    "text": ("text", ""),
    "comment": ("comment", ""),
    "processing-instruction": ("processing-instruction", "ncname"),
    "namespace": ("namespace", "ncname"),
}

#: The same with those of 1.0-ml.
ENHANCED_COMPUTED: Final = {
    **COMPUTED,
    "binary": ("binary", ""),
    "array-node": ("array", ""),
    "number-node": ("number", ""),
    "boolean-node": ("boolean", ""),
    "null-node": ("null", ""),
    "object-node": ("object", ""),
}


class ConstructorParser(Grammar):
    """From DirectConstructor to the JSON constructors of 1.0-ml."""

    def choose(self, dialect: str) -> None:
        super().choose(dialect)
        self.computed = ENHANCED_COMPUTED if self.enhanced else COMPUTED

    # -------------------------------------------------------------------------------------------- direct constructors

    def direct_constructor(self) -> tree.DirElement | tree.DirComment | tree.DirPI:
        """DirectConstructor; the current token is `<`."""
        made = self._direct(self.start)
        self.resume(made.end)
        return made

    def _direct(self, start: int) -> tree.DirElement | tree.DirComment | tree.DirPI:
        source = self.source
        if source.startswith("<!--", start):
            return self._dir_comment(start)
        if source.startswith("<?", start):
            return self._dir_pi(start)
        return self._dir_element(start)

    def _dir_element(self, start: int) -> tree.DirElement:
        """DirElemConstructor with DirAttributeList."""
        source = self.source
        match = _TAG_NAME.match(source, start + 1)
        if match is None:
            self.error(f"unexpected <{source[start + 1 : start + 2]}, expecting an expression", start)
        tag, position = match[0], match.end()
        made = tree.DirElement(name=self.name_of(tag, start), namespaces=[], attributes=[], content=[], start=start)
        self.enter()
        while (match := _ATTRIBUTE.match(source, position)) is not None:
            position = self._dir_attribute(made, match)
        match = _TAG_END.match(source, position)
        if match is None:
            position = self._skip(position)
            came = source[position : position + 1] or "$end"
            self.error(f"unexpected {came} in the tag <{tag}>, expecting an attribute, > or />", position)
        if match[1] == "/>":
            made.end = match.end()
        else:
            made.end = self._dir_content(made, tag, match.end())
        self.depth -= 1
        return made

    def _skip(self, position: int) -> int:
        match = _SPACES.match(self.source, position)
        return position if match is None else match.end()

    def _dir_attribute(self, element: tree.DirElement, match: re.Match[str]) -> int:
        """One attribute or namespace declaration; the place after it."""
        name, quote, start = match[1], match[2], match.start(1)
        value, position = self._attribute_value(quote, match.end())
        if name == "xmlns" or name.startswith("xmlns:"):
            if any(isinstance(part, tree.EnclosedExpr) for part in value):
                raise self.failure("XQST0022", f"The value of {name} must be literal", start)
            uri = "".join(part.text for part in value if isinstance(part, tree.TextContent))
            prefix = name[6:]
            element.namespaces.append(tree.DirNamespace(prefix=prefix, uri=uri, start=start, end=position))
        else:
            element.attributes.append(
                tree.DirAttribute(name=self.name_of(name, start), value=value, start=start, end=position)
            )
        return position

    def _attribute_value(self, quote: str, position: int) -> tuple[list[tree.TextContent | tree.EnclosedExpr], int]:
        """DirAttributeValue after its first quote: the parts, and the place after the last quote."""
        source, plain = self.source, _VALUE[quote]
        parts: list[tree.TextContent | tree.EnclosedExpr] = []
        run: list[str] = []
        start = position

        def flush() -> None:
            if run:
                parts.append(tree.TextContent(text="".join(run), start=start, end=position))
                run.clear()

        while True:
            match = plain.match(source, position)
            if match is not None:
                run.append(normalize_lines(match[0]).translate(_VALUE_SPACE))
                position = match.end()
            char = source[position : position + 1]
            if char in (quote, "{", "}") and source.startswith(char, position + 1):
                run.append(char)
                position += 2
            elif char == quote:
                flush()
                return parts, position + 1
            elif char == "{":
                flush()
                enclosed = self._enclosed_content(position)
                parts.append(enclosed)
                start = position = enclosed.end
            elif char == "&":
                text, position = self._reference(position)
                run.append(text)
            else:
                self.error(f"unexpected {char or '$end'} in an attribute value, expecting {quote}", position)

    def _reference(self, position: int) -> tuple[str, int]:
        match = REFERENCE.match(self.source, position)
        assert match is not None
        return self.referred(match, position), match.end()

    def _enclosed_content(self, position: int) -> tree.EnclosedExpr:
        """An enclosed expression in direct content; `position` is that of its `{`."""
        self.resume(position + 1)
        expr = None if self.text == "}" else self.expr()
        if self.text != "}":
            self.unexpected("}")
        return tree.EnclosedExpr(expr=expr, start=position, end=self.end)

    def _dir_content(self, element: tree.DirElement, tag: str, position: int) -> int:
        """DirElemContent* and the end tag; the place after it."""
        source, content = self.source, element.content
        run: list[str] = []
        blank = True
        start = position

        def flush() -> None:
            if run:
                text = "".join(run)
                boundary = blank and _BLANK.match(text) is not None
                content.append(tree.TextContent(text=text, boundary=boundary, start=start, end=position))
                run.clear()

        while True:
            match = _CONTENT.match(source, position)
            if match is not None:
                run.append(normalize_lines(match[0]))
                position = match.end()
            char = source[position : position + 1]
            if char == "<":
                if source.startswith("<![CDATA[", position):
                    close = source.find("]]>", position)
                    if close < 0:
                        self.error("unexpected $end in a CDATA section, expecting ]]>", position)
                    run.append(normalize_lines(source[position + 9 : close]))
                    blank, position = False, close + 3
                    continue
                flush()
                if source.startswith("</", position):
                    return self._end_tag(tag, position)
                child = self._direct(position)
                content.append(child)
                start, blank, position = child.end, True, child.end
            elif char in ("{", "}") and source.startswith(char, position + 1):
                run.append(char)
                position += 2
            elif char == "{":
                flush()
                enclosed = self._enclosed_content(position)
                content.append(enclosed)
                start, blank, position = enclosed.end, True, enclosed.end
            elif char == "&":
                text, position = self._reference(position)
                run.append(text)
                blank = False
            else:
                self.error(f"unexpected {char or '$end'}, expecting </{tag}>", position)

    def _end_tag(self, tag: str, position: int) -> int:
        match = _END_TAG.match(self.source, position)
        if match is None:
            self.error(f"unexpected {self.source[position : position + 20]!r}, expecting </{tag}>", position)
        if match[1] != tag:
            raise self.failure("XQST0118", f"End tag </{match[1]}> does not match start tag <{tag}>", position)
        return match.end()

    def _dir_comment(self, start: int) -> tree.DirComment:
        """DirCommentConstructor."""
        close = self.source.find("--", start + 4)
        if close < 0 or not self.source.startswith("-->", close):
            at = start if close < 0 else close
            self.error(f"unexpected {'$end' if close < 0 else '--'} in a comment, expecting -->", at)
        text = normalize_lines(self.source[start + 4 : close])
        return tree.DirComment(text=text, start=start, end=close + 3)

    def _dir_pi(self, start: int) -> tree.DirPI:
        """DirPIConstructor."""
        match = _PI_TARGET.match(self.source, start)
        if match is None or match[1].lower() == "xml":
            self.error("unexpected <?, expecting the target of a processing instruction other than xml", start)
        begin = self._skip(match.end())
        close = self.source.find("?>", begin)
        if close < 0:
            self.error("unexpected $end in a processing instruction, expecting ?>", start)
        text = normalize_lines(self.source[begin:close])
        return tree.DirPI(target=match[1], text=text, start=start, end=close + 2)

    # ------------------------------------------------------------------------------------------ computed constructors

    def starts_computed(self) -> bool:
        """Whether the current token, a word of the table, begins a computed constructor."""
        kind, following, second = self.peek_two()
        if following == "{":
            return True
        named = self.computed[self.text][1]
        return bool(named) and kind in ("name", "braced") and second == "{" and not following.endswith("}*")

    def computed_constructor(self) -> tree.ComputedConstructor | tree.ObjectConstructor:
        """ComputedConstructor, and the binary and JSON constructors of 1.0-ml."""
        start = self.start
        kind, named = self.computed[self.text]
        if kind == "object":
            return self.object_constructor()
        self.advance()
        name: tree.Name | tree.Expr | None = None
        if named:
            if self.text == "{":
                self.advance()
                name = self.expr()
                self.expect("}")
            else:
                name = self.name() if named == "qname" else tree.Name(self.ncname())
        if kind == "null":
            self.expect("{")
            self.expect("}")
            content = None
        else:
            content = self.enclosed()
        if content is None and kind in ("number", "boolean"):
            self.error("unexpected }, expecting an expression", self.last - 1)
        return tree.ComputedConstructor(kind=kind, name=name, content=content, start=start, end=self.last)

    def object_constructor(self) -> tree.ObjectConstructor:
        """1.0-ml: object-node { K : V, … }."""
        start = self.start
        self.advance()
        entries = self.entries()
        return tree.ObjectConstructor(entries=entries, start=start, end=self.last)

    def entries(self) -> list[tuple[tree.Expr, tree.Expr]]:
        """`{ K : V, … }` of maps and object nodes."""
        self.expect("{")
        entries: list[tuple[tree.Expr, tree.Expr]] = []
        if self.accept("}"):
            return entries
        while True:
            key = self.expr_single()
            self.expect(":")
            entries.append((key, self.expr_single()))
            if not self.accept(","):
                self.expect("}")
                return entries
