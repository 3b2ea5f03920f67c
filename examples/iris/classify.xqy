xquery version "1.0-ml";

(: Loads the stored model and classifies the flowers kept for testing. :)
declare variable $species := ("setosa", "versicolor", "virginica");

let $model := cntk:function(fn:doc("/models/iris.model")/binary())
let $x := cntk:function-arguments($model)
let $flowers := xdmp:directory("/iris/test/")/flower
let $measures := cntk:batch(cntk:shape((4)), json:to-array($flowers/(sepal, petal)/(@length, @width)/xs:double(.)))
let $output := cntk:function-output($model)
let $scores := cntk:value-to-array($output, cntk:evaluate($model, json:to-array(($x, $measures)), $output))
let $answers :=
  for $row in json:array-values($scores)
  let $numbers := json:array-values($row)
  return $species[fn:index-of($numbers, fn:max($numbers))[1]]
let $right := for $flower at $n in $flowers where $flower/species eq $answers[$n] return $flower
return object-node {
  "flowers" : fn:count($flowers),
  "right" : fn:count($right),
  "accuracy" : fn:count($right) div fn:count($flowers)
}
