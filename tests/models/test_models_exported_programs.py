"""Programs of torch.export (.pt2): run as torch runs them, and never trusted."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import understudy
from understudy.errors import ModelFileError
from understudy.export.importing import import_network
from understudy.frames import read_image_file
from understudy.models.imported import open_file
from understudy.models.sidecar import Sidecar

Change = Callable[[dict[str, Any]], None]


class Upscaler(nn.Module):
    """Convolutions, a norm, attention over channels, sizes that are asked for, work in place, two results."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.norm, self.weigh = nn.BatchNorm2d(8), nn.Linear(8, 8)
        self.register_buffer("middle", torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1))

    def forward(self, x: Tensor, strength: Tensor) -> dict[str, Tensor]:
        made = torch.relu_(self.norm(self.first((x - self.middle) * strength)))
        made = made * torch.sigmoid(self.weigh(made.mean((2, 3))))[:, :, None, None]
        small = nn.functional.interpolate(made, scale_factor=0.5, mode="bilinear")
        made = made + nn.functional.interpolate(small, size=made.shape[-2:], mode="bilinear")
        parts = torch.chunk(made, 2, 1)
        made = nn.functional.pixel_shuffle(self.last(torch.cat([parts[1], parts[0]], 1)), 2)
        return {"picture": made.clamp(0, 1), "grey": made.mean(1, keepdim=True)}


class Soften(nn.Module):
    """An average of three by three pixels, mirrored at the border."""

    def forward(self, x: Tensor) -> Tensor:
        wide = nn.functional.pad(x, [1, 1, 1, 1], mode="reflect")
        return nn.functional.avg_pool2d(wide, 3, 1)


def saved(module: nn.Module, path: Path, *inputs: Tensor, multiple: int = 1, free: bool = True) -> Path:
    side = {2: multiple * torch.export.Dim("h", max=2048), 3: multiple * torch.export.Dim("w", max=2048)}
    shapes = tuple(side if each.ndim == 4 else None for each in inputs)
    program = torch.export.export(module.eval(), inputs, dynamic_shapes=shapes if free else None)
    torch.export.save(program, str(path))
    return path


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Upscaler]:
    torch.manual_seed(0)
    module = Upscaler()
    inputs = torch.rand(1, 3, 32, 48), torch.tensor(1.0)
    return saved(module, tmp_path_factory.mktemp("pt2") / "net.pt2", *inputs, multiple=2), module


