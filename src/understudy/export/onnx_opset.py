"""An ONNX model said in an older operator set, so that older programs can load it.

The exporter speaks set 18. Most operators of our networks have not changed since set 13; what has is written
in the older way here, and the result is believed only where the checker and onnxruntime both take it.
"""

from __future__ import annotations

from typing import Any

OLDEST = 13
IR_OF = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8}
"""The file format that came with each operator set: an old program refuses a newer one."""

END = (1 << 31) - 1


def lower_opset(model: Any) -> Any:
    """The model in the oldest set from 13 in which it is valid; itself when that is the one it has."""
    newest = model.opset_import[0].version
    for version in range(OLDEST, newest):
        older = _said_in(model, version)
        if _is_valid(older):
            return older
    model.ir_version = IR_OF.get(newest, model.ir_version)
    return model


def _said_in(model: Any, version: int) -> Any:
    import onnx

    older = onnx.ModelProto()
    older.CopyFrom(model)
    if version < 15:
        _plain_shapes(older.graph)
    if version < 14:
        _plain_reshapes(older.graph)
    del older.opset_import[:]
    older.opset_import.append(onnx.helper.make_opsetid("", version))
    older.ir_version = IR_OF[version]
    del older.graph.value_info[:]
    return older


def _plain_shapes(graph: Any) -> None:
    """Shape(start, end) of set 15 as Shape and Slice."""
    from onnx import helper

    nodes = []
    for node in graph.node:
        values = {each.name: each.i for each in node.attribute}
        if node.op_type != "Shape" or not values:
            nodes.append(node)
            continue
        whole, result = node.output[0] + "_whole", node.output[0]
        ends = [values.get("start", 0)], [values.get("end", END)]
        names = [
            _constant(graph, f"{result}_{what}", each)
            for what, each in zip(("from", "to"), ends, strict=True)
        ]
        nodes.append(helper.make_node("Shape", [node.input[0]], [whole], name=whole))
        nodes.append(helper.make_node("Slice", [whole, *names], [result], name=f"{result}_slice"))
    del graph.node[:]
    graph.node.extend(nodes)


def _constant(graph: Any, name: str, values: list[int]) -> str:
    from onnx import TensorProto, helper

    graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
    return name


def _plain_reshapes(graph: Any) -> None:
    """Reshape without allowzero, which set 14 brought: no size of ours is ever zero."""
    for node in graph.node:
        if node.op_type == "Reshape":
            kept = [each for each in node.attribute if each.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(kept)


def _is_valid(model: Any) -> bool:
    import onnx
    import onnxruntime

    try:
        onnx.checker.check_model(model, full_check=True)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:  # neither library has a common base for what it raises
        return False
    return True
