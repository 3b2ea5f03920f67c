"""The forms of random programs: a table for each kind of value, one row a form.

In a form, `‹kind›` stands for an expression of that kind. `‹+a:kind›` writes nothing: from there on the form's `$a` is
a variable of that kind, until `‹-a:kind›`. `‹kind@node›` is an expression whose context item is of that kind, `‹kind@›`
one that has none. Variables `$a` … of a form get names of their own in a program. No form grows without bound, however
it is filled.
"""

from typing import Final

#: kind -> expressions without parts; every kind has some.
LEAVES: Final[dict[str, list[str]]] = {
    "integer": [
        "0", "1", "2", "-1", "3", "7", "10", "255", "-9223372036854775809", "18446744073709551616",
    ],
    "decimal": [
        "0.0", "1.5", "-2.25", "0.1", "100.0", "3.00", "12345678901234567890.5", "-0.001",
    ],
    "double": [
        "0e0", "1.5e0", "-2e0", "1e300", "1e-7", "1e6", "123456.7e0", "xs:double('NaN')", "xs:double('INF')", "-0e0",
    ],
    "string": [
        "''", "'a'", "'abc'", "'b A c'", "'12'", "'-3.5'", "'&#x1D11E;x&#x1F600;'", "'é'", "'a,b,,c'", '"q""t"',
    ],
    "boolean": [
        "true()", "false()",
    ],
    "date": [
        "xs:date('2024-02-29')", "xs:date('1999-12-31Z')", "xs:date('2000-01-01+05:30')", "xs:date('-0044-03-15')",
    ],
    "dateTime": [
        "xs:dateTime('2024-02-29T23:59:59.5')", "xs:dateTime('2000-01-01T00:00:00Z')",
    ],
    "duration": [
        "xs:dayTimeDuration('PT36H')", "xs:dayTimeDuration('-P1DT0.5S')", "xs:dayTimeDuration('PT0S')",
    ],
    "months": [
        "xs:yearMonthDuration('P1Y2M')", "xs:yearMonthDuration('-P13M')", "xs:yearMonthDuration('P0M')",
    ],
    "node": [
        "<a/>", "<a k='1'>x<b>2</b><b>3</b></a>", "<r><a><b k='2'/></a><a/>t</r>", "<p:a xmlns:p='u'>7</p:a>",
    ],
    "nodes": [
        "()", "(<a>1</a>, <b>2</b>)", "<r><b>3</b><a k='9'/><b>1</b></r>/*",
    ],
    "integers": [
        "()", "(1, 2, 3)", "1 to 4", "(3, 1, 2, 1)", "(5)", "reverse(1 to 3)",
    ],
    "strings": [
        "()", "('b', 'a', 'c')", "('a', 'a')", "tokenize('x y z')",
    ],
    "items": [
        "()", "(1, 'a', 2.5)", "(true(), <a>1</a>)", "(1, [2, 3], 'x')", "(xs:untypedAtomic('4'), 1e0)",
    ],
    "map": [
        "map {}", "map {1: 10, 2: 20}", "map {3: 1}",
    ],
    "record": [
        "map {'k': 1, 'b': (2, 3)}", "map {'k': ()}", "map {'k': 5, 'x y': 'z'}",
    ],
    "array": [
        "[]", "[1, 2, 3]", "[(1, 2), (), 3]", "array {4, 5}",
    ],
    "change": [
        "abs#1", "function($v) {$v + 1}", "string-length#1", "floor#1",
    ],
    "test": [
        "function($v) {$v gt 1}", "function($v as xs:integer) as xs:boolean {$v mod 2 eq 0}", "boolean#1",
    ],
    "combine": [
        "function($v, $w) {$v + $w}", "function($v, $w) {$w}", "insert-before(?, 1, ?)", "concat#2",
    ],
}  # fmt: skip

