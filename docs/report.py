"""Pictures of reports of experiments in the store, for README and site: `python docs/report.py [STORE]`.

Of the quickstart: report_desktop.png, report_phone.png (two phones, a light one and a dark one). Of the experiment gates:
report_gates_costs.png. Both have to have been run.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

import gru_tf
from gru_tf.analysis import report

FOLDER = Path(__file__).parent
DESK, PHONE, TALL, GAP = 1280, 390, 1000, 30  # pixels


def opened(browser: Any, file: Path, width: int, scheme: str) -> Any:
    """The page in a window of this width, light or dark."""
    page = browser.new_page(viewport={"width": width, "height": TALL}, color_scheme=scheme)
    page.goto(file.as_uri())
    return page


def between(page: Any, first: str, end: str) -> dict[str, float]:
    """What is seen from the top of one element to the top of another, in whole width, but no more than a screen."""
    top, bottom = (page.locator(name).first.bounding_box()["y"] for name in (first, end))
    return {"x": 0, "y": top, "width": page.viewport_size["width"], "height": min(bottom - top, TALL)}


def picture(browser: Any, file: Path, name: str, scheme: str, first: str, end: str) -> None:
    """A part of a page on a desk."""
    page = opened(browser, file, DESK, scheme)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True, clip=between(page, first, end))
    page.close()


def phones(browser: Any, file: Path, name: str) -> None:
    """The top of a page on a light phone, what scores cost on a dark one."""
    both = Image.new("RGB", (2 * PHONE + GAP, TALL), "#8c8c8c")
    with tempfile.TemporaryDirectory() as folder:
        for place, (scheme, first) in enumerate((("light", "nav"), ("dark", "#pareto"))):
            page = opened(browser, file, PHONE, scheme)
            clip = {**between(page, first, "footer"), "height": TALL}
            page.screenshot(path=Path(folder) / "phone.png", full_page=True, clip=clip)
            both.paste(Image.open(Path(folder) / "phone.png"), (place * (PHONE + GAP), 0))
            page.close()
    both.save(FOLDER / f"{name}.png", optimize=True)


def main(store: str | None) -> None:
    """Write both reports, look at them, keep what is seen."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        pages = {name: Path(folder) / f"{name}.html" for name in ("quickstart", "gates")}
        for name, file in pages.items():
            report.write(gru_tf.results(name, store), file)
        picture(browser, pages["quickstart"], "report_desktop", "light", "nav", "#claims")
        phones(browser, pages["quickstart"], "report_phone")
        picture(browser, pages["gates"], "report_gates_costs", "dark", "#pareto", "#curves")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:2] or [None])
