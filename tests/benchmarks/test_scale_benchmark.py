"""The benchmark of what bounds a shot on many machines: it runs as a whole, and its arithmetic is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import scale
from scale_table import (
    Assumed,
    Figures,
    FileFigure,
    MovieFigure,
    NetworkFigure,
    breaks_first,
    broadcast,
    holds,
    rates,
    scale_rows,
    sentences,
    shares,
    traffic,
)

FILE = FileFigure("a", 12_500_000, 0.1, 0.3)  # 0.2 Gbit there and back
NETWORK = NetworkFigure("medium", 0.6, 10**9, 2_500_000, 0.1)
FIGURES = Figures((FILE,), (NETWORK,), 0.002, MovieFigure(25_000_000, 0.05, 0.05), (1e9, 2e9))
ASSUMED = Assumed(cores=16, gpu=20.0, link=10.0, storage=25.0)


def test_one_machine_is_bound_by_the_slowest_of_what_it_has() -> None:
    assert traffic(FILE) == pytest.approx(0.2)
    assert rates(FILE, NETWORK, ASSUMED).by_cpu == pytest.approx(16 / (0.1 + 0.3 + 0.6))
    assert rates(FILE, NETWORK, ASSUMED).by_gpu == 20 and rates(FILE, NETWORK, ASSUMED).bound == "the GPU"
    few = rates(FILE, NETWORK, Assumed(cores=4))
    assert few.by_gpu == pytest.approx(10) and "cores" in few.bound
    thin = rates(FILE, NETWORK, Assumed(link=1.0))
    assert thin.by_gpu == pytest.approx(5) == thin.by_cpu and thin.bound == "its link"


def test_what_is_shared_is_asked_by_all() -> None:
    found = shares(FIGURES, FILE, 250.0, ASSUMED)
    assert found == {"the storage's link": pytest.approx(2.0), "the driver's core": pytest.approx(0.5)}
    assert breaks_first(found) == "the storage's link: 2.0 times what it has"
    assert breaks_first(shares(FIGURES, FILE, 25.0, ASSUMED)) == "nothing: the storage's link at 20%"
    assert holds(FIGURES, FILE, 20.0, ASSUMED) == {"the storage's link": 6, "the driver's core": 25}
    assert broadcast(2_500_000, 1000, 10.0) == pytest.approx(2.0)


def test_the_table_has_what_each_number_of_machines_asks() -> None:
    rows = {row[0]: row[1:] for row in scale_rows(FIGURES, FILE, NETWORK, ASSUMED, (10, 1000))}
    assert rows[""] == ("10 machines", "1,000 machines")
    assert rows["frames/s on cores"] == ("160", "16,000")
    assert rows["Gbit/s of the storage, on GPUs (assumed)"] == ("40.0", "4,000.0")
    assert rows["of one driver's core, on cores"] == ("32%", "32 times")
    assert rows["of a movie's one writer, on cores"] == ("16 times", "1,600 times")
    assert rows["breaks first, on cores"][0] == "the storage's link: 1.3 times what it has"
    assert rows["model to all, from one server of 10 Gbit/s"] == ("0.02 s", "2 s")
    said = " ".join(sentences(FIGURES, FILE, NETWORK, ASSUMED))
    assert "deals 500 frames/s" in said and "encodes 10.0 frames/s" in said and "2.0 Gbit/s coming in" in said
    bare = Figures((FILE,), (NETWORK,), None, None, (1e9, 2e9))
    assert not any("driver" in row[0] for row in scale_rows(bare, FILE, NETWORK, ASSUMED, (10,)))


def test_it_measures_every_part_and_prints_the_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    file = tmp_path / "scale.json"
    assert scale.main(["--tiny", "--without-ray", "--cores", "8", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert "1080p, PNG" in [each["name"] for each in found["figures"]["files"]]
    assert all(each["bytes"] and each["read"] > 0 < each["write"] for each in found["figures"]["files"])
    assert all(each["seconds"] > 0 and each["bytes"] for each in found["figures"]["networks"])
    assert found["figures"]["movie"]["encode"] > 0 and found["figures"]["deal"] is None
    said = capsys.readouterr().out
    assert "| 4K, EXR dwaa |" in said and "1,000 machines" in said and "8 cores like this one's" in said
    assert scale.main(["--tiny", "--without-ray", "--without-movie", "--file", "8K"]) == 2
    assert "1080p, EXR zip" in capsys.readouterr().out


@pytest.mark.slow
def test_the_driver_is_measured_on_a_cluster_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from scale_measure import measure_deal

    assert 0 < measure_deal(tmp_path, 6, 32) < 5
