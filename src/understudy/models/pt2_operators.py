"""The operators that a program of torch.export may use: those that pictures are computed with.

Each computes tensors from tensors. None opens a file, starts anything, or looks at memory outside of them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from understudy.errors import ModelFileError

NAMES = """
_adaptive_avg_pool2d _log_softmax _native_batch_norm_legit_no_training _prelu_kernel _softmax _to_copy
_unsafe_view _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact2d _weight_norm
_weight_norm_interface abs acos acosh adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool2d add
addcdiv addcmul addmm adjoint alias all alpha_dropout amax amin aminmax angle any arange argmax argmin
argsort asin asinh atan atan2 atanh avg_pool1d avg_pool2d baddbmm batch_norm bitwise_and bitwise_not
bitwise_or bitwise_xor bmm cat ceil celu channel_shuffle chunk clamp clamp_max clamp_min clone col2im
complex concat concatenate constant_pad_nd contiguous conv1d conv2d conv3d conv_transpose1d
conv_transpose2d convolution copy cos cosh cumprod cumsum detach diagonal diff div divide dot dropout
einsum elu embedding eq erf exp exp2 expand expand_as expm1 eye feature_dropout fft_fft2 fft_fftshift
fft_ifft2 fft_ifftshift fft_irfft2 fft_irfftn fft_rfft2 fft_rfftn fill flatten flip floor floor_divide
fmod frac full full_like gather ge gelu glu greater grid_sampler grid_sampler_2d group_norm gt hardsigmoid
hardswish hardtanh hstack im2col imag index index_add index_copy index_fill index_put index_select
instance_norm isfinite isinf isnan layer_norm le leaky_relu lerp less lift_fresh lift_fresh_copy
linalg_norm linalg_vector_norm linear linspace log log10 log1p log2 log_sigmoid log_softmax logaddexp
logical_and logical_not logical_or logical_xor logit logsumexp lt mT masked_fill matmul max max_pool1d
max_pool2d max_pool2d_with_indices maximum mean median meshgrid min minimum mish mm moveaxis movedim mul
multiply mv nan_to_num narrow native_batch_norm native_group_norm native_layer_norm ne neg negative
new_full new_ones new_zeros norm normalize numpy_T one_hot ones ones_like pad permute pixel_shuffle
pixel_unshuffle polar pow prelu prod rad2deg real reciprocal reflection_pad1d reflection_pad2d relu relu6
remainder repeat repeat_interleave replication_pad1d replication_pad2d reshape reshape_as roll rot90 round
rsqrt rsub scalar_tensor scaled_dot_product_attention scatter scatter_add select select_scatter selu
sigmoid sign silu sin sinh slice slice_scatter softmax softplus softshrink sort split split_with_sizes
sqrt square squeeze stack std std_mean sub subtract sum swapaxes swapdims sym_numel sym_size sym_stride t
tan tanh tensor_split threshold tile to topk transpose tril triu true_divide trunc type_as unbind
unflatten unfold unsafe_chunk unsafe_split unsqueeze upsample_bicubic2d upsample_bilinear2d
upsample_linear1d upsample_nearest1d upsample_nearest2d var var_mean view view_as view_as_complex
view_as_real vstack where zero zeros zeros_like
"""
ATEN = frozenset(NAMES.split())
IGNORED = frozenset(
    f"torch.ops.aten.{name}"
    for name in (
        "_assert_async.msg",
        "_assert_scalar.default",
        "_assert_tensor_metadata.default",
        "sym_constrain_range.default",
        "sym_constrain_range_for_size.default",
    )
)
"""What only says again what the sizes are."""
MOST = 1 << 62
"""The largest size that a program may compute."""


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function on sizes, whose result may not grow without end."""

    def held(*numbers: Any) -> Any:
        made = function(*numbers)
        if abs(made) > MOST:
            raise ValueError("a size that no picture has")
        return made

    return held


SIZES: dict[str, Callable[..., Any]] = {
    **{f"_operator.{name}": _whole(getattr(operator, name)) for name in ("add", "sub", "mul", "floordiv")},
    **{f"_operator.{name}": _whole(getattr(operator, name)) for name in ("mod", "neg", "pos", "truediv")},
    **{f"_operator.{name}": getattr(operator, name) for name in ("eq", "ne", "le", "ge", "lt", "gt")},
    **{f"_operator.{name}": getattr(operator, name) for name in ("and_", "or_")},
    "math.trunc": math.trunc,
    "math.floor": math.floor,
    "math.ceil": math.ceil,
    "torch.sym_int": int,
    "torch.sym_float": float,
    "torch.sym_max": max,
    "torch.sym_min": min,
    "torch.sym_not": operator.not_,
}
"""What is done with sizes."""


def operator_of(target: str) -> Callable[..., Any] | None:
    """The function that a step of a program names; None for one that does nothing to the result.
    ModelFileError for any that is not among those above."""
    if target in IGNORED:
        return None
    if target in SIZES:
        return SIZES[target]
    parts = target.split(".")
    if len(parts) == 5 and parts[:3] == ["torch", "ops", "aten"] and _is_known(parts[3]):
        import torch

        packet = getattr(torch.ops.aten, parts[3], None)
        if packet is not None and parts[4] in packet.overloads():
            return getattr(packet, parts[4])
    raise ModelFileError(
        "The program uses an operator that is not run here.",
        expected="operators of torch that pictures are computed with (docs/decisions/exported-programs.md)",
        found=target[:120],
        remedy="Export the network to ONNX.",
    )


def _is_known(name: str) -> bool:
    """Whether it is one of the list; with a line under it, it works in place."""
    return name in ATEN or (name.endswith("_") and name[:-1] in ATEN)
