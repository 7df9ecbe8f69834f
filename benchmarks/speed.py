"""How fast it is, as a share of what this machine can do: training, inference, and the whole apply pipeline.

    python benchmarks/speed.py [--json FILE] [--quick] [--devices auto] [--engine auto] [--sizes medium ...]

All is measured in one process. ``training_share`` (Medium, crops of 256) and ``inference_share`` (Medium,
1920x1080) are FLOP/s of the network's convolutions over those of the machine's best convolution in the same
runtime and precision; ``pipeline_share`` is frames per second of apply over what the cores could do at most.
``--quick`` tries everything out on tiny pictures; its figures mean nothing. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rich.console import Console
from rich.table import Table
from speed_timing import machine
from speed_work import (
    FULL,
    QUICK,
    Figure,
    Pipeline,
    Scale,
    measure_inference,
    measure_pipeline,
    measure_training,
    training_pairs,
)

from understudy.device import prepare, resolve_devices
from understudy.runs.files import write_atomically

MAIN = "medium"


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(arguments)
    scale = QUICK if options.quick else FULL
    scale = replace(scale, sizes=tuple(options.sizes or scale.sizes))
    console = Console()
    if not console.is_terminal:
        console.width = 140  # a log has no width that the table would have to fit into
    device = resolve_devices(options.devices)[0]
    prepare(device)
    results: dict[str, Any] = {"quick": options.quick, "machine": machine(device)}
    with tempfile.TemporaryDirectory(prefix="understudy-speed-") as folder:
        measure_all(Path(folder), options, scale, results, console.print)
    console.print(as_table(results))
    for key in ("training_share", "inference_share", "pipeline_share"):
        console.print(f"{key:16} {results[key]:.2f}", highlight=False)
    if options.json:
        write_atomically(options.json, json.dumps(plain(results), indent=1).encode())
    return 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="speed.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--quick", action="store_true", help="try everything out on tiny pictures")
    parser.add_argument("--devices", default="auto", help="as of understudy train; the first one is measured")
    parser.add_argument("--engine", default="auto", choices=("auto", "torch", "openvino"))
    parser.add_argument("--sizes", nargs="+", choices=("small", "medium", "large"), help="these only")
    return parser.parse_args(arguments)


def measure_all(
    folder: Path,
    options: argparse.Namespace,
    scale: Scale,
    results: dict[str, Any],
    say: Callable[[str], None],
) -> None:
    """Fill ``results``; the three shares are those of Medium, or of the only size there is."""
    main_size = MAIN if MAIN in scale.sizes else scale.sizes[-1]
    pairs = training_pairs(folder)
    training: list[Figure] = []
    for size in scale.sizes:
        for crop in scale.crops:
            say(f"training, {size}, crops of {crop}")
            training.append(measure_training(pairs, size, crop, options.devices, scale))
            if size == main_size:
                results["training_share"] = training[-1].share  # the largest crop comes last
    inference: list[Figure] = []
    for size in scale.sizes:
        say(f"inference, {size}")
        inference.append(measure_inference(folder, size, options.devices, options.engine, scale))
        if size == main_size:
            results["inference_share"] = inference[-1].share
    say(f"the apply pipeline, {main_size}")
    pipeline = measure_pipeline(folder, main_size, options.devices, options.engine, scale)
    results["pipeline_share"] = pipeline.share
    results |= {"training": training, "inference": inference, "pipeline": pipeline}


def plain(results: dict[str, Any]) -> dict[str, Any]:
    """The results as JSON holds them."""

    def value(each: Any) -> Any:
        if isinstance(each, (Figure, Pipeline)):
            return asdict(each)
        return [value(item) for item in each] if isinstance(each, list) else each

    return {name: value(each) for name, each in results.items()}


def as_table(results: dict[str, Any]) -> Table:
    table = Table(title=f"{results['machine']['processor']}, {results['machine']['cores']} cores")
    for column in ("", "per second", "GFLOP/s", "ceiling", "share", "by CPU time", "", "load"):
        table.add_column(column, justify="left" if not column else "right", no_wrap=True)
    for kind, figures in (("steps", results["training"]), ("frames", results["inference"])):
        for each in figures:
            runtime = each.more.get("engine", "torch")
            table.add_row(
                f"{kind}, {each.name}",
                f"{each.rate:.2f}",
                f"{each.gflops:.0f}",
                f"{each.ceiling:.0f}",
                f"{each.share:.2f}",
                f"{each.cpu_share:.2f}",
                f"{runtime} {each.precision}",
                f"{each.load:.1f}",
            )
    whole: Pipeline = results["pipeline"]
    table.add_row(
        f"apply, {whole.size}",
        f"{whole.frames_per_second:.2f}",
        "",
        f"{whole.ideal:.2f}/s",
        f"{whole.share:.2f}",
        f"{(whole.read + whole.infer + whole.write) / whole.cpu:.2f}",
        f"read {whole.read:.3f} infer {whole.infer:.3f} write {whole.write:.3f} s",
        f"{whole.load:.1f}",
    )
    return table


if __name__ == "__main__":
    sys.exit(main())
