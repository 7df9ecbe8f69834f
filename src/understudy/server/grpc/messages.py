"""The messages of KServe's gRPC, and requests and answers in them as the codec of KServe v2 knows them.

What the protocol calls a map travels as repeated pairs of key and value, and what it calls one of several as
optional fields; nested names are flat here, since names do not travel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from understudy.errors import RequestError
from understudy.models.names import printable
from understudy.server.descriptors import messages_of
from understudy.server.kserve import MAX_INPUTS, TYPES, InferRequest, to_float

SERVICE = "inference.GRPCInferenceService"

_SCHEMA = """
ServerLiveRequest:
ServerLiveResponse: 1 live bool
ServerReadyRequest:
ServerReadyResponse: 1 ready bool
ModelReadyRequest: 1 name string, 2 version string
ModelReadyResponse: 1 ready bool
ServerMetadataRequest:
ServerMetadataResponse: 1 name string, 2 version string, 3 extensions *string
ModelMetadataRequest: 1 name string, 2 version string
ModelMetadataResponse: 1 name string, 2 versions *string, 3 platform string, 4 inputs *TensorMetadata,\
 5 outputs *TensorMetadata
TensorMetadata: 1 name string, 2 datatype string, 3 shape *int64
RepositoryIndexRequest: 1 repository_name string, 2 ready bool
RepositoryIndexResponse: 1 models *ModelIndex
ModelIndex: 1 name string, 2 version string, 3 state string, 4 reason string
ModelInferRequest: 1 model_name string, 2 model_version string, 3 id string, 4 parameters *ParametersEntry,\
 5 inputs *InferInputTensor, 6 outputs *InferRequestedOutputTensor, 7 raw_input_contents *bytes
ModelInferResponse: 1 model_name string, 2 model_version string, 3 id string, 4 parameters *ParametersEntry,\
 5 outputs *InferOutputTensor, 6 raw_output_contents *bytes
ParametersEntry: 1 key string, 2 value InferParameter
InferParameter: 1 bool_param bool, 2 int64_param int64, 3 string_param string, 4 double_param double,\
 5 uint64_param uint64
InferInputTensor: 1 name string, 2 datatype string, 3 shape *int64, 4 parameters *ParametersEntry,\
 5 contents InferTensorContents
InferRequestedOutputTensor: 1 name string, 2 parameters *ParametersEntry
InferOutputTensor: 1 name string, 2 datatype string, 3 shape *int64, 4 parameters *ParametersEntry,\
 5 contents InferTensorContents
InferTensorContents: 1 bool_contents *bool, 2 int_contents *int32, 3 int64_contents *int64,\
 4 uint_contents *uint32, 5 uint64_contents *uint64, 6 fp32_contents *float, 7 fp64_contents *double,\
 8 bytes_contents *bytes
"""
CONTENTS = {"FP32": "fp32_contents", "UINT8": "uint_contents"}
"""Where values lie that do not come as raw bytes; FP16 always does."""


@cache
def messages() -> dict[str, Any]:
    """The classes of all messages, by name."""
    return messages_of(_SCHEMA, "inference")


def read_infer_request(message: Any) -> InferRequest:
    """What a client asked; ``RequestError`` where it does not have the form of this protocol."""
    if len(message.inputs) > MAX_INPUTS or len(message.outputs) > MAX_INPUTS:
        raise RequestError(f"There are more than {MAX_INPUTS} inputs or outputs.")
    raw, tensors = list(message.raw_input_contents), {}
    if raw and len(raw) != len(message.inputs):
        raise RequestError(f"{len(raw)} raw contents came for {len(message.inputs)} inputs.")
    for place, each in enumerate(message.inputs):
        if each.name in tensors:
            raise RequestError(f'The input "{printable(each.name)}" came twice.')
        tensors[each.name] = _tensor(each, raw[place] if raw else None)
    outputs = [{"name": each.name} for each in message.outputs]
    return InferRequest(tensors, parameters_of(message.parameters), outputs, message.id[:256])


def parameters_of(entries: Iterable[Any]) -> dict[str, Any]:
    """Parameters by name. None in a ``double_param`` counts as the number that it is."""
    found: dict[str, Any] = {}
    for entry in entries:
        kinds = entry.value.ListFields()
        if len(kinds) != 1:
            raise RequestError(f'The parameter "{printable(entry.key)}" has no value.')
        found[entry.key] = kinds[0][1]
    return found


def _tensor(spec: Any, raw: bytes | None) -> np.ndarray:
    """float32 (channels, height, width)"""
    name = printable(spec.name)
    if spec.datatype not in TYPES:
        raise RequestError(f'The input "{name}" is of a datatype other than {", ".join(TYPES)}.')
    shape, kind = list(spec.shape), TYPES[spec.datatype]
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        raise RequestError(f'The shape of the input "{name}" is not [1, channels, height, width].')
    values = _values(spec, name) if raw is None else raw
    found = len(values) // (kind.itemsize if raw is not None else 1)
    if found != math.prod(shape) or (raw is not None and len(raw) % kind.itemsize):
        raise RequestError(f'The input "{name}" has {found} values; its shape wants {math.prod(shape)}.')
    array = np.frombuffer(raw, kind) if raw is not None else np.asarray(values, np.float32)
    if raw is None and spec.datatype == "UINT8":
        array = array.astype(np.uint8)
    return to_float(array.reshape(shape[1:]))


def _values(spec: Any, name: str) -> Any:
    field = CONTENTS.get(spec.datatype)
    if field is None:
        raise RequestError(f'The input "{name}" has no data that can be read; FP16 comes as raw contents.')
    values = getattr(spec.contents, field)
    if spec.datatype == "UINT8" and any(each > 255 for each in values):
        raise RequestError(f'The input "{name}" has values that are not UINT8.')
    return values


def infer_response(head: Mapping[str, Any], tensors: Iterable[memoryview]) -> Any:
    """The answer, of the head that the codec of KServe v2 writes, and its tensors."""
    made = messages()["ModelInferResponse"](
        model_name=head["model_name"], model_version=head["model_version"], id=head.get("id", "")
    )
    for each in head["outputs"]:
        made.outputs.add(name=each["name"], datatype=each["datatype"], shape=each["shape"])
    made.raw_output_contents.extend(bytes(each) for each in tensors)
    return made
