"""Poses: those of MakeHuman's files, mixed, and joints turned as far as joints turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.people.skeleton import Pose, Skeleton, part_of, read_pose, rotation

FORWARD, SIDE, UP = np.array([0, 0, 1.0]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")
FREE = 0.45
"""How many poses are drawn joint by joint; the others begin with those of the files."""
TUMBLED = 0.12
"""How many lie, hang, or stand on their hands."""


def draw_pose(random: np.random.Generator, folder: Path, skeleton: Skeleton, points: np.ndarray) -> Pose:
    """A pose; ``folder``: of .bvh files; ``points``: of the base mesh at rest."""
    if random.random() < FREE:
        pose = _joint_by_joint(random, skeleton, points)
    else:
        pose = _mixed(random, folder)
        _shake(random, pose)
    _bend(random, pose, NECK, 14)
    if random.random() < TUMBLED:
        pose["root"] = rotation(random.normal(0, 1, 3), random.uniform(0, np.pi)) @ pose.get(
            "root", np.eye(3)
        )
    return pose


def _mixed(random: np.random.Generator, folder: Path) -> Pose:
    """A part of the way from one of the files' poses to another."""
    files = sorted(folder.glob("*.bvh"))
    first, second = (read_pose(files[int(random.integers(len(files)))]) for _ in range(2))
    share = random.uniform(0, 0.5) if random.random() < 0.6 else 0.0
    return {
        name: first[name] @ part_of(first[name].T @ second.get(name, first[name]), share) for name in first
    }


def _shake(random: np.random.Generator, pose: Pose) -> None:
    """Limbs a little elsewhere."""
    for name in list(pose):
        if name.startswith(("upperarm01", "lowerarm01", "upperleg01", "wrist", "foot", "clavicle")):
            pose[name] = pose[name] @ _random_turn(random, 12)
    _bend(random, pose, SPINE, 10)


def _random_turn(random: np.random.Generator, degrees: float) -> np.ndarray:
    way = random.normal(0, np.radians(degrees), 3)
    return rotation(way, float(np.linalg.norm(way)))


def _bend(random: np.random.Generator, pose: Pose, bones: tuple[str, ...], degrees: float) -> None:
    """Along a chain of bones, a share of the bend in each."""
    turn = part_of(_random_turn(random, degrees), 1 / len(bones) ** 0.5)
    for name in bones:
        pose[name] = pose.get(name, np.eye(3)) @ turn


def _joint_by_joint(random: np.random.Generator, skeleton: Skeleton, points: np.ndarray) -> Pose:
    """Shoulders, elbows, hips and knees turned as far as they may."""
    pose: Pose = {}
    ways = dict(zip(skeleton.bones, skeleton.ends(points) - skeleton.starts(points), strict=True))
    wild = random.uniform(0.3, 1)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        raised = rotation(FORWARD, sign * np.radians(random.uniform(-35, 130 * wild)))
        swung = rotation(SIDE, -np.radians(random.uniform(-50, 110) * wild))
        pose[f"upperarm01.{side}"] = swung @ raised @ _random_turn(random, 15)
        pose[f"clavicle.{side}"] = rotation(FORWARD, sign * np.radians(random.uniform(-5, 20)))
        elbow = np.cross(ways[f"lowerarm01.{side}"], FORWARD)
        pose[f"lowerarm01.{side}"] = rotation(
            elbow, np.radians(random.uniform(0, 125) * random.random() ** 0.5)
        )
        pose[f"wrist.{side}"] = _random_turn(random, 15)
        apart = rotation(FORWARD, sign * np.radians(random.uniform(-12, 45) * wild))
        hip = rotation(SIDE, -np.radians(random.uniform(-30, 105) * wild))
        pose[f"upperleg01.{side}"] = hip @ apart @ rotation(UP, random.normal(0, 0.25))
        knee = np.cross(ways[f"lowerleg01.{side}"], -FORWARD)
        pose[f"lowerleg01.{side}"] = rotation(
            knee, np.radians(random.uniform(0, 120) * random.random() * wild)
        )
        pose[f"foot.{side}"] = rotation(SIDE, np.radians(random.uniform(-15, 35)))
    _bend(random, pose, SPINE, 22 * wild)
    return pose