FORMS: Final[dict[str, list[str]]] = {
    "integer": [
        "(‹integer› + ‹integer›)", "(‹integer› - ‹integer›)", "(‹integer› * ‹integer›)", "(‹integer› idiv ‹integer›)",
        "(‹integer› mod ‹integer›)", "- ‹integer›", "abs(‹integer›)", "count(‹items›)", "string-length(‹string›)",
        "xs:integer(‹decimal›)", "sum(‹integers›)", "(max(‹integers›), ‹integer›)[1]", "(‹integers›, ‹integer›)[1]",
        "(‹integers›, ‹integer›)[last()]", "(‹map›?1, ‹integer›)[1]", "(‹map›(‹integer›), ‹integer›)[1]",
        "array:size(‹array›)", "map:size(‹map›)", "‹change›(‹integer›)", "‹combine›(‹integer›, ‹integer›)",
        "fold-left(‹integers›, ‹integer›, ‹combine›)", "fold-right(‹integers›, ‹integer›, ‹combine›)",
        "if (‹boolean›) then ‹integer› else ‹integer›", "let $a := ‹integer›‹+a:integer› return ‹integer›",
        "let $a as xs:integer := ‹integer›‹+a:integer› return ‹integer›",
        "let $a := ‹integers›‹+a:integers› return ‹integer›", "let $a := ‹node›‹+a:node› return ‹integer›",
        "let $a := ‹combine›‹+a:combine›, $b := ‹map›‹+b:map› return ‹integer›",
        "switch (‹integer›) case ‹integer› return ‹integer› case 1 case 2 return ‹integer› default "
        "return ‹integer›",
        "switch (‹string›) case ‹string› return ‹integer› default return ‹integer›",
        "typeswitch (‹items›) case $a as xs:integer‹+a:integer› return ‹integer› ‹-a:integer›case $b as "
        "xs:integer*‹+b:integers› return ‹integer› case element()+ return ‹integer› default return "
        "‹integer›",
        "try {‹integer›} catch * {‹integer›}", "try {‹integer›} catch err:FOAR0001 | err:XPTY0004 {‹integer›}",
        "((‹integer› cast as xs:string) cast as xs:integer)",
        "(xs:integer(‹node›[@k castable as xs:integer]/@k), 1)[1]", "count(‹nodes›)", "(‹string› cast as xs:integer)",
        "(‹items› treat as xs:integer)", "year-from-date(‹date›)", "day-from-date(‹date›)",
        "compare(‹string›, ‹string›)", "string-to-codepoints('x' || ‹string›)[last()]",
        "(index-of(‹integers›, ‹integer›), 0)[1]", "count(‹integers›[‹boolean@integer›])",
        "‹integers›[‹integer›] ! ‹integer@integer›", "‹integer› => abs()", "round(‹integer›, -1)",
        "round-half-to-even(‹integer›, -1)", "xs:int(‹integer›)", "xs:unsignedByte(‹integer›)",
        "months-from-duration(‹months›)", "xs:integer(floor(‹decimal›))", "error(xs:QName('err:TEST0001'), ‹string›)",
        "sum(for $a in ‹integers›‹+a:integer› for $b in ‹integers›‹+b:integer› where $a eq $b return "
        "‹integer›)",
        "count(for $a in ‹nodes›‹+a:node› for $b in ‹nodes›‹+b:node› where $a/@k = $b/b return ‹items›)",
        "let $c := ‹integer›, $d := ‹integers› return (function($a as xs:integer, $b as xs:integer*) as "
        "xs:integer {‹+a:integer›‹+b:integers›‹integer@›})($c, $d)",
    ],
    "decimal": [
        "(‹decimal› + ‹decimal›)", "(‹decimal› - ‹integer›)", "(‹decimal› * ‹decimal›)", "(‹integer› div ‹integer›)",
        "(‹decimal› div ‹decimal›)", "(‹decimal› mod ‹decimal›)", "round(‹decimal›)", "round(‹decimal›, 1)",
        "round-half-to-even(‹decimal›, 2)", "ceiling(‹decimal›)", "floor(‹decimal›)", "- ‹decimal›",
        "number(‹string›) ! (if (. lt 1e9) then xs:decimal(.) else 0.5)", "xs:decimal(‹double›)",
        "avg((‹integers›, ‹integer›))", "abs(‹decimal›)", "if (‹boolean›) then ‹decimal› else ‹decimal›",
        "let $a := ‹decimal›‹+a:decimal› return ‹decimal›", "min((‹decimal›, ‹integer›))",
        "(‹duration› div ‹duration›)", "try {‹decimal›} catch * {‹decimal›}", "seconds-from-dateTime(‹dateTime›)",
        "sum((‹decimal›, ‹integer›, ‹decimal›))",
    ],
    "double": [
        "(‹double› + ‹double›)", "(‹double› - ‹decimal›)", "(‹double› * ‹integer›)", "(‹double› div ‹double›)",
        "(‹double› mod ‹double›)", "round(‹double›)", "round-half-to-even(‹double›, 3)", "floor(‹double›)",
        "ceiling(‹double›)", "number(‹string›)", "number(‹node›)", "xs:double(‹decimal›)",
        "max((‹double›, ‹integer›))", "min((‹double›, ‹decimal›))", "- ‹double›", "sum(‹nodes›/b)",
        "avg(‹nodes›/b) + 1", "math:sqrt(‹integer›)", "math:pow(2, ‹integer›)", "abs(‹double›)",
        "(xs:untypedAtomic(string(‹integer›)) + ‹integer›)", "if (‹boolean›) then ‹double› else ‹double›",
        "let $a := ‹double›‹+a:double› return ‹double›", "xs:float(‹double›)", "(‹node› * 2)",
    ],
    "string": [
        "(‹string› || ‹string›)", "concat(‹string›, ‹integer›, ‹boolean›)", "substring(‹string›, ‹integer›)",
        "substring(‹string›, ‹double›, ‹integer›)", "upper-case(‹string›)", "lower-case(‹string›)",
        "normalize-space(‹string›)", "translate(‹string›, ‹string›, ‹string›)", "replace(‹string›, '[ab]', '<$0>')",
        "string-join(‹strings›, ‹string›)", "string-join(‹integers›, ',')", "string(‹integer›)", "string(‹decimal›)",
        "string(‹double›)", "string(‹boolean›)", "string(‹node›)", "string(‹date›)", "string(‹duration›)",
        "string(‹months›)", "string(‹dateTime›)", "substring-before(‹string›, ‹string›)",
        "substring-after(‹string›, ‹string›)", "(‹strings›, ‹string›)[1]",
        "codepoints-to-string(reverse(string-to-codepoints(‹string›)))", "if (‹boolean›) then ‹string› else ‹string›",
        "let $a := ‹string›‹+a:string› return ‹string›", "name(‹node›)", "local-name(‹node›)",
        "(‹integer› cast as xs:string)", "(‹double› cast as xs:string)",
        "string-join(for $a in ‹strings›‹+a:string› order by ‹string› return ‹string›, '-')",
        "``[[`{‹string›}` and `{‹integers›}`]``", "serialize(‹node›)", "head(sort((‹strings›, ‹string›)))",
        "try {‹string›} catch * {local-name-from-QName($err:code)}", "format-integer(‹integer›, '000')",
        "typeswitch (‹items›) case xs:string return ‹string› case $a as node()‹+a:node› return ‹string› "
        "‹-a:node›default return ‹string›",
        "switch (true()) case ‹boolean› return ‹string› case ‹boolean› return ‹string› default return "
        "‹string›",
        "max((‹strings›, ‹string›))", "encode-for-uri(‹string›)", "normalize-unicode(‹string›)",
        "string-join(‹items› ! string(.))", "analyze-string(‹string›, '[a-c]+')/string-join(*/local-name(), ' ')",
        "(‹record›?k, ‹string›)[1] ! string(.)", "xs:normalizedString(‹string›)", "xs:token(‹string›)",
        "string(xs:hexBinary(xs:base64Binary('AQID')))",
    ],
    "boolean": [
        "(‹integer› eq ‹integer›)", "(‹integer› lt ‹decimal›)", "(‹decimal› ge ‹double›)", "(‹string› le ‹string›)",
        "(‹integers› = ‹integers›)", "(‹integers› != ‹integers›)", "(‹strings› < ‹strings›)",
        "(‹nodes› = ‹integers›)", "(‹nodes› = ‹strings›)", "(‹nodes›/@k >= ‹nodes›)", "(‹boolean› and ‹boolean›)",
        "(‹boolean› or ‹boolean›)", "not(‹boolean›)", "exists(‹items›)", "empty(‹nodes›)",
        "contains(‹string›, ‹string›)", "starts-with(‹string›, ‹string›)", "ends-with(‹string›, ‹string›)",
        "matches(‹string›, '^[a-c]')", "(‹date› lt ‹date›)", "(‹duration› eq ‹duration›)", "(‹months› gt ‹months›)",
        "(‹dateTime› le ‹dateTime›)", "(some $a in ‹integers›‹+a:integer› satisfies ‹boolean›)",
        "(every $a in ‹items› satisfies ‹boolean›)",
        "(some $a in ‹integers›‹+a:integer›, $b in ‹integers›‹+b:integer› satisfies $a eq $b)",
        "(‹items› instance of xs:integer*)", "(‹items› instance of element()?)", "(‹string› castable as xs:integer)",
        "(‹string› castable as xs:date)", "deep-equal(‹items›, ‹items›)", "deep-equal(‹node›, ‹node›)",
        "boolean(‹nodes›)", "map:contains(‹map›, ‹integer›)", "‹test›(‹integer›)", "(‹node› is ‹node›)",
        "(let $a := ‹node› return $a is $a)", "if (‹boolean›) then ‹boolean› else ‹boolean›",
        "let $a := ‹boolean›‹+a:boolean› return ‹boolean›", "(‹items› = ‹items›)",
        "(‹integers›[‹integer›] = ‹integer›)", "try {‹boolean›} catch * {‹boolean›}",
        "(‹combine› instance of function(item()*, item()*) as item()*)",
        "(‹map› instance of map(xs:integer, xs:integer))", "boolean(‹string›)", "boolean(‹double›)",
        "(head(‹nodes›) << ‹nodes›[last()])", "(‹boolean› = ‹string›)",
    ],
    "date": [
        "(‹date› + ‹duration›)", "(‹date› + ‹months›)", "(‹date› - ‹months›)", "xs:date(‹dateTime›)",
        "max((‹date›, ‹date›))", "if (‹boolean›) then ‹date› else ‹date›",
        "adjust-date-to-timezone(‹date›, ‹duration›)",
    ],
    "dateTime": [
        "(‹dateTime› + ‹duration›)", "(‹dateTime› - ‹months›)", "dateTime(‹date›, xs:time('12:00:00'))",
        "xs:dateTime(‹date›)", "adjust-dateTime-to-timezone(‹dateTime›, ())",
    ],
    "duration": [
        "(‹date› - ‹date›)", "(‹duration› + ‹duration›)", "(‹duration› * 1.5e0)", "(‹duration› div -4)",
        "(‹dateTime› - ‹dateTime›)", "sum((‹duration›, ‹duration›))", "(‹duration› * ‹integer›)",
    ],
    "months": [
        "(‹months› + ‹months›)", "(‹months› * 0.5)", "(‹months› - ‹months›)", "(‹months› div 3)",
    ],
    "node": [
        "<a>{‹items›}</a>", "<a k='{‹integers›}'>{‹nodes›}</a>", "element {('a', 'b')[. = ‹string›], 'c'} {‹items›}",
        "<r xmlns='u'>{‹node›}</r>", "element b {attribute k {‹integer›}, ‹items›}", "<a>{‹string›} t {‹string›}</a>",
        "<!-- c -->/(.., <a/>)[last()]", "document {‹node›}/*", "(‹nodes›, ‹node›)[1]", "(‹node›//b, ‹node›)[1]",
        "if (‹boolean›) then ‹node› else ‹node›", "let $a := ‹node›‹+a:node› return ‹node›", "(‹node›/.., ‹node›)[1]",
        "parse-xml(serialize(‹node›))/*", "<a>{‹nodes›/@k, ‹string›}</a>", "json-to-xml('[1,{\"a\":null}]')/*",
        "<a>{text {‹string›}, comment {'c'}, processing-instruction p {'d'}}</a>", "outermost(‹node›)",
        "root(‹node›)", "<x>{for $a in ‹items› return <b>{$a}</b>}</x>",
    ],
    "nodes": [
        "‹node›/*", "‹node›/b", "‹node›//b", "‹node›//*[@k]", "‹node›/*[‹integer›]", "‹node›/*[last()]",
        "‹nodes›[‹boolean@node›]", "‹node›/(b | a)", "(‹nodes› union ‹nodes›)[1]",
        "(let $a := ‹node› return ($a/* except $a/b))", "‹node›//b/..",
        "(let $a := ‹node› return $a//* intersect $a/*)", "‹nodes›/descendant-or-self::*",
        "‹node›/*/following-sibling::*", "‹node›/*[position() gt 1]", "reverse(‹node›/*)", "(‹node›, ‹node›)",
        "for $a in ‹nodes›‹+a:node› where ‹boolean› return ‹node›", "‹node›//*[ancestor::a]",
        "‹nodes›/ancestor-or-self::*[1]", "‹node›/b[. = ‹integer›]", "‹nodes›[@k = ‹integers›]",
        "‹node›/*[‹boolean@node›]", "‹nodes›/(if (‹boolean›) then . else ./*)", "sort(‹nodes›, (), name#1)",
        "filter(‹nodes›, function($a) {‹+a:node›‹boolean@›})", "‹node›/descendant::*[‹integer›]",
        "innermost(‹node›//*)", "‹node›/*/preceding-sibling::*[1]", "‹nodes›/self::b", "tail(‹nodes›)",
        "for $a in ‹nodes›‹+a:node› order by name($a), string($a) return $a", "‹node›//*[not(*)]",
        "‹node›/element(b)", "try {‹nodes›} catch * {()}",
    ],
    "integers": [
        "(‹integers›, ‹integer›)", "(‹integer›, ‹integers›)", "1 to abs(‹integer›) mod 6", "reverse(‹integers›)",
        "sort(‹integers›)", "tail(‹integers›)", "subsequence(‹integers›, ‹integer›, ‹integer›)",
        "remove(‹integers›, ‹integer›)", "insert-before(‹integers›, ‹integer›, ‹integers›)",
        "distinct-values(‹integers›)", "‹integers›[‹boolean@integer›]", "‹integers›[. gt ‹integer›]",
        "‹integers› ! ‹integer@integer›", "‹integers› ! ‹integers@integer›", "‹integers›[position() le 2]",
        "for $a in ‹integers›‹+a:integer› return ‹integer›",
        "for $a at $b in ‹integers›‹+a:integer›‹+b:integer› where ‹boolean› return ‹integer›",
        "for $a in ‹integers›‹+a:integer› let $b := ‹integers›‹+b:integers› where ‹boolean› order by "
        "‹integer› descending return ‹integer›",
        "for $a in ‹integers›‹+a:integer› stable order by ‹string›, ‹integer› return ‹integer›",
        "for $a in ‹integers›‹+a:integer›, $b in ‹integers›‹+b:integer› where $a = $b return ‹integer›",
        "for $a in ‹integers›‹+a:integer›, $b in ‹integers›‹+b:integer› where ‹integer› eq ‹integer› "
        "return ‹integers›",
        "for $a in ‹integers›‹+a:integer› let $b := ‹integer›‹+b:integer› group by $c := "
        "‹integer›‹+a:integers›‹+b:integers›‹+c:integer› order by $c return ‹integer›",
        "for $a in ‹integers›‹+a:integer› group by $c := ‹string›‹+a:integers›‹+c:string› order by $c "
        "descending count $d‹+d:integer› return ‹integers›",
        "for $a allowing empty in ‹integers›‹+a:integers› return ‹integer›",
        "for $a in ‹integers›‹+a:integer› count $b‹+b:integer› where ‹boolean› return ‹integer›",
        "for tumbling window $a in ‹integers› start $b at $c‹+b:integer›‹+c:integer› when ‹boolean› "
        "‹+a:integers›return ‹integer›",
        "for sliding window $a in ‹integers› start at $b‹+b:integer› when true() only end at "
        "$c‹+c:integer› when $c - $b eq 1 ‹+a:integers›return ‹integer›",
        "for tumbling window $a in ‹integers› start $b‹+b:integer› when ‹boolean› end $c next "
        "$d‹+c:integer› when ‹boolean› ‹+a:integers›return ‹integer›",
        "for-each(‹integers›, ‹change›)", "filter(‹integers›, ‹test›)",
        "for-each-pair(‹integers›, ‹integers›, ‹combine›)", "sort(‹integers›, (), ‹change›)",
        "map:keys(‹map›) => sort()", "array:flatten(‹array›)", "‹array›?*", "index-of(‹integers›, ‹integer›)",
        "string-to-codepoints(‹string›)", "if (‹boolean›) then ‹integers› else ‹integers›",
        "let $a := ‹integers›‹+a:integers› return ‹integers›", "try {‹integers›} catch * {()}",
        "data(‹nodes›/@k)[. castable as xs:integer] ! xs:integer(.)", "map:keys(‹map›) ! count(.)",
        "sort(for $a in map:keys(‹map›)‹+a:integer› return ‹integer›)",
        "typeswitch (‹items›) case $a as xs:integer+‹+a:integers› return ‹integers› "
        "‹-a:integers›default return ‹integers›",
        "(‹integer›, ‹integer›) ! (., position(), last())",
        "let $a := ‹integers›‹+a:integers› for $b in ‹integers›‹+b:integer› where $b = $a return ‹integer›",
        "trace(‹integers›)", "unordered(‹integers›)", "random-number-generator(1)?permute(‹integers›) => sort()",
        "‹record›?b", "(for $a in ‹nodes›‹+a:node› return ‹integer›)‹-a:node›[‹integer›]",
    ],
    "strings": [
        "(‹strings›, ‹string›)", "tokenize(‹string›, ',')", "tokenize(‹string›)", "distinct-values(‹strings›)",
        "sort(‹strings›)", "reverse(‹strings›)", "for $a in ‹strings›‹+a:string› return ‹string›",
        "for $a in ‹nodes›‹+a:node› return ‹string›", "‹strings›[‹boolean@string›]", "‹integers› ! ‹string@integer›",
        "‹nodes›/‹string@node›", "‹nodes›/string()", "‹nodes› ! name()",
        "for $a in ‹strings›‹+a:string› order by ‹string› empty least return ‹string›",
        "map:keys(‹record›) => sort()",
        "for $a in ‹strings›‹+a:string› group by $a‹+a:string› order by $a return ‹string›", "‹nodes›/@*/string()",
        "for-each(‹integers›, function($a) {‹+a:integer›‹string@›})", "if (‹boolean›) then ‹strings› else ‹strings›",
        "‹node›//text()/string()", "in-scope-prefixes(‹node›) => sort()",
        "for $a in ‹strings›‹+a:string› for $b in ‹strings›‹+b:string› where $a eq $b return ‹string›",
        "for $a in ‹nodes›‹+a:node› for $b in ‹strings›‹+b:string› where $a/b = $b return ‹string›",
    ],
    "items": [
        "‹integer›", "‹decimal›", "‹double›", "‹string›", "‹boolean›", "‹node›", "‹nodes›", "‹integers›", "‹strings›",
        "(‹items›, ‹items›)", "‹array›", "‹map›", "‹record›", "‹date›", "‹dateTime›", "‹duration›", "‹months›",
        "‹items›[‹integer›]", "for $a in ‹items› return ($a, ‹integer›)", "‹record›?*",
        "if (‹boolean›) then ‹items› else ‹items›", "let $a := ‹items›‹+a:items› return ‹items›", "reverse(‹items›)",
        "‹array›?*", "parse-json('[1, \"a\", null, true]')?*",
        "typeswitch (‹items›) case $a as xs:string‹+a:string› return ‹items› ‹-a:string›case $a as "
        "map(*)‹+a:record› return ‹items› ‹-a:record›default $a‹+a:items› return ‹items›",
        "(‹array›, ‹map›)", "data(‹nodes›)", "xs:untypedAtomic(‹string›)", "xs:QName('a')", "xs:float(‹decimal›)",
        "distinct-values(data(‹items›))", "try {‹items›} catch err:FORG0001 {'cast'} catch * {$err:code}",
        "subsequence(‹items›, ‹double›)", "xs:anyURI(‹string›)", "‹node›/@*/data()", "‹node›/node()",
    ],
    "map": [
        "map {‹integer›: ‹integer›}", "map:put(‹map›, ‹integer›, ‹integer›)", "map:remove(‹map›, ‹integer›)",
        "map:merge((‹map›, ‹map›))", "map:merge((‹map›, ‹map›), map {'duplicates': 'use-last'})",
        "map:entry(‹integer›, ‹integer›)", "map {‹integer›: ‹integer›, ‹integer›: ‹integer›}",
        "map:merge(for $a in ‹integers›‹+a:integer› return map {$a: ‹integer›})",
        "if (‹boolean›) then ‹map› else ‹map›", "let $a := ‹map›‹+a:map› return ‹map›",
        "fold-left(‹integers›, ‹map›, function($a, $b) {‹+a:map›‹+b:integer›map:put($a, $b, ‹integer@›)})",
        "map:for-each(‹map›, function($a, $b) {map {$a: $b}}) => map:merge()",
    ],
    "record": [
        "map {'k': ‹items›}", "map {'k': ‹integer›, 'b': ‹integers›}", "map:put(‹record›, ‹string›, ‹items›)",
        "map:merge((‹record›, map {'b': ‹integers›}))", "map {'k': ‹array›, 'b': ‹record›?b}",
        "parse-json('{\"k\": [1, 2], \"b\": 3}')", "map:remove(‹record›, ‹strings›)",
    ],
    "array": [
        "[‹integers›, ‹integer›]", "array {‹integers›}", "array:append(‹array›, ‹integers›)",
        "array:reverse(‹array›)", "array:tail(‹array›)", "array:join((‹array›, ‹array›))",
        "array:for-each(‹array›, function($a) {‹+a:integers›‹integers@›})",
        "array:filter(‹array›, function($a) {‹+a:integers›‹boolean@›})", "array:sort(‹array›)",
        "array:put(‹array›, ‹integer›, ‹integer›)", "array:insert-before(‹array›, 1, ‹integers›)",
        "array:subarray(‹array›, ‹integer›)", "array:remove(‹array›, ‹integers›)",
        "if (‹boolean›) then ‹array› else ‹array›", "let $a := ‹array›‹+a:array› return ‹array›", "[‹array›?*]",
        "array:for-each-pair(‹array›, ‹array›, function($a, $b) {($a, $b)})",
        "array:fold-left(‹array›, [], function($a, $b) {array:append($a, $b)})",
        "array {‹integers›[‹boolean@integer›]}",
    ],
    "change": [
        "function($a) {‹+a:integer›‹integer@›}", "function($a as xs:integer) as xs:integer {‹+a:integer›‹integer@›}",
        "let $a := ‹integer›‹+a:integer› return function($b) {‹+b:integer›‹integer@›}", "‹combine›(?, ‹integer›)",
        "(‹change›, ‹change›)[‹integer›]", "if (‹boolean›) then ‹change› else ‹change›",
        "function-lookup(xs:QName('fn:abs'), 1)", "‹map›",
    ],
    "test": [
        "function($a) {‹+a:integer›‹boolean@›}", "function($a as xs:integer) as xs:boolean {‹+a:integer›‹boolean@›}",
        "map:contains(‹map›, ?)",
    ],
    "combine": [
        "function($a, $b) {‹+a:integer›‹+b:integer›‹integer@›}",
        "function($a as xs:integer, $b as xs:integer) as xs:integer {‹+a:integer›‹+b:integer›‹integer@›}",
    ],
}  # fmt: skip

#: The kinds that a form may get instead of the one it asks for: these raise type errors, or convert.
STRANGE: Final = ["items", "string", "integers", "node", "double", "map", "array", "boolean", "date", "change", "nodes"]
