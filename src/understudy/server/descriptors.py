"""Messages as classes of the protobuf library, built at run time from a short table: those of the ML-Server,
as the module ``message_pb2`` of a Python model and the second opinion in the tests, and those of gRPC."""

from __future__ import annotations

from types import ModuleType
from typing import Any

PACKAGE = "mlserver"
NUMBERS = ("bool", "int32", "int64", "uint32", "uint64", "float", "double")

_SCHEMA = """
RequestWrapper: 1 info bool, 2 r1 RequestInfo, 3 r2 RequestInference
RespondWrapper: 1 info bool, 2 r1 RespondInfo, 3 r2 RespondInference, 4 error Error
RequestInfo: 1 info bool
RespondInfo: 1 num_models int32, 2 models *Model
Model: 1 name string, 2 label string, 3 inputs *ImagePrototype, 4 outputs *ImagePrototype,\
 5 bool_options *BoolAttrib, 6 int_options *IntAttrib, 7 float_options *FloatAttrib,\
 8 string_options *StringAttrib, 9 button_options *BoolAttrib, 10 mc_options *MultipleChoiceOption
MultipleChoiceOption: 1 name string, 2 value string, 3 choices *string
ImagePrototype: 1 name string, 2 channels int32
Error: 1 msg string
RequestInference: 1 model Model, 2 images *Image
RespondInference: 1 num_images int32, 2 images *Image, 3 num_objects int32, 4 objects *FieldValuePairAttrib
Image: 1 width int32, 2 height int32, 3 channels int32, 4 image bytes
BoolAttrib: 1 name string, 2 values *bool
IntAttrib: 1 name string, 2 values *int32
FloatAttrib: 1 name string, 2 values *float
StringAttrib: 1 name string, 2 values *string
FieldValuePairAttrib: 1 name string, 2 values *FieldValuePair
FieldValuePair: 1 int_attributes *IntAttrib, 2 float_attributes *FloatAttrib,\
 3 string_attributes *StringAttrib, 4 children *FieldValuePairAttrib
"""


def message_module() -> ModuleType:
    """A module with one protobuf class for each message of the ML-Server protocol."""
    module = ModuleType("message_pb2")
    for name, made in messages_of(_SCHEMA, PACKAGE).items():
        setattr(module, name, made)
    return module


def messages_of(schema: str, package: str) -> dict[str, Any]:
    """The classes of a ``schema`` by name: lines of ``Name: number field type, ...``, ``*type`` for many."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name=f"understudy_{package}.proto", package=package, syntax="proto2"
    )
    for line in schema.strip().splitlines():
        name, _, rest = line.partition(":")
        _describe(file.message_type.add(name=name), rest, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        each.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{each.name}"))
        for each in file.message_type
    }


def _describe(message: Any, fields: str, package: str) -> None:
    for each in filter(str.strip, fields.split(",")):
        number, name, kind = each.split()
        field = message.field.add(name=name, number=int(number))
        field.label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
        kind = kind.lstrip("*")
        if kind in NUMBERS or kind in ("string", "bytes"):
            field.type = getattr(field, f"TYPE_{kind.upper()}")
            field.options.packed = field.label == field.LABEL_REPEATED and kind in NUMBERS
        else:
            field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
