"""The `ort:` namespace: ONNX models run by onnxruntime, which the extra `ort` installs.

`items` are the sessions and values a query passes around, `sessions` makes sessions and keeps them, `functions` has the
rows.
"""
