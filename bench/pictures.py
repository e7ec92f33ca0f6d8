"""The first screen of every example as a picture for the README: `make pictures`, with Chromium.

python bench/pictures.py reports/examples docs/pictures
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1000, 900
QUIET = ["--disable-background-networking", "--disable-component-update", "--no-sandbox"]


def main(examples: Path, target: Path) -> int:
    """One PNG a page; 1 where there is no Chromium or no page."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    pages = sorted(examples.resolve().glob("*.html"))
    if not program or not pages:
        print("found no chromium, or no page; apt-get install chromium, or make examples.")
        return 1
    target.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=QUIET)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for path in pages:
            page.goto(path.as_uri())
            page.screenshot(path=target / f"{path.stem}.png")
            print(f"{path.stem}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
