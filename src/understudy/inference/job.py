"""A job, opened and checked: everything that can be refused is refused here, before the first frame."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.errors import FrameError, SettingError
from understudy.frames import Frame, FrameSink, Neighbours, Shot, open_shot, open_sink
from understudy.inference.adapting import adapted
from understudy.inference.chain_plan import ChainPlan
from understudy.inference.compose import Composer, make_composer
from understudy.inference.confidence import CHANNEL
from understudy.inference.enlarging import check_enlarged, enlarging
from understudy.inference.finish import check_finishing, keyed_as
from understudy.inference.gathering import Gathered
from understudy.inference.layers import ExtraInputs, Mask
from understudy.inference.motion import OFFSETS
from understudy.inference.origins import Origins
from understudy.inference.painted import Painted, find_painted_frames
from understudy.inference.prompt_plan import PromptPlan, check_prompts, plan_prompts
from understudy.inference.provenance import (
    SCALE,
    check_folder,
    fingerprint,
    prompts_in_provenance,
    provenance_of,
    sort_out,
)
from understudy.inference.state_plan import StatePlan
from understudy.inference.steady import RADIUS, Steady
from understudy.inference.targets import FLAG
from understudy.models.finding import resolve_model, with_layers
from understudy.settings import ApplySettings, OutputSettings, PlateSettings

PROBES = 5
"""Frames that are tried before the start, to find one that can be read and checked."""


@dataclass
class Job:
    """All that the work needs, opened and checked. ``whole``: the plate with the frames beyond --frames;
    ``about``: the frames before and after, where the network sees them; ``changed``: the frames that are made
    again, and why; ``compared``: those that are written only where they differ from what is there; ``said``:
    sentences from the threads, to be reported; ``like``: sentences on what was taken over from another
    result; ``reported``: how many of the sink's notes have been reported; ``steady``: steadies results;
    ``prompts``: what the network is told of the frames; ``provenance``: what goes with every frame."""

    settings: ApplySettings
    plate: Shot
    whole: Shot
    sink: FrameSink
    composer: Composer
    about: Neighbours | None
    origins: Origins
    painted: Painted
    to_do: tuple[int, ...]
    kept: tuple[int, ...]
    changed: Mapping[int, tuple[str, ...]]
    compared: frozenset[int]
    sample: Frame | None
    said: queue.SimpleQueue[str]
    like: tuple[str, ...] = ()
    reported: int = 0
    steady: Steady | None = None
    prompts: PromptPlan | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_steady(self) -> bool:
        """Whether results are to be steadied, as far as that gains anything."""
        return self.settings.output.stabilise != 0

    @property
    def is_in_order(self) -> bool:
        """Whether each frame is made from the result of the one before it, so that one process makes them
        all."""
        header = self.composer.header
        return self.prompts is not None or bool(header.state) or header.finds_instances

    def read(self, number: int) -> Frame:
        """A frame of the plate."""
        return self.about.read(number) if self.about else self.plate.read(number)


def prepare_job(settings: ApplySettings, like: tuple[str, ...], open_things: ExitStack) -> Job:
    """Open everything, and refuse what cannot work."""
    from understudy.models.opening import describe_effect

    settings, chosen = _with_layers(settings)
    like = (*like, *chosen)
    given, output = settings.plate, settings.output
    model_path = resolve_model(settings.model.model)
    own = describe_effect(model_path)
    header = enlarging(own, output.scale)
    check_enlarged(header, settings.finishing, output)
    as_held = not header.premultiplied
    plate = open_things.enter_context(
        open_shot(given.plate, frames=given.frames, part=given.part, as_held=as_held)
    )
    header = adapted(header, plate)
    how = settings.engine.precision, settings.finishing
    provenance = provenance_of(fingerprint(model_path), given, output, *how)
    provenance |= prompts_in_provenance(settings.prompting)
    if header.scale != own.scale:
        provenance[SCALE] = str(header.scale)
    sink = open_sink(
        output.output,
        like=plate,
        overwrite=output.overwrite,
        update=output.update,
        provenance=provenance,
    )
    check_instances(settings, header)
    check_finishing(settings.finishing, header.kind, sink, len(header.output_channels), header.keys)
    mask = Mask(output.mask) if output.mask else None
    check_state(own, settings)
    offsets = _offsets(header, output.stabilise != 0, settings.finishing.motion_blur != "none")
    about = _neighbours(given, header, offsets)
    extra = ExtraInputs(given.extra, header, about)
    for layer in (mask, extra):
        if layer is not None:
            open_things.callback(layer.close)
    extra_offsets = tuple(range(-RADIUS, RADIUS + 1)) if output.stabilise else (0,)
    whole = about.shot if about else open_shot(given.plate, part=given.part, as_held=as_held)
    prompts = plan_prompts(settings.prompting, header, whole.numbers)
    origins = Origins(
        plate,
        about,
        offsets,
        mask.shot if mask else None,
        extra.shots,
        extra_offsets,
        _state_plan(header, plate, whole, output) or _chain_plan(header, plate, whole, prompts),
    )
    painted = _find_painted(settings, model_path, header, whole, plate)
    there = sort_out(plate.numbers, sink, provenance, origins, output.overwrite, painted, output.update)
    to_do, kept = there.to_do, there.kept
    painted.drop(kept)
    if mask and to_do:
        mask.look(open_shot(given.plate, part=given.part) if mask.channel else plate)
    composer = make_composer(header, settings, mask, extra, about, keyed_as(header, settings.finishing, sink))
    sample = _first_readable(plate, to_do, composer, sink)
    if sample is not None:
        if prompts:
            check_prompts(prompts, sample)
        sink.announce(composer.outline(sample))
    if to_do:
        check_folder(sink.path(to_do[0]).parent)
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    return Job(
        settings,
        plate,
        whole,
        sink,
        composer,
        about,
        origins,
        painted,
        to_do,
        kept,
        there.changed,
        there.compared,
        sample,
        said,
        like,
        prompts=prompts,
        provenance=provenance,
    )


def _with_layers(settings: ApplySettings) -> tuple[ApplySettings, tuple[str, ...]]:
    """The settings with the network that takes the layers that are given, and a sentence on which it is."""
    if not settings.plate.extra:
        return settings, ()
    model, notes = with_layers(settings.model.model)
    return (settings.replace(model=model), notes) if notes else (settings, ())


def check_instances(settings: ApplySettings, header: Any) -> None:
    """SettingError for what cannot be done with ids of instances."""
    if not header.finds_instances:
        return
    output = settings.output
    asked = {
        "--mix": output.mix != 1.0,
        "--mask": output.mask is not None,
        "--stabilise": output.stabilise != 0,
        "--confidence": output.confidence,
        "the last touch": settings.finishing != type(settings.finishing)(),
    }
    wrong = [name for name, is_asked in asked.items() if is_asked]
    if wrong:
        raise SettingError(
            "Ids of instances are numbers of things, and cannot be mixed.",
            expected="none of " + ", ".join(asked),
            found=", ".join(wrong),
            where=", ".join(wrong),
            remedy="Leave it out, and do it with the matte of one instance in the comp.",
        )


def _find_painted(settings: ApplySettings, path: Path, header: Any, whole: Shot, plate: Shot) -> Painted:
    output = settings.output
    if output.painted == "network" or header.scale != 1:
        return Painted()
    reach = RADIUS if output.stabilise else 0
    return find_painted_frames(path, header, whole, plate.numbers, output.blend, reach)


def _offsets(header: Any, steady: bool, moves: bool) -> tuple[int, ...]:
    """How far from a frame those are that it is made from beside itself: ``steady`` where it is averaged with
    them, ``moves`` where they tell of its motion."""
    seen = (0, *header.offsets)
    reach = range(-RADIUS, RADIUS + 1) if steady else (0,)
    told = OFFSETS if moves else ()
    return tuple(sorted({each + step for each in seen for step in reach}.union(told) - {0}))


def _state_plan(header: Any, plate: Shot, whole: Shot, output: OutputSettings) -> StatePlan | None:
    """Which frames are gone through, where the network carries state: those about the ones that are asked for
    too, where they are averaged with these."""
    if not header.state:
        return None
    reach = range(-RADIUS, RADIUS + 1) if output.stabilise else (0,)
    asked = {number + step for number in plate.numbers for step in reach}
    return StatePlan(whole.numbers, tuple(n for n in whole.numbers if n in asked), header.lead_in)


def _chain_plan(header: Any, plate: Shot, whole: Shot, prompts: PromptPlan | None) -> ChainPlan | None:
    """Which frames go into each, where masks go on from one to the next, or what is the same thing is
    followed."""
    if prompts is not None and prompts.carries:
        return ChainPlan(whole.numbers, prompts.begin)
    if header.finds_instances:
        return ChainPlan(whole.numbers, lambda number: plate.numbers[0])
    return None


def check_state(header: Any, settings: ApplySettings) -> None:
    """SettingError where what is asked for cannot be had of a network with state."""
    if not header.state:
        return
    asked = {
        "--confidence": settings.output.confidence and "a second look at each frame has no state of its own",
        "--tile-size": settings.tiles.tile_size not in ("auto", "none") and "its state is of whole frames",
        "--scale": settings.output.scale not in ("auto", header.scale) and "its state is of one pass",
    }
    for flag, why in asked.items():
        if why:
            raise SettingError(
                f"The network carries state from frame to frame: {why}.",
                expected=f"no {flag}",
                found=flag,
                where=flag,
                remedy=f"Leave {flag} out.",
            )


def _neighbours(plate: PlateSettings, header: Any, offsets: Sequence[int]) -> Neighbours | None:
    """The whole plate, also beyond ``--frames``, where frames before and after are wanted, or gone
    through."""
    follows = header.state or "mask" in header.prompts or header.finds_instances
    if not offsets and not follows:
        return None
    return Neighbours(open_shot(plate.plate, part=plate.part, as_held=not header.premultiplied))


def _first_readable(
    plate: Shot, numbers: tuple[int, ...], composer: Composer, sink: FrameSink
) -> Frame | None:
    """A frame of the plate that has all that the network wants. Raises what would go wrong with every
    frame."""
    for number in numbers[:PROBES]:
        try:
            frame = plate.read(number)
            _check_kept(composer.check(frame), composer, sink)
            return frame
        except FrameError:
            continue
    return None


def _check_kept(given: Gathered, composer: Composer, sink: FrameSink) -> None:
    """SettingError when the output's files would leave out what the effect changes, or makes, or how sure it
    is."""
    wanted = (*given.targets, *((CHANNEL,) if composer.confident else ()))
    kept = sink.keeps(composer.outline(given.frame)) if wanted else ()
    if composer.gatherer.stands_beside and not sink.has_layers:
        kept = ()  # what would be left of a layer stood in the place of the plate's own channels
    lost = [name for name in wanted if name not in kept]
    if lost:
        what = f"the channel {CHANNEL}" if lost == [CHANNEL] else "what the effect changes"
        raise SettingError(
            f"The output's files cannot hold {what}.",
            expected="a format with an alpha, such as EXR, PNG or TIFF"
            if lost == ["A"]
            else "a format that holds any channels, such as EXR",
            found=f"one that leaves out {', '.join(lost)}",
            where=f"{sink.spec}, {FLAG}" if composer.gatherer.layer else sink.spec,
            remedy="Name files of such a format, as in out/shot.####.exr.",
        )
