"""`make bench-browser`: from a click to a painted view, in JupyterLab and Chromium, on Flickr8k's test gallery.

python benchmarks/browser.py RUN [RUN]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from measure import ROOT, write

sys.path.insert(0, str(ROOT / "tests"))
import lab

REPEATS = 20
# The time from now until a view that is not the present one is whole: text, every picture decoded, a frame drawn.
START = """() => {
  window.whole = () => {
    const views = [...document.querySelectorAll('.vslnb-browser')], view = views[views.length - 1];
    if (!view) return '';
    const pictures = [...view.querySelectorAll('img')], cards = view.querySelectorAll('.vb-card').length;
    const ready = cards >= 10 && pictures.length && pictures.every((one) => one.complete && one.naturalWidth);
    return ready ? views.length + view.querySelector('.vb-query').textContent : '';
  };
  window.before = whole();
  window.began = performance.now();
}"""
# Until a view that is not the one before is whole: its text there, every picture decoded, a frame drawn.
PAINTED = """async () => {
  while (performance.now() - began < 20000) {
    await new Promise((done) => requestAnimationFrame(done));
    const now = whole();
    if (now && now !== before) return performance.now() - began;
  }
  return NaN;
}"""


def timed(page, action) -> float:
    """Milliseconds from an action to the painted view."""
    page.evaluate(START)
    action()
    return page.evaluate(PAINTED)


def summary(times: list[float]) -> dict:
    """Median, least and most milliseconds."""
    return {
        "median": round(statistics.median(times)),
        "least": round(min(times)),
        "most": round(max(times)),
        "repeats": len(times),
    }


def main(runs: list[str]) -> None:
    """Measure, print and write figures/bench_browser.json."""
    from playwright.sync_api import sync_playwright

    load = f"""from vslnb.browser.load import load_browser
from vslnb.browser.state import BrowserState
from vslnb.browser.widget import RetrievalBrowser
browser = load_browser({runs!r})
def view(query):
    return RetrievalBrowser(browser, link=BrowserState(tuple(browser.models)[:2], query=query).link())"""
    views = [f"view({37 * k + 1})" for k in range(REPEATS)]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        home = Path(folder)
        lab.write_notebook(home / "browse.ipynb", load, *views)
        chromium = driver.chromium.launch(executable_path=lab.chromium_path(), args=lab.FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        with lab.jupyterlab(home) as address:
            lab.open_notebook(page, address, "browse.ipynb")
            page.locator(".jp-Cell").first.click()
            page.keyboard.press("Shift+Enter")
            page.get_by_text("[1]:").wait_for(timeout=300_000)
            first = [timed(page, lambda: page.keyboard.press("Shift+Enter")) for _ in range(REPEATS)]
            another = page.get_by_role("button", name="random").last
            then = [timed(page, another.click) for _ in range(REPEATS)]
        chromium.close()
    result = {"first paint, ms": summary(first), "next query, ms": summary(then), "models": len(runs)}
    print(result)
    write("bench_browser", result)


if __name__ == "__main__":
    main([str(Path(run).resolve()) for run in sys.argv[1:]])