@pytest.fixture(scope="module")
def soften(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(Soften(), tmp_path_factory.mktemp("pt2") / "soften.pt2", torch.rand(1, 3, 20, 30))


def test_a_program_gives_what_torch_gives_at_other_sizes_too(upscaler: tuple[Path, Upscaler]) -> None:
    path, module = upscaler
    file = open_file(path, Sidecar())
    assert [option.name for option in file.options] == ["strength"]
    assert [image.name for image in file.outputs] == ["picture", "grey"]
    for size in ((40, 56), (64, 32)):
        x = torch.rand(1, 3, *size)
        with torch.inference_mode():
            wanted = list(module(x, torch.tensor(0.7)).values())
            found = file([x], {"strength": 0.7})
        assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_what_goes_in_is_not_changed_by_work_in_place(upscaler: tuple[Path, Upscaler]) -> None:
    file, x = open_file(upscaler[0], Sidecar()), torch.rand(1, 3, 16, 16)
    before = x.clone()
    assert torch.equal(file([x], {})[0], file([x], {})[0]) and torch.equal(x, before)


def test_import_finds_scale_and_multiple_and_one_output_is_picked(
    upscaler: tuple[Path, Upscaler], tmp_path: Path
) -> None:
    made = import_network(upscaler[0], tmp_path / "models")
    text = made.sidecar.read_text()
    assert "scale = 2" in text and "size_multiple = 2" in text
    (tmp_path / "told.toml").write_text('output = "grey"\n')
    grey = import_network(upscaler[0], tmp_path / "grey", settings=tmp_path / "told.toml")
    assert understudy.load(grey.model, devices="cpu").description.output_channels == ["A"]


def test_a_program_is_applied_and_served_as_any_network(
    soften: Path, make_shot: Callable[..., Any], tmp_path: Path
) -> None:
    import io

    from understudy.server.log import ServerLog
    from understudy.server.models.file_model import FileModel
    from understudy.server.models.served import Call

    model = import_network(soften, tmp_path / "models").model
    shot = make_shot(suffix=".exr", data_format="float", numbers=[1001])
    understudy.apply(str(model), shot.plate, str(tmp_path / "o.####.exr"), devices="cpu")
    plate = read_image_file(shot.plate_file(1001)).planes(("R", "G", "B"))
    planes = np.moveaxis(plate, -1, 0)
    with torch.inference_mode():
        wanted = Soften()(torch.from_numpy(planes.copy())[None])[0].numpy()
    found = read_image_file(tmp_path / "o.1001.exr").planes(("R", "G", "B"))
    assert np.allclose(np.moveaxis(found, -1, 0), wanted, atol=1e-6)
    answer = FileModel(model, "cpu", ServerLog(io.StringIO())).run([Call([planes])])[0].pictures[0]
    assert np.allclose(answer, wanted, atol=1e-6)


def test_a_program_of_one_size_says_so(tmp_path: Path) -> None:
    path = saved(Soften(), tmp_path / "fixed.pt2", torch.rand(1, 3, 20, 30), free=False)
    file = open_file(path, Sidecar())
    assert file.size == (20, 30) and file([torch.rand(1, 3, 47, 61)], {})[0].shape == (1, 3, 47, 61)


def rewritten(path: Path, target: Path, change: Change, ending: str = "models/model.json") -> Path:
    """The archive with one piece of JSON changed."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for each in old.infolist():
            data = old.read(each)
            if each.filename.endswith(ending):
                said = json.loads(data)
                change(said)
                data = json.dumps(said).encode()
            new.writestr(each.filename, data)
    return target


def steps(said: dict[str, Any]) -> list[dict[str, Any]]:
    return said["graph_module"]["graph"]["nodes"]


def calls(target: str, **arguments: Any) -> Change:
    """The last step calls something else."""

    def change(said: dict[str, Any]) -> None:
        given = [{"name": name, "arg": each, "kind": 1} for name, each in arguments.items()]
        steps(said)[-1].update(target=target, **({"inputs": given} if given else {}))

    return change


@pytest.mark.parametrize(
    "target",
    [
        "torch.os.system",
        "torch.load",
        "torch.hub.load",
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.set_.source_Storage",
        "torch.ops.aten.resize_.default",
        "torch.ops.aten._sparse_coo_tensor_unsafe.default",
        "torch.ops.higher_order.cond",
        "torch.ops.aten.relu.__class__",
        "_operator.pow",
        "_operator.attrgetter",
        "builtins.eval",
        "#extension:thing",
    ],
)
def test_a_program_may_call_nothing_but_operators_on_pictures(
    soften: Path, target: str, tmp_path: Path
) -> None:
    hostile = rewritten(
        soften, tmp_path / "hostile.pt2", calls(target, command={"as_string": f"touch {tmp_path}/done"})
    )
    with pytest.raises(ModelFileError, match="operator that is not run here"):
        import_network(hostile, tmp_path / "models")
    assert not (tmp_path / "done").exists() and not (tmp_path / "models").exists()


def test_text_in_a_program_is_not_evaluated(soften: Path, tmp_path: Path) -> None:
    code = f"__import__('pathlib').Path('{tmp_path}/done').touch()"

    def change(said: dict[str, Any]) -> None:
        said["guards_code"] = [code]
        said["range_constraints"][code] = {"min_val": 1, "max_val": 2}
        for meta in said["graph_module"]["graph"]["tensor_values"].values():
            meta["sizes"][-1] = {"as_expr": {"expr_str": code, "hint": {"as_int": 30}}}

    import_network(rewritten(soften, tmp_path / "text.pt2", change), tmp_path / "models")
    assert not (tmp_path / "done").exists()


def test_weights_that_would_have_to_be_unpickled_are_refused(
    upscaler: tuple[Path, Upscaler], tmp_path: Path
) -> None:
    def change(said: dict[str, Any]) -> None:
        next(iter(said["config"].values()))["use_pickle"] = True

    hostile = rewritten(upscaler[0], tmp_path / "p.pt2", change, "weights_config.json")
    with pytest.raises(ModelFileError, match="would have to be unpickled"):
        import_network(hostile, tmp_path / "models")


@pytest.mark.parametrize(
    "meta",
    [
        {"sizes": [{"as_int": 1 << 40}, {"as_int": 3}, {"as_int": 3}, {"as_int": 3}]},
        {"storage_offset": {"as_int": 1 << 40}},
        {"strides": [{"as_int": 0}, {"as_int": -9}, {"as_int": 3}, {"as_int": 1}]},
        {"dtype": 99},
        {"sizes": [{"as_expr": {"expr_str": "s0"}}]},
    ],
)
def test_weights_that_lie_about_their_size_are_refused(
    upscaler: tuple[Path, Upscaler], meta: dict[str, Any], tmp_path: Path
) -> None:
    def change(said: dict[str, Any]) -> None:
        said["config"]["first.weight"]["tensor_meta"].update(meta)

    lying = rewritten(upscaler[0], tmp_path / "lying.pt2", change, "weights_config.json")
    with pytest.raises(ModelFileError, match="a damaged file"):
        import_network(lying, tmp_path / "models")


def test_packed_archives_are_refused_before_they_are_unpacked(soften: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.pt2"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/archive_format", b"pt2")
        archive.writestr("net/models/model.json", b" " * (64 << 20))
    with pytest.raises(ModelFileError, match="packed parts"):
        import_network(bomb, tmp_path / "models")


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused_in_words(soften: Path, part: float, tmp_path: Path) -> None:
    data = soften.read_bytes()
    (tmp_path / "cut.pt2").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ModelFileError, match=r"a damaged file|older torch"):
        import_network(tmp_path / "cut.pt2", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_program_that_contradicts_itself_is_refused_in_words(soften: Path, tmp_path: Path) -> None:
    def drop(said: dict[str, Any]) -> None:
        del said["graph_module"]["graph"]["tensor_values"]

    with pytest.raises(ModelFileError, match="a damaged program"):
        import_network(rewritten(soften, tmp_path / "a.pt2", drop), tmp_path / "models")

    def later(said: dict[str, Any]) -> None:
        steps(said).reverse()

    with pytest.raises(ModelFileError, match="does not run on any picture"):
        import_network(rewritten(soften, tmp_path / "b.pt2", later), tmp_path / "models")


def test_archives_of_another_kind_say_what_is_to_be_done(soften: Path, tmp_path: Path) -> None:
    def older(said: dict[str, Any]) -> None:
        said["schema_version"]["major"] = 7

    with pytest.raises(ModelFileError, match=r"torch\.export\.save"):
        import_network(rewritten(soften, tmp_path / "old.pt2", older), tmp_path / "models")
    with zipfile.ZipFile(tmp_path / "machine.pt2", "w") as archive:
        archive.writestr("net/archive_format", b"pt2")
        archive.writestr("net/data/aotinductor/model/model.so", b"\x7fELF")
    with pytest.raises(ModelFileError, match="machine code"):
        import_network(tmp_path / "machine.pt2", tmp_path / "models")
