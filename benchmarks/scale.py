"""What bounds a shot on many machines: measured on this one, and computed for 10, 100 and 1,000.

    python benchmarks/scale.py [--file "1080p, EXR zip"] [--network medium] [--gpu 20] [--cores 16]

Measures, in CPU seconds of this process and within two minutes: reading and writing a frame of several kinds,
a frame in each network, opening a model, what the machine that asks spends on each frame that a Ray cluster
makes, and what the one writer of a movie does. From these it computes what so many machines ask of what they
share, and what breaks first. What cannot be measured here is a flag, and marked as assumed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import scale_measure as measure
import scale_table as table

SIZES = {"1080p": (1920, 1080), "4K": (4096, 2160)}
COMPRESSIONS = {"1080p": ("none", "zips", "zip", "piz", "dwaa", "png"), "4K": ("zip", "piz", "dwaa")}
NETWORKS = ("small", "medium", "large")
TINY = (64, 32)


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(arguments)
    figures = measure.in_folder(lambda folder: measured(folder, options))
    files, networks = ({each.name: each for each in figures.files}, {n.size: n for n in figures.networks})
    if options.file not in files or options.network not in networks:
        print(f"--file is one of: {'; '.join(files)}. --network is one of: {', '.join(networks)}.")
        return 2
    file, network = files[options.file], networks[options.network]
    assumed = table.Assumed(options.cores, options.gpu, options.link, options.storage)
    rows = table.scale_rows(figures, file, network, assumed, table.MACHINES)
    print(table.markdown(table.file_rows(figures.files)), end="\n\n")
    print(table.markdown(table.network_rows(figures.networks)), end="\n\n")
    print(f"{file.name}, {network.size}. Assumed, not measured: {said(assumed)}.\n")
    print(table.markdown(rows), end="\n\n")
    print("\n".join(table.sentences(figures, file, network, assumed)))
    if options.json:
        found = {"figures": asdict(figures), "assumed": asdict(assumed), "rows": rows}
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def measured(folder: Path, options: argparse.Namespace) -> table.Figures:
    """All figures, one after the other."""
    measure.one_thread()
    sizes = dict.fromkeys(SIZES, TINY) if options.tiny else SIZES
    rounds = 1 if options.tiny else 3
    files = [
        each
        for name, compressions in COMPRESSIONS.items()
        for each in measure.measure_files(folder / name, name, sizes[name], compressions, rounds)
    ]
    frame = sizes["1080p"]
    return table.Figures(
        tuple(files),
        tuple(measure.measure_network(folder, size, frame, rounds) for size in NETWORKS),
        None if options.without_ray else measure.measure_deal(folder, 8 if options.tiny else 200, 32),
        None if options.without_movie else measure.measure_movie(folder, frame, 3 if options.tiny else 6),
        measure.measure_disk(folder, (1 if options.tiny else 256) << 20),
    )


def said(assumed: table.Assumed) -> str:
    return (
        f"a machine has {assumed.cores} cores like this one's and a link of {assumed.link:g} Gbit/s; its GPU "
        f"makes {assumed.gpu:g} frames/s; the shared storage has {assumed.storage:g} Gbit/s"
    )


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    usual = table.Assumed()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--file", default="1080p, EXR zip", help="the kind of frame that the table is for")
    add("--network", default="medium", help="the network that it is for")
    add("--cores", type=int, default=usual.cores, help="assumed: the cores of each machine")
    add("--gpu", type=float, default=usual.gpu, metavar="FPS", help="assumed: frames a second of one GPU")
    add("--link", type=float, default=usual.link, metavar="GBIT", help="assumed: the link of each machine")
    add("--storage", type=float, default=usual.storage, metavar="GBIT", help="assumed: that of the storage")
    add("--without-ray", action="store_true", help="leave the cluster out")
    add("--without-movie", action="store_true", help="leave the movie out")
    add("--tiny", action="store_true", help="tiny frames: that it runs, not how fast")
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
