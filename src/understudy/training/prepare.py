"""From settings to a learner that can take its first step: all that can be refused is refused here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import torch

from understudy.dataset.crops import Augmentation, CropSource
from understudy.dataset.packing import EARLIER_MATTE_FOCUS, Packed, focus_of
from understudy.dataset.pair import Pair
from understudy.dataset.pairs import DataSet, load_data_set
from understudy.dataset.start_check import say_findings
from understudy.device import (
    Precision,
    core_count,
    free_memory,
    prepare,
    release_memory,
    resolve_devices,
    resolve_precision,
)
from understudy.errors import SettingError
from understudy.frames import format_numbers
from understudy.models.finding import FoundModel, find_model
from understudy.models.starts import is_keyer
from understudy.network.cores import bytes_per_pixel
from understudy.network.effect import EffectNetwork
from understudy.network.losses import EARLIER_AUTO, UNMIX, Term, chosen_terms, make_loss
from understudy.network.losses import KEYING as KEYED_AUTO
from understudy.network.model_file import ModelHeader, read_header
from understudy.network.unet import MODEL_SIZES
from understudy.settings import NO_WEIGHTS, NetworkSettings, TrainSettings
from understudy.settings.keying import check_keying
from understudy.training.agreement import Agreement
from understudy.training.chances import colour_variation, with_chances
from understudy.training.distributed.shard import Shard
from understudy.training.drifting import Drifting
from understudy.training.features import feature_term
from understudy.training.feeding import feed_of
from understudy.training.keying import check_colours, make_keyer
from understudy.training.learner import Learner
from understudy.training.links import Link, read_links
from understudy.training.optimizer import TURNS
from understudy.training.plan import (
    MANY_RATE,
    MOST_CROPS,
    RATE,
    Plan,
    Vary,
    choose_batch_size,
    choose_coarse,
    choose_crop,
    choose_held_out,
    choose_size,
    choose_small_crop,
    choose_whole_share,
    crop_bytes,
    step_pixels,
)
from understudy.training.subject import covered_by_subject, moves_its_limbs
from understudy.training.targets import MakeMaterial, make_network

MATTE = Augmentation(mirror=True, rotate=0.26, zoom=0.35, warped=0.7, paste=0.7, cover=0.3)
PLAIN_MATTE = Augmentation(mirror=True)
IMAGE = Augmentation(mirror=False)
KEYING = (Augmentation(mirror=True, turn=True), Augmentation(mirror=True, turn=True))
LARGE_SUBJECT = 0.25
HEADER_SECONDS = 2.0
"""How long the headers of many pairs are looked at before a training: it is not to wait. Those that are
streamed are looked at further while it learns."""


@dataclass(frozen=True)
class Job:
    """A training that is ready to go. ``notes`` are sentences for the artist; ``digest`` tells what is
    learned from, ``old_digest`` did so in runs that were begun before it told of all that is. ``packed``: the
    pairs as crops are drawn from them, None where they are not all in memory as one; ``make_material`` makes
    more such ones; ``origins``: which plate and which frame each pair is of; ``drifting``: there where the
    pairs were graded frame by frame."""

    settings: TrainSettings
    data: DataSet
    learner: Learner
    plan: Plan
    notes: tuple[str, ...]
    digest: str
    old_digest: str
    packed: Packed | None
    make_material: MakeMaterial
    origins: tuple[tuple[int, int], ...]
    drifting: Drifting | None

    @property
    def matte(self) -> bool:
        return self.data.kind == "matte"

    @property
    def keys(self) -> bool:
        """Whether the network is a keyer."""
        return self.data.layers.keys


def make_job(
    settings: TrainSettings, shard: Shard, device: torch.device | None = None, plan: Plan | None = None
) -> Job:
    """Read the pairs, fit their colours, build the network. Raises what ``load_data_set`` raises,
    SettingError, DeviceError or ModelFileError. ``plan`` is that of a run that goes on."""
    device = device or shard.device or resolve_devices(settings.devices.devices)[0]
    precision = plan.precision if plan else resolve_precision(settings.devices.precision, device)
    threads = shard.threads or (plan.threads if plan else core_count())
    prepare(device, threads)
    goes_on = plan is not None
    start = None if plan else _find_weights(settings.network.initial_weights)
    weights = read_header(start.path) if start else None
    size = (
        plan.size if plan else _choose_size(settings, weights, device, precision, threads * shard.world_size)
    )
    size_notes = [*_note_weights(settings.network, start), *_note_size(settings.network, size)]
    if not settings.network.is_nested:
        settings = settings.replace(model_size=size)
    reach = plan.neighbours if plan else _reach_of_weights(weights, settings.data.neighbours)
    earlier = plan is not None and plan.begun_earlier
    many, left_out = (plan.many, plan.left_out) if plan else (None, list[int]())
    headers = None if plan else HEADER_SECONDS
    keys = plan.screen if plan else is_keyer(weights)
    if keys:
        check_keying(settings)
        reach = 0
    data = load_data_set(settings.data, settings.colour, reach, earlier, many, left_out, headers, keys)
    release_memory(device)
    said = [] if goes_on else say_findings(data)
    unmixes = data.layers.unmix != "off"
    terms = _loss_terms(settings, data, plan)
    loss = make_loss(terms, data.kind, unmixes, _features(settings, data, device), keys)
    torch.manual_seed(settings.augmentation.seed)
    sizes = [pair.input.shape[:2] for pair in data.pairs]
    sure = plan is not None or settings.network.coarse_view != "auto"
    if keys:
        check_colours(data)
        targets = make_keyer(data, settings)
    else:
        coarse = plan.coarse if plan else _choose_coarse(settings.network, data.kind, weights, sizes)
        targets = make_network(data, settings.network, coarse, sure)
    network, notes = targets.network, targets.notes
    release_memory(device)  # what the fit took, before packing takes its own
    agreed = plan.agreement if plan else settings.loss.agreement
    links = _read_links(agreed, data, network, shard)
    covered = covered_by_subject(data)
    held_out = (plan.held_out, plan.apart) if plan else _choose_judge(settings, data)
    vary = plan.vary if plan else _choose_vary(settings.augmentation.vary, held_out[0], data)
    whole = data.place(held_out[0]) if shard.rank == 0 else None
    views = network.architecture.coarse, network.architecture.whole
    pairs, data = list(data.pairs), replace(data, pairs=())  # so that each can be let go
    fed = feed_of(settings.data, data, pairs, targets.make_material, views, plan, whole, device)
    origins, shares = _origins(data), [source.share for source in data.sources]
    by_epochs = data.is_many or any(source.plate.is_set for source in data.sources)
    data = replace(data, pairs=fed.kept, sources=data.sources if data.is_many else ())
    digests = _digest(data, settings), _old_digest(data, settings)
    plan = plan or _make_plan(settings, sizes, held_out, network, device, precision, shard.world_size, vary)
    plan.threads, plan.loss, plan.neighbours = threads, terms, data.reach
    crop_notes = [*_note_crop(settings.augmentation.crop_size, plan), *_note_coarse(plan), *_note_whole(plan)]
    vary_notes = _note_vary(settings.augmentation.vary, plan, data.kind)
    broken = data.left_out.news() if data.left_out else []
    new = [
        *_note_pairs(data),
        *_note_validation(data),
        *data.notes,
        *broken,
        *fed.notes,
        *said,
        *notes,
        *size_notes,
        *crop_notes,
        *vary_notes,
    ]
    notes = [*shard.notes, *([] if goes_on else new)]  # what a run was begun with has been said
    if not goes_on:
        plan.screen = keys
        plan.evenly = data.kind == "matte" or keys or plan.coarse > 1
        plan.focus = fed.focus(data.kind == "matte" and not keys, len(data.painted))
        plan.many, plan.dealing, plan.half = data.is_many, "epochs" if by_epochs else "", fed.half
        plan.left_out = left_out
        plan.rate, rate_notes = _choose_rate(settings, plan)
        notes += rate_notes
    focus = _earlier_focus(fed.told, data.kind) if plan.focus is None else plan.focus
    crops = CropSource(fed.pairs, device, plan.crop, plan.seed, focus, plan.evenly)
    agreement = Agreement(links, plan, device) if links else None
    drawn = [
        with_chances(each, settings.augmentation)
        for each in (KEYING if keys else augmentations_for(data.kind, plan.vary, covered))
    ]
    colours = colour_variation(settings.augmentation, data)
    varied = (drawn[0], drawn[1])
    learner = Learner(network, crops, loss, varied, plan, shard, agreement, shares, colours)
    return Job(
        settings,
        data,
        learner,
        plan,
        tuple(notes),
        *digests,
        fed.packed,
        targets.make_material,
        origins,
        targets.drifting,
    )


def _read_links(agreed: float, data: DataSet, network: EffectNetwork, shard: Shard) -> list[Link]:
    """The frames that are to agree along the motion; none where nothing is ``agreed``."""
    if not agreed:
        return []
    if shard.world_size > 1:
        raise SettingError(
            "Agreement along the motion is learned by one process.",
            expected="one device, or no --agreement",
            found=f"{shard.world_size} processes",
            where=f"--agreement {agreed:g}",
        )
    if network.architecture.whole:
        raise SettingError(
            "Agreement along the motion is learned from frames as they are.",
            expected="--network-size full, or no --agreement",
            found=f"a network that sees whole frames of {network.architecture.whole} pixels a side",
            where=f"--agreement {agreed:g}",
        )
    return read_links(data, network.architecture.coarse, network.placed)


def _origins(data: DataSet) -> tuple[tuple[int, int], ...]:
    """Of each pair, which plate it is of, counted from 0, and its number there."""
    plates = list(dict.fromkeys(id(source.plate) for source in data.sources))
    return tuple((plates.index(id(source.plate)), source.plate_number) for source in data.sources)


def augmentations_for(kind: str, vary: str, covered: float) -> tuple[Augmentation, Augmentation]:
    """How crops are varied, and how from ``Plan.turned`` on. Images are not until they are seen to be learned
    by heart, as many an effect, such as paint on a face, knows left from right. Neither are mattes: a subject
    that hardly changes, such as a car, is known best as it is; one that moves its limbs has to be seen in
    more ways than the pairs show, turned, zoomed, before other backgrounds and behind other things.
    ``covered``: the share of the frames that the subject has."""
    if kind != "matte":
        return IMAGE, replace(IMAGE, mirror=True, turn=True)
    varied = MATTE if covered <= LARGE_SUBJECT else replace(MATTE, paste=0.2, cover=0.1)
    return (PLAIN_MATTE if vary in ("auto", "never") else varied), varied


def _not_together(world_size: int, batches: int) -> SettingError:
    return SettingError(
        "Batches are accumulated by one process.",
        expected="one device, or no --accumulate",
        found=f"{world_size} processes, which share a batch as it is",
        where=f"--accumulate {batches}",
        remedy="Use --batch-size with several devices: each takes its share of it.",
    )


def _features(settings: TrainSettings, data: DataSet, device: torch.device) -> dict[str, Term]:
    """The term of the loss that a network of the artist's makes. ModelFileError where it does not."""
    spec = settings.loss.perceptual_network
    if spec is None:
        return {}
    return {"features": feature_term(spec, len(data.output_channels), device)}


