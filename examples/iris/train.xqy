xquery version "1.0-ml";

(: Trains a perceptron with one hidden layer on the stored flowers, stores the model, and reports the loss of each epoch. :)
declare variable $epochs as xs:integer external := 60;
declare variable $seed as xs:integer external := 7;

declare variable $species := ("setosa", "versicolor", "virginica");

declare function local:dense($operand as cntk:variable, $size as xs:integer, $activation as xs:string?) as cntk:function {
  let $options := map:map()
    => map:with("output-shape", cntk:shape(($size)))
    => map:with("init", cntk:glorot-uniform-initializer(1, 1, 0, $seed + $size))
  let $_ := if (fn:exists($activation)) then map:put($options, "activation", $activation) else ()
  return cntk:dense-layer($operand, $options)
};

let $flowers := xdmp:directory("/iris/train/")/flower
let $x := cntk:input-variable(cntk:shape((4)), "float", fn:false(), fn:false(), "measures", cntk:default-batch-axis())
let $y := cntk:input-variable(cntk:shape((3)), "float", fn:false(), fn:false(), "species", cntk:default-batch-axis())
let $measures := cntk:batch(cntk:shape((4)), json:to-array($flowers/(sepal, petal)/(@length, @width)/xs:double(.)))
let $labels := cntk:batch(cntk:shape((3)), json:to-array(
  for $flower in $flowers, $name in $species return if ($flower/species eq $name) then 1 else 0))

let $model := local:dense(local:dense($x, 16, "tanh"), 3, ())
let $loss := cntk:cross-entropy-with-softmax($model, $y)
let $error := cntk:classification-error($model, $y)
let $learner := cntk:momentum-sgd-learner(
  cntk:function-parameters($model),
  cntk:learning-rate-schedule-from-constant(0.25),
  cntk:momentum-schedule-from-constant(0.9))
let $trainer := cntk:trainer($model, $learner, $loss, $error)
let $bindings := json:to-array((json:to-array(($x, $measures)), json:to-array(($y, $labels))))
return (
  for $epoch in 1 to $epochs
  let $_ := cntk:train-minibatch($trainer, $bindings)
  return <epoch number="{$epoch}" loss="{cntk:previous-minibatch-loss-average($trainer)}"
                error="{cntk:previous-minibatch-evaluation-average($trainer)}"/>,
  xdmp:document-insert("/models/iris.model", cntk:function-save($model)))
