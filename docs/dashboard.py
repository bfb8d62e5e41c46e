"""Pictures of MLflow's dashboard on an experiment in the store, for the site: `python docs/dashboard.py [STORE]`.

Written: dashboard.png (charts of the final seeds), dashboard_answer.png (the parent run).
"""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from gru_tf.suite.tracking import Store, dashboard_links

EXPERIMENT, PORT, SETTLED = "quickstart", 5078, 5_000  # milliseconds until charts stand still
SIZE = {"width": 1400, "height": 860}


def pictures(page: Any, store: Store, folder: Path) -> None:
    """Look at charts and answer, in a browser that has seen nothing before."""
    record, front = store.find(EXPERIMENT), f"http://127.0.0.1:{PORT}/"
    places = {
        "dashboard": dashboard_links.charts(record.experiment_id),
        "dashboard_answer": f"#/experiments/{record.experiment_id}/runs/{record.parent}?{dashboard_links.MODE}",
    }
    page.goto(front + dashboard_links.runs(record.experiment_id))
    page.get_by_label("Close").first.click()  # of what MLflow would like to be asked
    for name, place in places.items():
        page.goto("about:blank")
        page.goto(front + place)
        page.wait_for_timeout(SETTLED)
        if name == "dashboard_answer":
            page.get_by_text("Show more").click()
        for path in page.get_by_text("Path: file:").all():  # says nothing to a reader
            path.evaluate("line => line.style.visibility = 'hidden'")
        page.wait_for_timeout(SETTLED)
        page.screenshot(path=folder / f"{name}.png")


def answers() -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


def main(uri: str | None) -> None:
    """Serve the store, take the pictures, stop."""
    store = Store(uri)
    command = [
        sys.executable,
        "-m",
        "gru_tf.commands.main",
        "ui",
        EXPERIMENT,
        "--no-browser",
        "--port",
        str(PORT),
        "--store",
        store.uri,
    ]
    with subprocess.Popen(command) as server, sync_playwright() as playwright:
        try:
            while not answers() and server.poll() is None:
                time.sleep(0.2)
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE)
            page.route(lambda address: urlsplit(address).hostname != "127.0.0.1", lambda route: route.abort())
            pictures(page, store, Path(__file__).parent)
            browser.close()
        finally:
            server.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:2] or [None])
