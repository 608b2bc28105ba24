"""The README's picture of the browser: the exported pages of `make demo`, the first secondary match, its panel open.

python benchmarks/screenshot.py [PAGES [PNG]]    PAGES is runs/demo/pages, PNG is figures/browser.png.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from measure import ROOT

sys.path.insert(0, str(ROOT / "tests"))
import lab
from vslnb.browser.state import SECONDARY

WIDTH, HEIGHT = 1240, 1250


def main(pages: Path, picture: Path) -> None:
    """Open the pages in Chromium, click the first miss and keep what is seen in few colours."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=lab.chromium_path(), args=lab.FLAGS)
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto((pages / "index.html").resolve().as_uri())
        page.get_by_label("list", exact=True).select_option(SECONDARY)
        page.locator(".vb-card.miss").first.click()
        page.locator(".vb-panel img").last.wait_for()
        page.mouse.move(0, 0)
        seen = page.locator(".vslnb-browser").screenshot()
        chromium.close()
    image = Image.open(io.BytesIO(seen)).convert("RGB")
    image.quantize(200, dither=Image.Dither.NONE).save(picture, optimize=True)
    print(f"{picture}: {image.width} x {image.height}, {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(
        Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "runs" / "demo" / "pages"),
        Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "figures" / "browser.png"),
    )
