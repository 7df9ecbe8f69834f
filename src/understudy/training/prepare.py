"""From settings to a learner that can take its first step: all that can be refused is refused here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from understudy.dataset.crops import Augmentation, CropSource
from understudy.dataset.packing import Material, focus_of, pack
from understudy.dataset.pairs import DataSet, Pair, load_data_set
from understudy.device import (
    Precision,
    core_count,
    free_memory,
    prepare,
    release_memory,
    resolve_devices,
    resolve_precision,
)
from understudy.errors import ModelFileError, SettingError
from understudy.frames import format_numbers
from understudy.network.colour_fit import (
    ColourFit,
    Drift,
    Scaling,
    fit_colours,
    fit_drifts,
    measure_scaling,
    predict,
    steady,
    thinned,
)
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.losses import make_loss
from understudy.network.model_file import load_model
from understudy.network.places import PLACES, place_planes
from understudy.network.unet import SIZES
from understudy.settings import NO_WEIGHTS, TrainSettings
from understudy.training.judge import middle_of
from understudy.training.learner import Learner, Share
from understudy.training.optimizer import TURNS
from understudy.training.plan import (
    MOST_CROPS,
    RATE,
    Plan,
    choose_batch_size,
    choose_crop,
    choose_held_out,
    choose_small_crop,
    crop_bytes,
    step_pixels,
)

MakeMaterial = Callable[[int, Pair], Material]
MATTE = Augmentation(mirror=True, rotate=0.26, zoom=0.35, warped=0.7, paste=0.7)
IMAGE = Augmentation(mirror=False)
LARGE_SUBJECT = 0.25


@dataclass(frozen=True)
class Job:
    """A training that is ready to go. ``notes`` are sentences for the artist; ``digest`` tells what is
    learned from, ``old_digest`` did so in runs that were begun before it told of all that is."""

    settings: TrainSettings
    data: DataSet
    learner: Learner
    plan: Plan
    notes: tuple[str, ...]
    digest: str
    old_digest: str = ""

    @property
    def matte(self) -> bool:
        return self.data.kind == "matte"


def make_job(
    settings: TrainSettings, share: Share, device: torch.device | None = None, plan: Plan | None = None
) -> Job:
    """Read the pairs, fit their colours, build the network. Raises what ``load_data_set`` raises,
    SettingError, DeviceError or ModelFileError. ``plan`` is that of a run that goes on."""
    device = device or share.device or resolve_devices(settings.devices)[0]
    precision = plan.precision if plan else resolve_precision(settings.precision, device)
    threads = share.threads or (plan.threads if plan else core_count())
    prepare(device, threads)
    loss_text = settings.loss
    data = load_data_set(settings)
    release_memory(device)
    loss = make_loss(loss_text, data.kind)
    torch.manual_seed(settings.seed)
    network, make_material, notes = _make_network(data, settings)
    release_memory(device)  # what the fit took, before packing takes its own
    augmentation = augmentation_for(data)
    digests = _digest(data, settings), _old_digest(data, settings)
    sizes = [pair.input.shape[:2] for pair in data.pairs]
    held_out = (plan.held_out, plan.apart) if plan else _choose_held_out(settings, data)
    whole = held_out[0] if share.rank == 0 else None
    pairs, data = list(data.pairs), replace(data, pairs=())  # so that each can be let go
    packed = pack(_one_by_one(pairs, make_material, whole, device), sizes)
    data = replace(data, pairs=tuple(pairs))
    plan = plan or _make_plan(settings, sizes, held_out, network, device, precision, share.world)
    plan.threads = threads
    notes = [*share.notes, *data.notes, *notes, *_note_crop(settings, plan)]
    crops = CropSource(packed, device, plan.crop, plan.seed, focus_of(packed, data.kind == "matte"))
    learner = Learner(network, crops, loss, augmentation, plan, share)
    return Job(settings, data, learner, plan, tuple(notes), *digests)


def _one_by_one(
    pairs: list[Pair], make: MakeMaterial, whole: int | None, device: torch.device
) -> Iterator[Material]:
    """The materials, as they are asked for. Of each pair, ``pairs`` then keeps the middle alone: all of it
    lies ready for crops by then, and frames can be large. ``whole`` stays, as it is judged as a whole."""
    for index in range(len(pairs)):
        yield make(index, pairs[index])
        if index != whole:
            pairs[index] = middle_of(pairs[index])
            release_memory(device)


def augmentation_for(data: DataSet) -> Augmentation:
    """How crops of this data set are varied: mattes much; images not at all until they are seen to be learned
    by heart, as many an effect, such as paint on a face, knows left from right."""
    if data.kind != "matte":
        return IMAGE
    area = float(np.mean([(pair.truth * pair.weight).mean() for pair in data.pairs]))
    if area <= LARGE_SUBJECT:
        return MATTE
    return replace(MATTE, paste=0.2)


def _make_plan(
    settings: TrainSettings,
    sizes: list[tuple[int, int]],
    held_out: tuple[int | None, bool],
    network: EffectNetwork,
    device: torch.device,
    precision: Precision,
    world: int,
) -> Plan:
    crop = choose_crop(settings.crop_size, sizes, network.stride)
    each = crop_bytes(crop, SIZES[settings.model_size].widths[0])
    pixels = step_pixels(device.type, precision)
    batch = choose_batch_size(settings.batch_size, crop, pixels, free_memory(device), each)
    if settings.batch_size == "auto":
        batch = min(MOST_CROPS, batch * world if device.type == "cuda" else max(batch, world))
    return Plan(
        batch_size=batch,
        crop=crop,
        size=settings.model_size,
        precision=precision,
        threads=core_count(),
        small=choose_small_crop(settings.batch_size, crop, network.stride),
        device=str(device),
        seed=settings.seed,
        turns=TURNS,
        timed=False,
        held_out=held_out[0],
        apart=held_out[1],
        rate=RATE if settings.learning_rate == "auto" else float(settings.learning_rate),
    )


def _choose_held_out(settings: TrainSettings, data: DataSet) -> tuple[int | None, bool]:
    """As ``choose_held_out`` says; SettingError when the wanted frame is not among the pairs."""
    numbers = [pair.number for pair in data.pairs]
    wish = settings.held_out
    if wish in ("auto", "none") or (int(wish) in numbers and len(numbers) > 1):
        telling = [data.kind != "matte" or bool((pair.truth > 0.5).any()) for pair in data.pairs]
        return choose_held_out(wish, numbers, telling)
    raise SettingError(
        "The held-out frame is not one of several pairs.",
        expected=f"one of {format_numbers(tuple(sorted(set(numbers))))}, and at least two pairs",
        found=str(wish),
        where="--held-out",
        remedy="Name a painted frame, or leave --held-out out.",
    )


def _note_crop(settings: TrainSettings, plan: Plan) -> list[str]:
    if max(plan.crop) >= settings.crop_size:
        return []
    return [f"Crop Size is {plan.crop[1]} x {plan.crop[0]}, as the smallest frame has no more."]


# -- the network and what it learns towards -------------------------------------------------------------


def _make_network(data: DataSet, settings: TrainSettings) -> tuple[EffectNetwork, MakeMaterial, list[str]]:
    """The network, what makes the material of a pair, and sentences for the artist."""
    looked_at = [_looked_at(pair) for pair in data.pairs]
    inputs = [_flat(pair.input)[rows] for pair, rows in zip(data.pairs, looked_at, strict=True)]
    whole = measure_scaling(torch.cat(inputs))
    if data.kind == "matte":
        network = EffectNetwork(_architecture(data, settings, "identity", 0))
        network.set_range(whole)
        return _with_initial_weights(network, settings), _matte_material, []
    count = len(data.output_channels) if data.same_channels else len(data.input_channels)
    seen = [pixels[:, :count] for pixels in inputs]
    truths = [_flat(pair.truth)[rows] for pair, rows in zip(data.pairs, looked_at, strict=True)]
    places = [_places(pair)[rows] for pair, rows in zip(data.pairs, looked_at, strict=True)]
    fit, scaling = fit_colours(seen, truths, data.same_channels, places)
    network = EffectNetwork(_architecture(data, settings, fit.kind, count))
    low, high = whole.low.clone(), whole.high.clone()
    low[:count], high[:count] = scaling.low, scaling.high
    network.set_fit(fit, Scaling(low, high))
    bases = [
        predict(rows, fit, scaling, data.same_channels, where)
        for rows, where in zip(seen, places, strict=True)
    ]
    drifts = fit_drifts(seen, truths, bases, scaling)
    notes = [_say_fit(fit)]
    if drifts is not None:
        notes.append("The pairs differ in overall colour from frame to frame: learning what they agree on.")
    same_channels = data.same_channels

    def make(index: int, pair: Pair) -> Material:
        return _image_material(pair, fit, scaling, same_channels, drifts[index] if drifts else None)

    return _with_initial_weights(network, settings), make, notes


def _looked_at(pair: Pair) -> Tensor:
    """The indices of the pixels that a colour fit is made of: every so many of those that count."""
    return thinned(torch.from_numpy(np.flatnonzero(pair.weight)))


def _flat(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).reshape(-1, pixels.shape[2])


def _places(pair: Pair) -> Tensor:
    """(pixels, 2)"""
    height, width = pair.input.shape[:2]
    return place_planes(height, width).permute(1, 2, 0).reshape(-1, PLACES)


def _matte_material(index: int, pair: Pair) -> Material:
    nothing = torch.zeros((*pair.input.shape[:2], 0))
    plate, truth, weight = (torch.from_numpy(part) for part in (pair.input, pair.truth, pair.weight))
    return Material(plate, truth, nothing, weight)


def _image_material(
    pair: Pair, fit: ColourFit, scaling: Scaling, same_channels: bool, drift: Drift | None
) -> Material:
    """What is learned from a pair: its plate, with the places where the fit needs them, its truth without
    its ``drift``, and what the fit makes of the plate."""
    plate, truth = torch.from_numpy(pair.input), torch.from_numpy(pair.truth)
    places = _places(pair) if fit.kind == "placed" else None
    pixels = _flat(pair.input)[:, : len(scaling.low)]
    base = predict(pixels, fit, scaling, same_channels, places).reshape(truth.shape)
    if drift is not None:
        truth = steady(pixels, _flat(pair.truth), drift, scaling).reshape(truth.shape)
    if places is not None:
        plate = torch.cat([plate, places.reshape(*plate.shape[:2], PLACES)], 2)
    return Material(plate, truth, base, torch.from_numpy(pair.weight))


def _say_fit(fit: ColourFit) -> str:
    words = {
        "identity": "Starting from the plate as it is.",
        "linear": "Starting from a linear colour match of plate and ground truth.",
        "cubic": "Starting from a cubic colour match of plate and ground truth.",
        "placed": "Starting from a colour match of plate and ground truth that changes over the frame.",
    }
    return words[fit.kind]


def _architecture(data: DataSet, settings: TrainSettings, fit: str, fit_inputs: int) -> Architecture:
    return Architecture(
        inputs=data.pairs[0].input.shape[2],
        outputs=data.pairs[0].truth.shape[2],
        size=settings.model_size,
        kind=data.kind,
        fit=fit,
        same_channels=data.same_channels,
        fit_inputs=fit_inputs,
    )


def _with_initial_weights(network: EffectNetwork, settings: TrainSettings) -> EffectNetwork:
    """The U-Net of another .cat instead of a new one; the colour fit stays that of the pairs at hand."""
    network = network.lay_out(torch.device("cpu"))
    if settings.initial_weights == NO_WEIGHTS:
        return network
    other = load_model(settings.initial_weights)[1]
    weights, ours = other.unet.state_dict(), network.unet.state_dict()
    both = [_in_words(each.architecture) for each in (network, other)]
    differ = [pair for pair in zip(*both, strict=True) if pair[0] != pair[1]]
    if not differ:
        weights["stem.weight"] = _with_inputs(weights["stem.weight"], ours["stem.weight"].shape[1])
        if _shapes(weights) == _shapes(ours):
            network.unet.load_state_dict(weights)
            return network
    raise ModelFileError(
        "The initial weights do not fit this training.",
        expected=", ".join(wanted for wanted, _ in differ) or "layers as this version has them",
        found=", ".join(found for _, found in differ) or "layers of other sizes",
        where=settings.initial_weights,
        remedy="Choose the same --model-size and channels, or other weights.",
    )


def _with_inputs(stem: Tensor, count: int) -> Tensor:
    """Weights of a stem for so many inputs: what a fit by place adds to them comes last, and counts nothing
    at first where it is new."""
    kept = stem[:, :count]
    return torch.cat([kept, kept.new_zeros(len(stem), count - kept.shape[1], *stem.shape[2:])], 1)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _in_words(architecture: Architecture) -> tuple[str, str, str]:
    """What weights have to agree in."""
    return (
        f"a {architecture.size} network",
        f"{architecture.inputs} channels in (with those of extra inputs)",
        f"{architecture.outputs} out",
    )


def _digest(data: DataSet, settings: TrainSettings) -> str:
    """What is learned from: the frames, the layers beside them, and what they are taken for."""
    layers = data.layers
    told = {
        "pairs": [(pair.hash, pair.hash_beside) for pair in data.pairs],
        "channels": [layers.inputs, layers.truths, layers.outputs],
        "extra": [(extra.channels, extra.colour.space) for extra in layers.extras],
        "region": settings.region is not None,
        "colours": [data.colour_in.space, data.colour_out.space],
        "kind": data.kind,
        "loss": settings.loss,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _old_digest(data: DataSet, settings: TrainSettings) -> str:
    """What ``_digest`` was in older versions, so that their runs can be gone on with."""
    text = "|".join([*(pair.hash for pair in data.pairs), settings.loss, data.kind, *data.output_channels])
    return hashlib.sha256(text.encode()).hexdigest()
