"""From what one machine was measured to do to what 10, 100 and 1,000 would ask of what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MACHINES = (10, 100, 1000)
STORAGE, DRIVER = "the storage's link", "the driver's core"
LINKS = (1.0, 10.0, 25.0)
"""Gbit/s that a file server may have."""


@dataclass(frozen=True)
class FileFigure:
    """A frame of a kind: ``bytes`` on disk, and CPU seconds to ``read`` and to ``write`` it."""

    name: str
    bytes: int
    read: float
    write: float


@dataclass(frozen=True)
class NetworkFigure:
    """A network: CPU ``seconds`` for a frame, ``memory`` in bytes for one frame in it, the ``bytes`` of its
    file, and the CPU seconds to ``open`` that."""

    size: str
    seconds: float
    memory: int
    bytes: int
    open: float


@dataclass(frozen=True)
class MovieFigure:
    """A movie's frames: ``bytes`` of one on its way to the writer, and CPU seconds to ``unpack`` it there and
    to ``encode`` it."""

    bytes: int
    unpack: float
    encode: float

    @property
    def cost(self) -> float:
        """CPU seconds of the writer for each frame."""
        return self.unpack + self.encode


@dataclass(frozen=True)
class Figures:
    """All that was measured. ``deal``: CPU seconds of the driver for a frame; None where Ray was left out.
    ``disk``: bytes a second to this machine's own disk, and from it."""

    files: tuple[FileFigure, ...]
    networks: tuple[NetworkFigure, ...]
    deal: float | None
    movie: MovieFigure | None
    disk: tuple[float, float]


@dataclass(frozen=True)
class Assumed:
    """What was not measured: ``cores`` of a machine, frames a second of its ``gpu``, Gbit/s of its ``link``
    and of the shared ``storage``."""

    cores: int = 16
    gpu: float = 20.0
    link: float = 10.0
    storage: float = 25.0


@dataclass(frozen=True)
class Rates:
    """Frames a second of one machine: ``by_cpu`` alone; ``by_gpu``, which its cores, or its link, may hold
    back: ``bound`` says which of them does."""

    by_cpu: float
    by_gpu: float
    bound: str


def traffic(file: FileFigure) -> float:
    """Gbit for each frame that is read and written."""
    return 2 * file.bytes * 8 / 1e9


def rates(file: FileFigure, network: NetworkFigure, assumed: Assumed) -> Rates:
    beside = file.read + file.write
    link = assumed.link / traffic(file)
    limits = {
        "the GPU": assumed.gpu,
        "cores, by reading and writing": assumed.cores / beside,
        "its link": link,
    }
    bound = min(limits, key=limits.__getitem__)
    return Rates(min(assumed.cores / (beside + network.seconds), link), limits[bound], bound)


def broadcast(size: int, machines: int, gbit: float) -> float:
    """Seconds until so many machines have read a file of ``size`` bytes from one server."""
    return machines * size * 8 / (gbit * 1e9)


def shares(figures: Figures, file: FileFigure, fps: float, assumed: Assumed) -> dict[str, float]:
    """How much of each thing that machines share is asked at so many frames a second: 1 is all of it."""
    found = {STORAGE: fps * traffic(file) / assumed.storage}
    if figures.deal is not None:
        found[DRIVER] = fps * figures.deal
    return found


def share_text(share: float) -> str:
    return f"{share:.0%}" if share < 2 else f"{share:,.0f} times"


def breaks_first(asked: Mapping[str, float]) -> str:
    name = max(asked, key=asked.__getitem__)
    if asked[name] <= 1:
        return f"nothing: {name} at {asked[name]:.0%}"
    return f"{name}: {asked[name]:.1f} times what it has"


def holds(figures: Figures, file: FileFigure, rate: float, assumed: Assumed) -> dict[str, int]:
    """How many machines of ``rate`` frames a second each shared thing has enough for."""
    return {name: int(1 / each) for name, each in shares(figures, file, rate, assumed).items()}


