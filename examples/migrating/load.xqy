xquery version "1.0-ml";

(: Stores a model file, given in hexadecimal digits, as a document of one binary node. :)
declare variable $uri as xs:string external := "/models/circle.onnx";
declare variable $model as xs:string external;

xdmp:document-insert($uri, binary { xs:hexBinary($model) })
