"""Settings of a training: data."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from understudy.errors import SettingError
from understudy.settings.field import NOWHERE, Frames, FramesOfShots, Text, Texts, setting, split_name
from understudy.settings.sections import Section

NO_FRAMES = NOWHERE
LISTS = (".csv", ".jsonl", ".ndjson")
TARS = (".tar", ".tar.gz", ".tgz", ".tar.zst")


def is_pair_list(spec: str) -> bool:
    """Whether ``spec`` is called like a list of pairs."""
    return spec.lower().endswith(LISTS)


def is_shards(spec: str) -> bool:
    """Whether ``spec`` is called like tar files, which hold pairs."""
    return spec.lower().endswith(TARS)


def has_own_truths(spec: str) -> bool:
    """Whether the input ``spec`` tells its ground truths by itself."""
    return is_pair_list(spec) or is_shards(spec)


class DataSettings(Section):
    """What is learned from: which frames, and which of their channels."""

    input: Texts = setting(
        ...,
        "Input",
        "The plate: the frames as they were shot, or a folder of pictures; or, without a ground truth, a "
        "list of pairs (LIST.csv) or tar files of them. Give it once for each.",
        kind="shot",
    )
    ground_truth: Texts = setting(
        (),
        "Ground Truth",
        "The same frames as they should become; a few painted ones suffice. Of a folder of pictures a folder "
        "of files with the same names. Several mattes at once: each "
        "with its name, as in hero=SHOT and car=SHOT; of several plates once for each, hero=none where it is "
        "not painted.",
        kind="shots",
    )
    frames: Frames = setting(
        None, "Frames", "Learn only from these frames, such as 1001-1100x5,1180.", kind="frames"
    )
    empty: FramesOfShots = setting(
        (),
        "Empty Frames",
        "Frames of the plate, such as 1040-1055, on which there is nothing to matte, or nothing to change. "
        "Of several plates: once for each, in the same order, none where there are no such frames.",
        kind="frames",
    )
    input_channels: Text | None = setting(
        None,
        "Input Channels",
        "Channels of the plate: rgb, rgba, alpha, or names such as depth.Z,R.",
        kind="channels",
        advanced=True,
    )
    ground_truth_channels: Text | None = setting(
        None,
        "Ground Truth Channels",
        "Channels of the ground truth to learn: rgb, alpha, or names; hero.A,car.A learns both as mattes.",
        kind="channels",
        advanced=True,
    )
    unmix: Literal["off", "straight", "premultiplied"] = setting(
        "off",
        "Unmix",
        "Learn to take the plate apart, into alpha, foreground and the background behind it, from a ground "
        "truth with alpha and colours: whether these are straight, or premultiplied by the alpha.",
        advanced=True,
    )
    part: Text | None = setting(None, "Part", "Which part of a multi-part EXR to read.", advanced=True)
    extra: Texts = setting(
        (),
        "Extra Inputs",
        "A further layer to learn from, such as depth, normals or a hint mask.",
        kind="shot",
        advanced=True,
    )
    neighbours: Literal["auto"] | Annotated[int, Field(ge=0, le=3)] = setting(
        "auto",
        "Neighbours",
        "How many frames before and after each one the network sees as well; auto tries whether they tell "
        "more of the effect, 0 makes a network for single frames.",
        unit="frames",
        advanced=True,
    )
    region: Text | None = setting(
        None,
        "Region",
        "A mask, one file or a sequence; outside it nothing is learned. To change nothing there, apply with "
        "it as --mask.",
        kind="shot",
        advanced=True,
    )
    pair_by: Literal["number", "order", "name"] = setting(
        "number",
        "Pair By",
        "Match the frames by their number, or by their order; or the files of two folders by their names, as "
        "is done anyhow where they are no sequence.",
        advanced=True,
    )
    data: Literal["auto", "memory", "stream"] = setting(
        "auto",
        "Data",
        "Hold all pairs in memory, or read each shortly before it is learned from; auto streams what is many "
        "and large. The result is the same.",
        advanced=True,
    )
    data_cache: Annotated[float, Field(ge=0, le=1_000_000)] = setting(
        10.0,
        "Data Cache",
        "How much room pairs that are streamed may take in the run's folder, so that they are decoded once; "
        "it is given back when the run is finished. 0 keeps none.",
        unit="GB",
        advanced=True,
    )
    data_threads: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = setting(
        "auto",
        "Data Threads",
        "How many threads decode pairs that are streamed; auto takes as many as there are cores, up to 8.",
        advanced=True,
    )
    allow_broken: Annotated[int, Field(ge=0, le=1_000_000)] = setting(
        0,
        "Allow Broken",
        "How many pairs may be left out because they cannot be read, or are of two sizes; each is named. "
        "With 0 the first one ends the training.",
        unit="pairs",
        advanced=True,
    )
    validation_input: Texts = setting(
        (),
        "Validation Input",
        "A plate, a folder of pictures, a list or tar files to judge by: it is not learned from, and chooses "
        "the best network. Give it once for each.",
        kind="shot",
        advanced=True,
    )
    validation_ground_truth: Texts = setting(
        (),
        "Validation Ground Truth",
        "The same frames as they should become, once for each validation input that has not its own.",
        kind="shot",
        advanced=True,
    )
    validation_share: Annotated[float, Field(ge=0, le=0.5)] = setting(
        0.0,
        "Validation Share",
        "Keep this share of the pairs, evenly spread, for validation: 0.05 is one of twenty. For many pairs; "
        "a few are better all learned from.",
        advanced=True,
    )
    held_out: Literal["auto", "none"] | int = setting(
        "auto",
        "Held-out Frame",
        "A pair that is judged instead of learned from: auto gives it back after a third of the run, but of "
        "twelve pairs, and where you name frame N, it stays apart and chooses the best checkpoint.",
        advanced=True,
    )

    @field_validator("input")
    @classmethod
    def _at_least_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one shot is needed")
        return value

    @property
    def mattes(self) -> tuple[str, ...]:
        """The names that ground truths are given by, each once; none where they have none."""
        return tuple(dict.fromkeys(name for name, _ in map(split_name, self.ground_truth) if name))

    @property
    def truths(self) -> tuple[dict[str, str], ...]:
        """The ground truths of each input, by the name of the matte; under "" where they have no names; none
        for one that tells them by itself."""
        if not self.mattes:
            specs = iter(self.ground_truth)
            return tuple({} if has_own_truths(spec) else {"": next(specs)} for spec in self.input)
        split = [split_name(spec) for spec in self.ground_truth]
        by_name = {name: [spec for other, spec in split if other == name] for name in self.mattes}
        return tuple(
            {name: specs[index] for name, specs in by_name.items()} for index in range(len(self.input))
        )

    @model_validator(mode="after")
    def _in_pairs(self) -> Self:
        self._check_names()
        plates = sum(not has_own_truths(spec) for spec in self.input)
        if plates and not self.ground_truth:
            raise SettingError(
                "Ground Truth is missing.",
                expected=f"{plates} ground truths for {plates} plates" if plates > 1 else "a ground truth",
                where="--ground-truth (Ground Truth)",
                remedy="Give --ground-truth. Only a list of pairs (LIST.csv) or tar files have their own.",
            )
        if not self.mattes and plates != len(self.ground_truth):
            raise SettingError(
                "Plates and ground truths must be given in pairs.",
                expected=f"{plates} ground truths for {plates} plates",
                found=f"{len(self.ground_truth)} ground truths",
                where="--input and --ground-truth",
                remedy="Give --input and --ground-truth once for each shot, in the same order.",
            )
        self._check_validation()
        if self.empty and len(self.empty) != len(self.input):
            raise SettingError(
                "It is not said for each plate which of its frames are empty.",
                expected=f"--empty {len(self.input)} times for {len(self.input)} plates",
                found=f"{len(self.empty)} times",
                where="--empty",
                remedy=f"Give --empty once for each --input, in the same order; {NO_FRAMES} for one without "
                "such frames.",
            )
        return self

    def _check_validation(self) -> None:
        """SettingError where validation inputs lack their ground truths, or what else the network takes."""
        plates = sum(not has_own_truths(spec) for spec in self.validation_input)
        if plates != len(self.validation_ground_truth):
            raise SettingError(
                "Validation inputs and ground truths must be given in pairs.",
                expected=f"{plates} validation ground truths for {plates} plates",
                found=f"{len(self.validation_ground_truth)}",
                where="--validation-input and --validation-ground-truth",
            )
        beside = [
            flag for flag, given in (("--extra", self.extra), ("names of mattes", self.mattes)) if given
        ]
        if self.validation_input and beside:
            raise SettingError(
                "Validation inputs are plates alone.",
                expected="no --extra and one ground truth for each, or --validation-share",
                found=", ".join(beside),
                where="--validation-input",
                remedy="Use --validation-share: it keeps pairs as they are.",
            )

    def _check_names(self) -> None:
        """SettingError where only some ground truths have names, or a name does not come once for each
        plate."""
        names = [name for name, _ in map(split_name, self.ground_truth)]
        counts = {name: names.count(name) for name in self.mattes}
        wrong = [name for name, count in counts.items() if count != len(self.input)]
        if not any(names) or ("" not in names and not wrong):
            return
        plates = f"{len(self.input)} plates" if len(self.input) > 1 else "one plate"
        said = ", ".join(f"{name} {count} times" for name, count in counts.items())
        raise SettingError(
            "The ground truths are not named alike for each plate.",
            expected="a name before each, as in hero=SHOT, and each name "
            f"{len(self.input)} times for {plates}",
            found=said + (", and some without a name" if "" in names else ""),
            where="--ground-truth",
            remedy="Give each name once for each --input, in the same order; hero=none where it is not "
            "painted. A path with = in it is told apart by ./ before it.",
        )
