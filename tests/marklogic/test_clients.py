"""Programs of the kind that public clients send (rest-eval.md, section 8), written for these tests."""

import json
import re

from xquery_bridge.engine import Engine
from xquery_bridge.external import ExternalVariable

from .conftest import Fail, Run

#: What the VS Code extension wraps every query in.
WRAPPER = (
    'xquery version "1.0-ml";declare variable $actualQuery as xs:string external;'
    "declare variable $contentDb as xs:string external;declare variable $modulesDb as xs:string external;"
    'let $options := <options xmlns="xdmp:eval"></options>return xdmp:eval($actualQuery, (), $options)'
)


def wrapped(engine: Engine, query: str) -> list[str]:
    given = [("actualQuery", query), ("contentDb", None), ("modulesDb", None)]
    externals = [ExternalVariable("", name, value) for name, value in given]
    return [part.body.decode() for part in engine.answer(WRAPPER, externals).parts]


def test_the_editors_wrapper(engine: Engine) -> None:
    assert wrapped(engine, '(: mlxprs:settings {} :) xquery version "1.0-ml"; for $i in 1 to 2 return $i') == ["1", "2"]
    assert wrapped(engine, 'xdmp:document-insert("/a", <a/>); fn:doc("/a")/a') == ["<a/>"]


def test_the_editors_wrapper_with_a_database(engine: Engine) -> None:
    options = '<options xmlns="xdmp:eval"><database>{xdmp:database($contentDb)}</database></options>'
    query = WRAPPER.replace('<options xmlns="xdmp:eval"></options>', options)
    externals = [ExternalVariable("", "actualQuery", "1"), ExternalVariable("", "contentDb", "Documents")]
    assert [part.body for part in engine.answer(query, externals).parts] == [b"1"]


def test_what_the_editors_debugger_asks(engine: Engine) -> None:
    assert wrapped(engine, "dbg:connected()") == []
    servers = """
        let $servers := json:array()
        let $_ := for $server in xdmp:servers()
          return json:array-push($servers, map:new()
            => map:with("id", fn:string($server))
            => map:with("name", xdmp:server-name($server))
            => map:with("port", xdmp:server-port($server)))
        return $servers => xdmp:to-json()"""
    (text,) = wrapped(engine, servers)
    (server,) = json.loads(text)
    assert set(server) == {"id", "name", "port"}


RUNNER = """
    declare variable $query as xs:string external;
    declare variable $vars as xs:string external := "";
    declare variable $mode as xs:string external := "run";

    declare function local:version() as xs:string {
        let $parts := fn:tokenize(xdmp:version(), "[-.]")
        return fn:string-join($parts[1 to 2], ".")
    };
    declare function local:variables($json as xs:string) as map:map? {
        if ($json eq "") then () else map:new(
            let $object := xdmp:unquote($json)/object-node()
            for $member in $object/node()
            return map:entry(fn:string(fn:node-name($member)), fn:data($member)))
    };
    declare function local:type($item as item()) as xs:string {
        typeswitch ($item)
        case xs:unsignedByte | xs:byte return "byte"
        case xs:short return "short"
        case xs:integer return "integer"
        case xs:string return "string"
        case element() return "element()"
        case object-node() | array-node() return "json"
        case map:map return "map"
        default return "item()"
    };
    declare function local:has-function($name as xs:string, $arity as xs:integer) as xs:boolean {
        try { fn:exists(xdmp:eval($name || "#" || $arity)) } catch * { fn:false() }
    };
    let $start := xdmp:elapsed-time()
    return try {
        switch ($mode)
        case "run" case "profile" return
            let $results := xdmp:eval($query, local:variables($vars))
            let $_ := for $result at $i in $results
                return xdmp:add-response-header("X-Type-" || $i, local:type($result))
            let $_ := xdmp:add-response-header("X-Version", local:version())
            return $results
        case "check" return local:has-function($query, 1)
        default return fn:error(xs:QName("err:FOER0000"), "unknown mode")
    } catch * {
        xdmp:add-response-header("X-Error", fn:string($err:code)),
        $err:additional/error:stack/error:frame[1]/error:line/fn:string(),
        $err:additional/error:format-string/fn:string()
    }"""


def runner(engine: Engine, **variables: str) -> tuple[list[str], dict[str, str]]:
    given = [ExternalVariable("", name, value) for name, value in variables.items()]
    answer = engine.answer(RUNNER, given)
    return [part.body.decode() for part in answer.parts], dict(answer.headers)


def test_a_plugins_run_program(engine: Engine) -> None:
    bodies, headers = runner(engine, query="declare variable $n external; $n + 1, xs:short(2), <a/>", vars='{"n": 41}')
    assert bodies == ["42", "2", "<a/>"]
    assert headers["X-Type-2"] == "short"
    assert headers["X-Type-3"] == "element()"
    assert headers["X-Version"] == "10.0"


def test_a_plugins_run_program_with_an_error(engine: Engine) -> None:
    bodies, headers = runner(engine, query="\n1 div 0")
    assert headers["X-Error"] == "err:FOAR0001"
    assert bodies == ["2", "XDMP-DIVBYZERO: (err:FOAR0001) Division by zero"]


def test_a_plugins_look_for_functions(engine: Engine) -> None:
    assert runner(engine, query="fn:upper-case", mode="check")[0] == ["true"]
    assert runner(engine, query="fn:no-such", mode="check")[0] == ["false"]
    assert runner(engine, query="x", mode="other")[1] == {"X-Error": "err:FOER0000"}


def test_programs_of_an_archive(run: Run, fail: Fail) -> None:
    """Judgments by URI, with properties from their own metadata and a code in the error for the caller to act on."""
    save = """
        declare variable $uri as xs:string external;
        declare variable $judgment as xs:string external;
        let $document := xdmp:unquote($judgment)
        return if (fn:doc-available($uri))
            then fn:error((), "ARCHIVE-EXISTS", $uri)
            else xdmp:document-insert($uri, $document, xdmp:default-permissions(),
                ("judgment", xdmp:default-collections()))
        """
    judgment = '<judgment xmlns="u"><meta><published>true</published></meta><p>Text</p></judgment>'
    run(save, uri="/ewhc/1.xml", judgment=judgment)
    error = fail(save, uri="/ewhc/1.xml", judgment=judgment)
    assert error.marklogic_code == "ARCHIVE-EXISTS"
    publish = """
        declare namespace j = "u";
        declare variable $uri as xs:string external;
        xdmp:node-replace(fn:doc($uri)/j:judgment/j:meta/j:published, <j:published>false</j:published>)"""
    run(publish, uri="/ewhc/1.xml")
    read = """
        declare namespace j = "u";
        for $doc in cts:search(fn:collection("judgment"), cts:word-query("text"))
        let $published := xs:boolean($doc/j:judgment/j:meta/j:published)
        order by xdmp:node-uri($doc)
        return fn:concat(xdmp:node-uri($doc), ": ", $published)"""
    assert run(read) == ["/ewhc/1.xml: false"]


def test_a_client_splits_the_version(run: Run) -> None:
    (version,) = run("xdmp:version()")
    assert len(re.split("[-.]", version)) == 4
