"""A shot on disk <-> arrays: sequences, stills and movies, with every channel, window and header kept."""

from understudy.frames.alpha import has_alpha, seen_planes, unseen_planes
from understudy.frames.beside import Neighbours, check_size, planes_beside, window_beside
from understudy.frames.channels import channel_or_new, resolve_channels, resolve_like
from understudy.frames.enlarging import enlarged_frame, enlarged_mask, enlarged_planes, repeated
from understudy.frames.frame import Frame, Part
from understudy.frames.header_colour import HeaderColour, header_colour
from understudy.frames.held import lost_in_own_format
from understudy.frames.image_file import read_image_file, select_part, set_threads
from understudy.frames.image_writer import write_image_file
from understudy.frames.layer_names import find_layer, is_layer_name, kind_of, layer_in_file
from understudy.frames.nonfinite import fill_nonfinite, keep_plate
from understudy.frames.opening import open_shot, open_sink
from understudy.frames.pairing import Pairing, pair_shots
from understudy.frames.provenance import read_provenance
from understudy.frames.sequence import format_numbers, parse_frame_range
from understudy.frames.shot import Shot
from understudy.frames.sink import FrameSink
from understudy.frames.window import Window, union_of

__all__ = [
    "Frame",
    "FrameSink",
    "HeaderColour",
    "Neighbours",
    "Pairing",
    "Part",
    "Shot",
    "Window",
    "channel_or_new",
    "check_size",
    "enlarged_frame",
    "enlarged_mask",
    "enlarged_planes",
    "fill_nonfinite",
    "find_layer",
    "format_numbers",
    "has_alpha",
    "header_colour",
    "is_layer_name",
    "keep_plate",
    "kind_of",
    "layer_in_file",
    "lost_in_own_format",
    "open_shot",
    "open_sink",
    "pair_shots",
    "parse_frame_range",
    "planes_beside",
    "read_image_file",
    "read_provenance",
    "repeated",
    "resolve_channels",
    "resolve_like",
    "seen_planes",
    "select_part",
    "set_threads",
    "union_of",
    "unseen_planes",
    "window_beside",
    "write_image_file",
]
