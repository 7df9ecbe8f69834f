"""Draw docs/pictures/report.jpg: the report on the demo's run, as Chromium shows it.

make demo
python tools/draw_report.py demo [--pdf report.pdf]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import cv2
from playwright.sync_api import sync_playwright

import understudy

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "report.jpg"
WIDTH, HEIGHT = 1280, 1720
SMALLER = 0.75
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("demo", type=Path, help="the folder that make demo wrote")
    parser.add_argument("--pdf", type=Path, help="print it, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = understudy.report(
            options.demo / "runs" / "demo",
            str(options.demo / "plate"),
            str(options.demo / "learned"),
            output=Path(folder) / "report",
            worst=2,
        )
        photograph(made.page, Path(folder) / "page.png", options.pdf)
        page = cv2.imread(str(Path(folder) / "page.png"))
    small = cv2.resize(page, None, fx=SMALLER, fy=SMALLER, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(PICTURE), small, [cv2.IMWRITE_JPEG_QUALITY, 82])


def photograph(page: Path, picture: Path, pdf: Path | None) -> None:
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        shown.goto(page.as_uri())
        shown.wait_for_load_state("networkidle")
        shown.screenshot(path=str(picture))
        if pdf:
            shown.pdf(path=str(pdf), format="A4", print_background=True)
        browser.close()


if __name__ == "__main__":
    main()