Row = tuple[str, ...]


def scale_rows(
    figures: Figures, file: FileFigure, network: NetworkFigure, assumed: Assumed, machines: Sequence[int]
) -> list[Row]:
    """The table: what is asked, by so many machines."""
    one = rates(file, network, assumed)
    rows: list[Row] = [("", *(f"{count:,} machines" for count in machines))]
    for kind, rate in (("on cores", one.by_cpu), ("on GPUs (assumed)", one.by_gpu)):
        fps = [count * rate for count in machines]
        asked = [shares(figures, file, each, assumed) for each in fps]
        rows.append((f"frames/s {kind}", *(f"{each:,.0f}" for each in fps)))
        rows.append((f"Gbit/s of the storage, {kind}", *(f"{each * traffic(file):,.1f}" for each in fps)))
        if figures.deal is not None:
            rows.append((f"of one driver's core, {kind}", *(share_text(each[DRIVER]) for each in asked)))
        rows.append((f"breaks first, {kind}", *(breaks_first(each) for each in asked)))
        if figures.movie is not None:
            rows.append(
                (f"of a movie's one writer, {kind}", *(share_text(each * figures.movie.cost) for each in fps))
            )
    for gbit in LINKS:
        times = (f"{broadcast(network.bytes, count, gbit):.2g} s" for count in machines)
        rows.append((f"model to all, from one server of {gbit:g} Gbit/s", *times))
    return rows


def file_rows(files: Sequence[FileFigure]) -> list[Row]:
    head = ("a frame", "MB", "read, CPU s", "write, CPU s", "frames/s for each Gbit/s")
    return [head] + [
        (f.name, f"{f.bytes / 1e6:.2f}", f"{f.read:.3f}", f"{f.write:.3f}", f"{1 / traffic(f):.1f}")
        for f in files
    ]


def network_rows(networks: Sequence[NetworkFigure]) -> list[Row]:
    head = ("network", "CPU s for a frame", "MB for a frame in it", "MB of its file", "CPU s to open it")
    return [head] + [
        (n.size, f"{n.seconds:.2f}", f"{n.memory / 1e6:.0f}", f"{n.bytes / 1e6:.2f}", f"{n.open:.2f}")
        for n in networks
    ]


def sentences(figures: Figures, file: FileFigure, network: NetworkFigure, assumed: Assumed) -> list[str]:
    """What the tables do not say."""
    one = rates(file, network, assumed)
    written, read = (f"{each / 1e6:,.0f} MB/s" for each in figures.disk)
    said = [
        f"One machine: {one.by_cpu:.2f} frames/s on {assumed.cores} cores, {one.by_gpu:.1f} with a GPU, "
        f"where {one.bound} is the bound.",
        f"This machine's disk: {written} written, {read} read.",
    ]
    for kind, rate in (("on cores", one.by_cpu), ("on GPUs", one.by_gpu)):
        enough = (f"{name} for {count:,}" for name, count in holds(figures, file, rate, assumed).items())
        said.append(f"Enough for so many machines {kind}: {', '.join(enough)}.")
    if figures.deal is not None:
        dealt, cost = f"{1 / figures.deal:,.0f} frames/s", f"{figures.deal * 1e3:.2f} ms of its core"
        said.append(f"One driver deals {dealt} ({cost} each).")
    return [*said, *([_of_movie(figures.movie)] if figures.movie else [])]


def _of_movie(movie: MovieFigure) -> str:
    fps = 1 / movie.cost
    return (
        f"A movie: {movie.bytes / 1e6:.1f} MB for each frame to its writer, which encodes {fps:.1f} frames/s "
        f"with a core, and has {fps * movie.bytes * 8 / 1e9:.1f} Gbit/s coming in by then."
    )


def markdown(rows: Sequence[Row]) -> str:
    head, *rest = rows
    lines = [head, ("---",) * len(head), *rest]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
