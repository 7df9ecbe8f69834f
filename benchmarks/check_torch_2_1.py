"""Does what `understudy export --to nuke` writes work in the torch of an older Nuke?

    python benchmarks/check_torch_2_1.py                        # torch 2.1.2, the one of Nuke 15.1 to 17
    python benchmarks/check_torch_2_1.py --torch 1.12.1 --python python3.9    # that of Nuke 14 and 15.0

An environment of its own is made in a temporary folder and taken away at the end; with torch 2.1.2 it holds
some gigabytes. Networks of every kind are exported here, run there at many sizes, and compared: float32,
half precision, and a changed mix. Ends with 0 where all agree within 1e-4 (half: 1e-2).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

SIZES = ((1, 1), (5, 1), (1, 37), (37, 53), (64, 48), (131, 203))
OTHER_SIDE = """
import json, sys
import numpy as np
import torch

found = {"torch": torch.__version__, "cases": []}
for case in json.load(open(sys.argv[1])):
    module = torch.jit.load(case["script"])
    module.mix = case["mix"]
    given = torch.from_numpy(np.load(case["given"])).permute(2, 0, 1)[None]
    given = given.half() if case["half"] else given
    with torch.no_grad():
        made = module(given)[0].float().permute(1, 2, 0).numpy()
    wanted = np.load(case["wanted"])
    apart = float((np.abs(made - wanted) / np.maximum(1.0, np.abs(wanted))).max())
    found["cases"].append({"name": case["name"], "difference": apart, "half": case["half"]})
json.dump(found, sys.stdout)
"""


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--torch", default="2.1.2", help="the version to try")
    words.add_argument("--python", default=sys.executable, help="a Python that this version has wheels for")
    words.add_argument("--environment", type=Path, help="use, and keep, this environment if it is there")
    wish = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="understudy-torch-") as folder:
        cases = make_cases(Path(folder))
        python = environment(wish.environment or Path(folder) / "venv", wish.python, wish.torch)
        return report(ask(python, Path(folder), cases))


def environment(place: Path, python: str, version: str) -> Path:
    """The Python of an environment with that torch, made where it is not there."""
    found = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not found.exists():
        print(f"Installing torch {version} into {place} ...", flush=True)
        subprocess.run([python, "-m", "venv", str(place)], check=True)
        wanted = [f"torch=={version}", "numpy<2"]
        subprocess.run([str(found), "-m", "pip", "install", "-q", *wanted], check=True)
    return found


def make_cases(folder: Path) -> list[dict[str, object]]:
    """Networks of several kinds, scripted by this torch, with pictures and what this torch makes of them."""
    cases: list[dict[str, object]] = []
    for name, module in modules():
        script = folder / f"{name}.pt"
        torch.jit.save(torch.jit.script(module.eval()), str(script))
        loaded = torch.jit.load(str(script))
        for height, width in SIZES:
            for half, mix in ((False, 1.0), (False, 0.3), (True, 1.0)):
                cases.append(case(folder, loaded, script, (name, height, width, half, mix)))
    return cases


def case(
    folder: Path, module: torch.jit.ScriptModule, script: Path, what: tuple[str, int, int, bool, float]
) -> dict[str, object]:
    name, height, width, half, mix = what
    text = f"{name} {width}x{height} {'half' if half else 'float32'} mix {mix}"
    stem = folder / text.replace(" ", "_")
    given = np.random.default_rng(height * width).uniform(-0.3, 6.0, (height, width, 3)).astype(np.float32)
    given = given.astype(np.float16).astype(np.float32) if half else given
    module.mix = mix
    with torch.no_grad():
        wanted = module(torch.from_numpy(given).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    np.save(f"{stem}_given.npy", given)
    np.save(f"{stem}_wanted.npy", wanted)
    files = {"script": str(script), "given": f"{stem}_given.npy", "wanted": f"{stem}_wanted.npy"}
    return {"name": text, "half": half, "mix": mix, **files}


def modules() -> list[tuple[str, torch.nn.Module]]:
    """What Nuke is given: images in several colour spaces, a matte, each size of network."""
    from understudy.colour import LINEAR, PLAIN, SRGB, encoding_for
    from understudy.export.effect import ExportedEffect
    from understudy.export.linear import into_file, out_of_file
    from understudy.network.effect import Architecture
    from understudy.network.model_file import ModelHeader

    wishes = [("srgb", SRGB, "image", "small"), ("linear", LINEAR, "image", "medium")]
    wishes += [("acescct", encoding_for("ACEScct"), "image", "small"), ("matte", SRGB, "matte", "large")]
    wishes += [("placed", LINEAR, "image", "small")]
    made = []
    for name, colour, kind, size in wishes:
        matte = kind == "matte"
        fit = "identity" if matte else "placed" if name == "placed" else "cubic"
        shape = Architecture(3, 1 if matte else 3, size, kind, fit, not matte, 0 if matte else 3)
        network = changed_network(shape)
        header = ModelHeader(
            kind=kind,
            input_channels=["R", "G", "B"],
            output_channels=["A"] if matte else ["R", "G", "B"],
            colour_in=colour,
            colour_out=PLAIN if matte else colour,
            architecture=shape.to_dict(),
            stride=network.stride,
            reach=network.reach,
        )
        made.append((name, ExportedEffect(header, network, into_file(header), out_of_file(header))))
    return made


def changed_network(shape: object) -> torch.nn.Module:
    """A network with weights that do something."""
    from understudy.network.effect import EffectNetwork

    torch.manual_seed(0)
    network = EffectNetwork(shape)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
        network.gain.fill_(0.2)
        network.fit_weights.add_(torch.randn_like(network.fit_weights) * 0.02)
    return network


def ask(python: Path, folder: Path, cases: list[dict[str, object]]) -> dict[str, object]:
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    (folder / "other_side.py").write_text(OTHER_SIDE, encoding="utf-8")
    words = [str(python), str(folder / "other_side.py"), str(folder / "cases.json")]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
        raise SystemExit(1)
    return json.loads(done.stdout)


def report(found: dict[str, object]) -> int:
    cases: list[dict[str, object]] = found["cases"]  # type: ignore[assignment]
    print(f"Scripted by torch {torch.__version__}, run by torch {found['torch']}")
    worst = {False: 0.0, True: 0.0}
    failed = [each for each in cases if not float(each["difference"]) <= (1e-2 if each["half"] else 1e-4)]
    for each in cases:
        worst[bool(each["half"])] = max(worst[bool(each["half"])], float(each["difference"]))
    print(
        f"{len(cases)} comparisons; largest difference "
        f"{worst[False]:.2g} in float32, {worst[True]:.2g} in half"
    )
    for each in failed:
        print(f"  disagrees: {each['name']}: {each['difference']:.3g}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
