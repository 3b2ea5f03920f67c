xquery version "1.0-ml";

(: A program for cntk: on MarkLogic 10, which runs here as it stands: it learns to tell points inside a circle from points
   outside, stores the model, and returns the share of the points it tells right. :)

let $points :=
  for $i in 0 to 15, $j in 0 to 15
  return json:to-array((-1 + 2 * $i div 15, -1 + 2 * $j div 15))
let $inside := $points ! (if (math:pow(json:array-values(.)[1], 2) + math:pow(json:array-values(.)[2], 2) lt 0.6) then 1 else 0)
let $classes := $inside ! json:to-array((., 1 - .))

let $x := cntk:input-variable(cntk:shape((2)), "float", fn:false(), fn:false(), "point", cntk:default-batch-axis())
let $y := cntk:input-variable(cntk:shape((2)), "float", fn:false(), fn:false(), "class", cntk:default-batch-axis())
let $hidden := cntk:dense-layer($x, map:entry("output-shape", cntk:shape((12))) => map:with("activation", "tanh"))
let $scores := cntk:dense-layer($hidden, map:entry("output-shape", cntk:shape((2))))
let $model := cntk:softmax($scores)
let $learner := cntk:momentum-sgd-learner(
  cntk:function-parameters($model),
  cntk:learning-rate-schedule-from-constant(0.5),
  cntk:momentum-schedule-from-constant(0.9))
let $trainer := cntk:trainer(
  $scores, $learner, cntk:cross-entropy-with-softmax($scores, $y), cntk:classification-error($scores, $y))
let $bindings := json:to-array((
  json:to-array(($x, cntk:batch(cntk:shape((2)), json:to-array($points)))),
  json:to-array(($y, cntk:batch(cntk:shape((2)), json:to-array($classes))))))
let $_ := for $epoch in 1 to 300 return cntk:train-minibatch($trainer, $bindings)
return (
  xdmp:document-insert("/models/circle.model", cntk:function-save($model)),
  1 - cntk:previous-minibatch-evaluation-average($trainer))
