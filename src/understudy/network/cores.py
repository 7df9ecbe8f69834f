"""The architectures that a network can be of, by the name of their size."""

from __future__ import annotations

from understudy.network.core import Core
from understudy.network.kernels import KernelUNet
from understudy.network.nested import NESTED_SIZES, NestedUNet
from understudy.network.unet import SIZES, Size, UNet

KERNELS = {"kernels": Size((48, 64, 96, 128), (1, 1, 1, 2), (1, 1, 1))}
"""U-Nets that weigh the light of a render; not offered to trainings."""


def is_known(size: object) -> bool:
    """Whether there is such a size."""
    return size in SIZES or size in NESTED_SIZES or size in KERNELS


def make_core(size: str, inputs: int, outputs: int) -> Core:
    """A new one, that sees the frame as it is."""
    if size in NESTED_SIZES:
        return NestedUNet(inputs, outputs, NESTED_SIZES[size])
    if size in KERNELS:
        return KernelUNet(inputs, outputs, KERNELS[size])
    return UNet(inputs, outputs, SIZES[size])


def bytes_per_pixel(size: str) -> int:
    """About what each pixel of a crop takes while it is learned from: activations kept for the way back."""
    return NESTED_SIZES[size].memory if size in NESTED_SIZES else SIZES[size].widths[0] * 14
