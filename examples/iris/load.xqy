xquery version "1.0-ml";

(: Stores each row of a CSV text as a document. Every fifth flower is kept for testing. :)
declare variable $csv as xs:string external;

for $line at $n in fn:tail(fn:tokenize($csv, "\r?\n")[. ne ""])
let $cells := fn:tokenize($line, ",")
let $part := if ($n mod 5 eq 0) then "test" else "train"
return xdmp:document-insert(
  fn:concat("/iris/", $part, "/", $n, ".xml"),
  <flower>
    <sepal length="{$cells[1]}" width="{$cells[2]}"/>
    <petal length="{$cells[3]}" width="{$cells[4]}"/>
    <species>{$cells[5]}</species>
  </flower>,
  (),
  ("iris", $part))
