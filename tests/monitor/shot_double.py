"""A shot of twelve frames that stands in for a run's own: a bright disc in the plates, half of it in results.

It answers what the tab Correct asks of /api/runs/NAME, keeps what is posted, and learns when told to.
"""

from __future__ import annotations

import json
import re

import numpy as np
import OpenImageIO as oiio

from understudy.artist.strokes.document import read_documents

WIDTH, HEIGHT = 192, 128
FRAMES = list(range(1001, 1013))
JOB = "0123456789abcdef"
PARTS = re.compile(r"/frames/(-?\d+)/(plate|result|difference|truth)\.png")


def disc(frame):
    """Where the disc is, 0 or 1."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return ((x - 60 - 6 * (frame - 1001)) ** 2 + (y - 64) ** 2 < 30**2).astype(float)


class ShotDouble:
    """``kind`` is matte or image. ``checkpoint`` is what it has learned; from ``learned`` on it is right."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        self.checkpoint, self.learned = 400, 10**9
        self.posted, self.undone = [], []
        self.corrections = []
        self.waits = 1  # suggestions are still being made so often
        self.refusal = None
        self.opened = 0
        self.job_state, self.job_message, self.job_warnings = "running", "The disk is full.", []
        self.shots = ["plate.####.png"]
        self.mattes = []  # names and colours of several: the second one is the disc on the other side

    def intercept(self, page, name="sky"):
        """Answer the page instead of the monitor."""
        page.route(re.compile(rf"/api/jobs/{JOB}"), lambda route: route.fulfill(json=self._job()))
        page.route(
            re.compile(rf"/api/runs/{name}/(shot|frames|suggestions|corrections|teacher)"), self._answer
        )

    def _answer(self, route):
        address = route.request.url
        found = PARTS.search(address)
        if found:
            other = len(self.mattes) > 1 and f"matte={self.mattes[1]['name']}" in address
            body = self._picture(int(found[1]), found[2], other)
            route.fulfill(body=body, content_type="image/png")
        elif "/suggestions" in address:
            self._suggest(route)
        elif "/corrections" in address:
            self._correct(route)
        elif address.endswith("/teacher"):
            self.opened += 1
            route.fulfill(status=202, json={"job": None})
        else:
            route.fulfill(json=self._shot(address.endswith("shot=1")))

    def _shot(self, second):
        """The second of several shots ends at its sixth frame."""
        own = [each for each in self.corrections if each["shot"] == second]
        corrected = sorted({frame for each in own for frame in each["frames"]})
        return {
            "plate": self.shots[second], "shot": int(second), "shots": self.shots,
            "kind": self.kind, "width": WIDTH, "height": HEIGHT, "frames": FRAMES[:6] if second else FRAMES,
            "painted": [1001, 1007], "corrected": corrected, "checkpoint": self.checkpoint,
            "mattes": self.mattes,
        }  # fmt: skip

    def _suggest(self, route):
        self.waits -= 1
        if self.waits >= 0:
            route.fulfill(status=202, json={})
            return
        every = [
            {"frame": n, "score": 1.0, "expected_error": (n - 1000) / 100, "reason": "the disc is far right"}
            for n in FRAMES
        ]
        route.fulfill(json={"frames": [every[11], every[3], every[8]], "all": every, "cuts": []})

    def _correct(self, route):
        if route.request.method == "GET":
            route.fulfill(json=self.corrections)
        elif self.refusal:
            route.fulfill(status=422, json={"error": {"message": self.refusal, "remedy": "Paint less."}})
        elif route.request.method == "DELETE":
            self.undone.append(route.request.url.rsplit("/", 1)[1])
            for each in self.corrections:
                each["undone"] = each["undone"] or each["id"] in self.undone
            route.fulfill(status=202, json={"ids": [], "job": self._job()})
        else:
            self._take(json.loads(route.request.post_data))
            route.fulfill(status=202, json={"ids": [], "job": self._job()})

    def _job(self):
        said = {"message": self.job_message, "warnings": self.job_warnings}
        return {"id": JOB, "state": self.job_state, **said}

    def _take(self, body):
        read_documents(body.get("strokes", []))  # the monitor's own check
        self.posted.append(body)
        frames = [document["frame"] for document in body.get("strokes", [])]
        kind = "strokes" if frames else "accept" if "accept" in body else "empty"
        number = f"{len(self.corrections) + 1:04}"
        entry = {"id": number, "kind": kind, "frames": frames or [1002], "author": "ann"}
        entry["shot"] = body.get("shot", 0)
        self.corrections.append({**entry, "time": "2030-01-01T12:00:00", "undone": False})

    def _picture(self, frame, part, other=False):
        whole = disc(frame)[:, ::-1] if other else disc(frame)
        half = whole * (np.arange(WIDTH) < 60 + 6 * (frame - 1001))
        matte = whole if part == "truth" or self.checkpoint >= self.learned else half
        y = np.mgrid[:HEIGHT, :WIDTH][0]
        plate = np.stack([60 + 150 * whole, 90 + 60 * whole, 70 + y / 2], -1)
        if part == "plate":
            pixels = plate
        elif part == "difference":
            pixels = np.repeat(255 * np.abs(whole - half)[..., None], 3, -1)
        elif self.kind == "matte":
            pixels = np.repeat(255 * matte[..., None], 3, -1)
        else:
            pixels = plate * (1 - 0.8 * matte[..., None])
        return self._png(pixels, f"{frame}.{part}.{other}")

    def _png(self, pixels, name):
        path = self.folder / f"{name}.png"
        output = oiio.ImageOutput.create(str(path))
        assert output.open(str(path), oiio.ImageSpec(WIDTH, HEIGHT, 3, "uint8"))
        output.write_image(np.ascontiguousarray(np.clip(pixels, 0, 255), np.uint8))
        output.close()
        return path.read_bytes()