def _choose_vary(requested: Vary, held_out: int | None, data: DataSet) -> Vary:
    """A matte whose subject moves its limbs is varied from the start; so is one of which nothing would tell
    whether it is learned by heart, as no pair is kept apart. Many pairs vary by themselves."""
    if requested != "auto" or data.kind != "matte" or data.layers.keys:
        return requested
    if data.is_many:
        return "never"
    return "always" if held_out is None or moves_its_limbs(data) else "auto"


def _earlier_focus(packed: Packed, kind: str) -> float:
    """What it was in runs that were begun before it was kept with them."""
    return EARLIER_MATTE_FOCUS if kind == "matte" else focus_of(packed, False)


def _make_plan(
    settings: TrainSettings,
    sizes: list[tuple[int, int]],
    held_out: tuple[int | None, bool],
    network: EffectNetwork,
    device: torch.device,
    precision: Precision,
    world_size: int,
    vary: Vary,
) -> Plan:
    schedule, augmentation, size = settings.schedule, settings.augmentation, settings.network.size
    if schedule.accumulate > 1 and world_size > 1:
        raise _not_together(world_size, schedule.accumulate)
    coarse, whole, stride = network.architecture.coarse, network.architecture.whole, network.crop_stride
    views = [(-(-height // coarse), -(-width // coarse)) for height, width in sizes]
    crop = choose_crop(augmentation.crop_size, views, stride)
    each = crop_bytes((whole, whole) if whole else crop, bytes_per_pixel(size))
    pixels = step_pixels(device.type, precision, network.architecture.kind == "matte")
    batch = choose_batch_size(schedule.batch_size, crop, pixels, free_memory(device), each)
    if schedule.batch_size == "auto":
        batch = min(MOST_CROPS, batch * world_size if device.type == "cuda" else max(batch, world_size))
    return Plan(
        batch_size=min(MOST_CROPS, batch * schedule.accumulate),
        accumulate=schedule.accumulate,
        multi_resolution=augmentation.multi_resolution,
        crop=crop,
        size=size,
        precision=precision,
        threads=core_count(),
        small=choose_small_crop(schedule.batch_size, crop, stride),
        device=str(device),
        seed=augmentation.seed,
        turns=TURNS,
        coarse=coarse,
        whole=whole,
        whole_share=choose_whole_share(settings.network.whole_share, whole, sizes),
        vary=vary,
        turned=0 if vary == "always" else None,
        timed=False,
        held_out=held_out[0],
        apart=held_out[1],
        agreement=settings.loss.agreement,
    )


def _choose_rate(settings: TrainSettings, plan: Plan) -> tuple[float, list[str]]:
    """The rate, and a sentence where ``auto`` is not the usual one: no two steps on many pictures see the
    same ones, and nested stages, whose weights have one scale, turn further than others."""
    if settings.schedule.learning_rate != "auto":
        return float(settings.schedule.learning_rate), []
    if not plan.many and not settings.network.is_nested:
        return RATE, []
    return MANY_RATE, [f"Learning rate {MANY_RATE:g}, a third of a single shot's: steps differ more."]


def _find_weights(initial_weights: str) -> FoundModel | None:
    """The file of the initial weights; None where there are none. ModelFileError."""
    return None if initial_weights == NO_WEIGHTS else find_model(initial_weights, start=True)


def _choose_size(
    settings: TrainSettings,
    weights: ModelHeader | None,
    device: torch.device,
    precision: Precision,
    cores: int,
) -> str:
    """The size that is requested; ``auto`` is that of the initial weights, or what the time is enough for."""
    if settings.network.size != "auto":
        return settings.network.size
    if weights is not None:
        size = weights.architecture.get("size")
        return str(size) if size in MODEL_SIZES else "medium"
    return choose_size(device.type, precision, settings.schedule.time_limit, cores)


def _choose_coarse(
    settings: NetworkSettings, kind: str, weights: ModelHeader | None, sizes: list[tuple[int, int]]
) -> int:
    """How many times smaller the coarse view is: as requested, as in the initial weights, or by size. A
    network that sees frames whole, or goes down as far as a nested one, has none."""
    requested = settings.coarse_view
    if settings.is_nested or settings.whole_for(kind):
        return 1
    if requested != "auto":
        return int(requested)
    known = weights.architecture.get("coarse") if weights else None
    return known if isinstance(known, int) and known > 1 else choose_coarse(sizes)


def _reach_of_weights(weights: ModelHeader | None, requested: int | str) -> int | None:
    """How many frames before and after the initial weights take; None where that is open, as it is for what
    comes trained on single frames."""
    if weights is None or weights.card is not None or requested != "auto":
        return None
    return len(weights.offsets) // 2


def _choose_judge(settings: TrainSettings, data: DataSet) -> tuple[int | None, bool]:
    """As ``_choose_held_out``; no pair where there are validation pairs, which choose the best network.
    SettingError where there is nothing to have patience with."""
    requested, patience = settings.data.held_out, settings.validation.patience
    if data.validation and requested in ("auto", "none"):
        return None, True
    if data.validation:
        raise SettingError(
            "Either a held-out frame or validation pairs choose the best network.",
            expected="--held-out auto or none, with validation pairs",
            found=f"--held-out {requested}",
            where="--held-out",
        )
    if patience is not None:
        raise SettingError(
            "There is nothing to have patience with.",
            expected="validation pairs",
            found="none",
            where=f"--patience {patience}",
            remedy="Give --validation-input and --validation-ground-truth, or a --validation-share.",
        )
    return _choose_held_out(requested, data)


def _note_validation(data: DataSet) -> list[str]:
    count = len(data.validation)
    if count == 1:
        return ["One validation pair is not learned from, and chooses the best network."]
    return [f"{count} validation pairs are not learned from, and choose the best network."] if count else []


def _choose_held_out(requested: int | str, data: DataSet) -> tuple[int | None, bool]:
    """As ``choose_held_out`` says; SettingError when the requested frame is not among those that are
    painted. Of many pairs one of those that are in memory."""
    index, apart = _choose_of_painted(requested, data)
    return (index if index is None or not data.is_many else data.sample[index]), apart


def _choose_of_painted(requested: int | str, data: DataSet) -> tuple[int | None, bool]:
    numbers = [pair.number for pair in data.painted]  # an empty one tells nothing of the effect
    if requested in ("auto", "none") or (int(requested) in numbers and len(numbers) > 1):
        shown = [_shown_mattes(pair) if data.kind == "matte" else 1 for pair in data.painted]
        most = max(1, *shown)
        return choose_held_out(requested, numbers, [count == most for count in shown])
    raise SettingError(
        "The held-out frame is not one of several pairs.",
        expected=f"one of {format_numbers(tuple(sorted(set(numbers))))}, and at least two pairs",
        found=str(requested),
        where="--held-out",
        remedy="Name a painted frame, or leave --held-out out.",
    )


def _shown_mattes(pair: Pair) -> int:
    """How many of its mattes show anything."""
    return int(((pair.truth > 0.5) & (pair.weight > 0)).any((0, 1)).sum())


def _note_weights(network: NetworkSettings, start: FoundModel | None) -> list[str]:
    """Which those are that the training begins from."""
    return [f"Initial Weights: {network.initial_weights}.", *start.notes] if start else []


def _note_size(network: NetworkSettings, size: str) -> list[str]:
    """Where the initial weights, or the time, were what decided."""
    if network.is_nested:
        return []
    if network.model_size == "auto" and network.initial_weights != NO_WEIGHTS:
        return [f"Model Size is {size}, as that of the initial weights."]
    if network.model_size != "auto" or size != "small":
        return []
    return ["Model Size is small, which learns more in this time on this processor."]


def _note_pairs(data: DataSet) -> list[str]:
    """A single pair is often a slip in the frame numbers."""
    return ["Only one frame has both plate and ground truth."] if len(data.painted) == 1 else []


def _note_crop(requested: int, plan: Plan) -> list[str]:
    if max(plan.crop) >= requested:
        return []
    return [f"Crop Size is {plan.crop[1]} x {plan.crop[0]}, as the frames have no more."]


def _note_coarse(plan: Plan) -> list[str]:
    if plan.coarse == 1:
        return []
    return [f"The network sees the whole frame as well, {plan.coarse} times smaller; that view learns first."]


def _note_whole(plan: Plan) -> list[str]:
    if not plan.whole:
        return []
    share = "" if plan.whole_share == 1 else f" {plan.whole_share:.0%} of the steps are on whole frames."
    return [f"The network sees each frame whole, as {plan.whole} x {plan.whole} pixels.{share}"]


def _note_vary(requested: Vary, plan: Plan, kind: str) -> list[str]:
    """What ``auto`` came to from the start."""
    if kind != "matte" or requested == plan.vary or plan.vary != "always" or plan.held_out is None:
        return []
    return [
        "The painted mattes differ in shape, as of a subject that moves its limbs: crops are turned, "
        "zoomed and mixed."
    ]


def _loss_terms(settings: TrainSettings, data: DataSet, plan: Plan | None) -> str:
    """The terms of the loss. What was chosen automatically stays as it was where a run goes on."""
    requested, kind, layers = settings.loss.loss, data.kind, data.layers
    if plan is not None and requested == "auto":
        return plan.loss or EARLIER_AUTO[kind]
    if requested == "auto" and (layers.keys or layers.unmix != "off"):
        return KEYED_AUTO[kind] if layers.keys else UNMIX
    return chosen_terms(requested, kind, settings.network.is_nested)


def _digest(data: DataSet, settings: TrainSettings) -> str:
    """What is learned from: the frames, the layers beside them, and what they are taken for."""
    layers = data.layers
    described = {
        "pairs": [(pair.hash, pair.hash_beside) for pair in data.pairs],
        "channels": [layers.inputs, layers.truths, layers.outputs],
        "extra": [(extra.channels, extra.colour.space) for extra in layers.extras],
        "region": settings.data.region is not None,
        "colours": [data.colour_in.space, data.colour_out.space],
        "kind": data.kind,
        "loss": settings.loss.loss,
    }
    if data.is_many:
        names = "\n".join(f"{s.name} {s.truth.frame_name(s.truth_number)}" for s in data.sources)
        described["names"] = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()
    if len(data.painted) < len(data.pairs):  # only then, so that runs from before there were any go on
        described["painted"] = len(data.painted)
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _old_digest(data: DataSet, settings: TrainSettings) -> str:
    """What ``_digest`` was in older versions, so that their runs can be gone on with."""
    text = "|".join(
        [*(pair.hash for pair in data.pairs), settings.loss.loss, data.kind, *data.output_channels]
    )
    return hashlib.sha256(text.encode()).hexdigest()
