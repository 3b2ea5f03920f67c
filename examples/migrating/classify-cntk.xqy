xquery version "1.0-ml";

(: Before: cntk: classifies points with the stored model. For each point the probability that it lies inside. :)

let $model := cntk:function(fn:doc("/models/circle.model")/binary(), cntk:cpu())
let $x := cntk:function-arguments($model)
let $points := cntk:batch(cntk:shape((2)), json:to-array((0, 0, 0.9, 0.9, 0.3, -0.4)))
let $output := cntk:function-output($model)
let $result := cntk:evaluate($model, json:to-array(($x, $points)), $output)
for $row in json:array-values(cntk:value-to-array($output, $result))
return json:array-values($row)[1]
