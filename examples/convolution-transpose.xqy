xquery version "1.0-ml";

(: A transposed convolution over a 3 x 3 image, and its graph as text. :)
let $image := cntk:input-variable(cntk:shape((3, 3)), "float")
let $filter := cntk:input-variable(cntk:shape((2, 2)), "float")
let $options := map:map()
  => map:with("auto-padding", fn:false())
  => map:with("output-shape", cntk:shape((0)))
let $net := cntk:convolution-transpose($filter, $image, $options)
return fn:replace(xdmp:quote($net), "Input[0-9]*", "Input")
