xquery version "1.0-ml";

(: After: ort: does the same with the exported model, here and on MarkLogic 11 and later. :)

let $session := ort:session(fn:doc("/models/circle.onnx")/binary())
let $points := ort:value((0, 0, 0.9, 0.9, 0.3, -0.4), (3, 2), "float")
let $result := ort:run($session, map:entry(ort:session-input-name($session, 0), $points))
let $probabilities := ort:value-get-array(map:get($result, ort:session-output-name($session, 0)))
for $row in 0 to 2
return $probabilities[2 * $row + 1]
