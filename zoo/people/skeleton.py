"""The bones of a body, the poses that BVH files hold, and the skin that follows the bones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

Pose = dict[str, np.ndarray]
"""By the name of a bone, how it is turned from its rest against its parent, (3, 3), along the axes of the
world: x to the body's left, y up, z forward. Bones that it does not name are at rest."""
UPRIGHT = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""From the axes of the BVH files, z up, to those of the meshes, y up."""


@dataclass(frozen=True)
class Skeleton:
    """``bones`` with their ``parents`` (-1 where there is none), parents first; ``heads``, ``tails``: the
    points of the base mesh whose middle each bone begins and ends at; ``weights`` (points, bones): how much
    each point of the base mesh follows each bone, rows adding up to 1."""

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    heads: tuple[tuple[int, ...], ...]
    tails: tuple[tuple[int, ...], ...]
    weights: np.ndarray

    def starts(self, points: np.ndarray) -> np.ndarray:
        """(bones, 3): where each begins in the base mesh at rest."""
        return np.array([points[list(each)].mean(0) for each in self.heads])

    def ends(self, points: np.ndarray) -> np.ndarray:
        return np.array([points[list(each)].mean(0) for each in self.tails])

    def turns(self, points: np.ndarray, pose: Pose) -> np.ndarray:
        """(bones, 3, 4): how each bone of a body at rest is moved by a pose."""
        starts = self.starts(points)
        whole, places = np.zeros((len(starts), 3, 3)), np.zeros_like(starts)
        for bone, (name, parent) in enumerate(zip(self.bones, self.parents, strict=True)):
            turn = pose.get(name, np.eye(3))
            whole[bone] = turn if parent < 0 else whole[parent] @ turn
            places[bone] = (
                starts[bone]
                if parent < 0
                else places[parent] + whole[parent] @ (starts[bone] - starts[parent])
            )
        shift = places - np.einsum("bij,bj->bi", whole, starts)
        return np.concatenate([whole, shift[..., None]], 2)

    def following(self, names: tuple[str, ...]) -> np.ndarray:
        """(points,): how much each point of the base mesh follows the bones whose names begin so."""
        return np.asarray(self.weights[:, [bone.startswith(names) for bone in self.bones]].sum(1))


def follow(points: np.ndarray, weights: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Points (N, 3) at rest where the bones take them; ``weights`` (N, bones)."""
    moves = (weights @ turns.reshape(len(turns), 12)).reshape(-1, 3, 4)
    return np.asarray(np.einsum("nij,nj->ni", moves[..., :3], points) + moves[..., 3])


@lru_cache(maxsize=2)
def read_skeleton(data: Path, points: int) -> Skeleton:
    """The default one of MakeHuman's data folder, for a base mesh of so many points."""
    told = json.loads((data / "rigs" / "default.mhskel").read_text())
    bones, joints = told["bones"], told["joints"]
    order: list[str] = []
    while len(order) < len(bones):
        order += [
            name
            for name, bone in bones.items()
            if name not in order and (bone["parent"] is None or bone["parent"] in order)
        ]
    parents = [-1 if bones[name]["parent"] is None else order.index(bones[name]["parent"]) for name in order]
    heads, tails = (tuple(tuple(joints[bones[name][end]]) for name in order) for end in ("head", "tail"))
    weights = np.zeros((points, len(order)), np.float64)
    for name, rows in json.loads((data / "rigs" / "default_weights.mhw").read_text())["weights"].items():
        table = np.array(rows).reshape(-1, 2)
        weights[table[:, 0].astype(int), order.index(name)] = table[:, 1]
    weights /= np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return Skeleton(tuple(order), tuple(parents), heads, tails, weights)


@lru_cache(maxsize=64)
def read_pose(file: Path) -> Pose:
    """The first frame of a BVH file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    names: list[str] = []
    channels: list[tuple[str, list[str]]] = []
    for line in lines:
        words = line.split()
        if words[:1] in (["ROOT"], ["JOINT"]):
            names.append(words[1])
        elif words[:1] == ["CHANNELS"]:
            channels.append((names[-1], words[2:]))
    values = iter(map(float, lines[next(i for i, t in enumerate(lines) if "Frame Time" in t) + 1].split()))
    pose: Pose = {}
    for name, kinds in channels:
        turn = np.eye(3)
        for kind in kinds:
            value = next(values)
            if kind.endswith("rotation"):
                turn = turn @ rotation(np.eye(3)["XYZ".index(kind[0])], np.radians(value))
        pose[name] = UPRIGHT @ turn @ UPRIGHT.T
    return pose


def rotation(axis: np.ndarray, angle: float) -> np.ndarray:
    """(3, 3): about an axis of any length, counterclockwise, radians."""
    length = float(np.linalg.norm(axis))
    if length < 1e-9:
        return np.eye(3)
    return np.asarray(cv2.Rodrigues(np.asarray(axis, np.float64) * (angle / length))[0])


def part_of(turn: np.ndarray, share: float) -> np.ndarray:
    """A rotation, a part of the way."""
    return np.asarray(cv2.Rodrigues(cv2.Rodrigues(turn)[0] * share)[0])
