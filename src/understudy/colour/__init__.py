"""Values in files <-> values in the network: one set of parameters, an array form and a tensor form."""

from understudy.colour.array import decode, encode
from understudy.colour.between import are_alike, convert_between
from understudy.colour.decide import SpaceDecision, decide_space, encoding_for, measure_raw
from understudy.colour.display import to_display
from understudy.colour.encoding import LINEAR, LINEAR_K, PLAIN, SRGB, ColourEncoding
from understudy.colour.matrix_curve import MatrixCurve, matrix_and_curve
from understudy.colour.named_space import NamedSpace, find_space, is_linear_space
from understudy.colour.scene_linear import from_scene_linear, to_scene_linear
from understudy.colour.tensor import decode_tensor, encode_tensor

__all__ = [
    "LINEAR",
    "LINEAR_K",
    "PLAIN",
    "SRGB",
    "ColourEncoding",
    "MatrixCurve",
    "NamedSpace",
    "SpaceDecision",
    "are_alike",
    "convert_between",
    "decide_space",
    "decode",
    "decode_tensor",
    "encode",
    "encode_tensor",
    "encoding_for",
    "find_space",
    "from_scene_linear",
    "is_linear_space",
    "matrix_and_curve",
    "measure_raw",
    "to_display",
    "to_scene_linear",
]
