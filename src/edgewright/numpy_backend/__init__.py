"""Standard operators in NumPy with ONNX's meaning: any ONNX model runs as it is, with no other runtime.

One file a family of operators; its `ENTRY` maps the names of operators to functions. The inputs of an operator come by position, None
where an optional one is left out; its attributes by keyword, under ONNX's names and with ONNX's defaults. A function returns an array,
or a tuple where it has several outputs. It keeps the dtypes that it is given. What else it may ask for, by keyword: `opset`, the
version of its domain; `outputs`, how many outputs the node names. A graph attribute comes as a function from arrays to a tuple of arrays,
whose `empty(output)` is what a loop of no turns stacks.
Names from a domain other than ONNX's own stand behind it: "ai.onnx.ml:Scaler".
"""

from __future__ import annotations

NOT_ENTRIES = ("execute", "backend")
