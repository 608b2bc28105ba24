"""The browser in a real Chromium: exported pages from a file, and the notebook's widget in JupyterLab."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import lab
from vslnb.browser.static_pages import export
from vslnb.data.world.build import build_world
from vslnb.recipes import recipe
from vslnb.training.loop import train

pytestmark = pytest.mark.browser
HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two short runs on a small world whose captions are not all harmless."""
    home = tmp_path_factory.mktemp("browser")
    build_world(home / "world", {"train": 96, "dev": 20, "test": 30}, progress=False)
    captions = home / "world" / "test_caps.txt"
    lines = captions.read_text().splitlines()
    lines[0] = HOSTILE
    captions.write_text("\n".join(lines) + "\n")
    settings = {"training.epochs": 2, "model.embed_dim": 16}
    for name in ("world-saf", "world-saf-vsl"):
        config = recipe(name).with_settings(settings)
        train(config, home / "world", home / config.arm, "cpu", progress=False)
    return [home / "triplet", home / "vsl-paper"]


def shot(page, name):
    """A screenshot to look at, where VSLNB_SHOTS names a folder."""
    if folder := os.environ.get("VSLNB_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_exported_pages_work_from_a_file(runs, page, tmp_path):
    index = export(runs, tmp_path / "pages", most=3, progress=False)
    page.goto(index.as_uri())
    cards = page.locator(".vb-card")
    assert page.locator(".vb-column").count() == 2 and cards.count() >= 20
    assert page.locator(".vb-card.hit").count() >= 2  # the ground truth is always shown
    for mark, word in (("✓", "hit"), ("✗", "miss")):
        assert set(page.locator(f".vb-card.{word} .vb-mark").all_inner_texts()) == {mark}
    legend = page.locator(".vb-legend").inner_text()
    assert all(term in legend for term in ("hit", "miss", "ground truth", "secondary", "similarity", "CIDEr"))
    assert ".png" in cards.first.get_attribute("title")
    page.get_by_label("list", exact=True).select_option("hardest")  # the others may hold one query alone
    before = page.locator(".vb-query").inner_text()
    page.locator(".vslnb-browser").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".vb-query").inner_text() != before
    assert page.locator(".vb-place").first.inner_text().startswith("2 of")
    shot(page, "export")
    page.locator(".vb-card.miss").first.click()
    assert page.locator(".vb-panel").count() == 2
    words = page.locator(".vb-panel").first.locator(".vb-word")
    assert page.locator(".vb-panel").first.locator(".vb-share").count() == words.count()
    assert "its sigmoid is the similarity" in page.locator(".vb-shares-note").first.inner_text()
    words.nth(1).click()
    assert words.nth(1).get_attribute("aria-pressed") == "true"
    page.locator(".vb-panel").first.locator(".vb-region").last.click()
    assert "gave it most" in page.locator(".vb-note").first.inner_text()
    assert ".png" in page.locator(".vb-panel figcaption .vb-file").first.inner_text()
    words.nth(1).click()
    for region in page.locator(".vb-panel").first.locator(".vb-region").all():  # one scale for all words
        percent = float(region.get_attribute("title").removesuffix(" %"))
        weight = float(region.evaluate("node => node.style.getPropertyValue('--weight')"))
        assert weight == pytest.approx(min(1, percent / 50))
    shot(page, "export_attention")
    address = page.url
    again = page.context.new_page()
    again.goto(address)
    assert again.locator(".vb-query").inner_text() == page.locator(".vb-query").inner_text()
    page.get_by_label("direction", exact=True).select_option("image_to_text")
    assert page.locator(".vb-texts .vb-card").count() >= 10
    page.set_viewport_size({"width": 800, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    shot(page, "export_800")
    assert all(url.startswith(("file:", "data:")) for url in page.asked) and page.faults == []


def test_hostile_captions_are_text(runs, page, tmp_path):
    index = export(runs, tmp_path / "pages", most=50, progress=False)
    page.goto(index.as_uri())
    page.get_by_label("direction", exact=True).select_option("image_to_text")
    found = False
    for _ in range(60):
        found = found or HOSTILE in page.locator(".vslnb-browser").inner_text()
        if found:
            break
        page.keyboard.press("ArrowRight") if page.evaluate(
            "document.activeElement.className"
        ) else page.locator(".vslnb-browser").focus()
    assert page.evaluate("window.hacked") is None and page.faults == []
    assert "<script>window.hacked" not in (index.parent / "index.html").read_text()


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory, runs):
    """JupyterLab in a folder with one notebook."""
    home = tmp_path_factory.mktemp("lab")
    source = (
        f"from vslnb.browser.widget import RetrievalBrowser\nRetrievalBrowser({[str(run) for run in runs]!r})"
    )
    lab.write_notebook(home / "browse.ipynb", source)
    with lab.jupyterlab(home) as address:
        yield address


def test_the_widget_in_jupyterlab(jupyter, page):
    lab.open_notebook(page, jupyter, "browse.ipynb")
    lab.run_all(page)
    browser = page.locator(".vslnb-browser")
    browser.wait_for(timeout=90_000)
    page.wait_for_timeout(500)
    assert page.locator(".vb-column").count() == 2 and page.locator(".vb-card").count() >= 20
    shot(page, "lab")
    free = page.get_by_label("free text")
    free.fill("zebras fly")
    page.locator(".vb-draft", has_text="none of these words").wait_for(timeout=10_000)
    free.press("Enter")
    page.locator(".vb-error", has_text="none of these words").wait_for(timeout=10_000)
    assert free.input_value() == "zebras fly" and page.locator(".vb-card").count() >= 20
    free.fill("a zebra in the spaceship")
    page.locator(".vb-draft", has_text="“zebra”, “spaceship”: a ranking would").wait_for(timeout=10_000)
    free.press("Enter")
    page.locator(".vb-unknown", has_text="“zebra”, “spaceship”").wait_for(timeout=10_000)
    free.fill("a red car on the road")
    free.press("Enter")
    page.locator(".vb-sentence", has_text="a red car").wait_for(timeout=10_000)
    assert page.locator(".vb-mark.hit, .vb-unknown").count() == 0
    shot(page, "lab_text")
    page.get_by_label("A", exact=True).select_option("vsl-paper")
    page.locator(".vb-model", has_text="A · vsl-paper").wait_for(timeout=10_000)
    page.get_by_label("list", exact=True).select_option("hardest")
    page.locator(".vb-controls .vb-place", has_text="1 of").wait_for(timeout=10_000)
    page.get_by_label("list", exact=True).focus()  # left and right go on to the next query also from here
    page.keyboard.press("ArrowRight")
    page.locator(".vb-controls .vb-place", has_text="2 of").wait_for(timeout=10_000)
    assert page.get_by_label("list", exact=True).input_value() == "hardest"
    page.keyboard.press("ArrowLeft")
    page.locator(".vb-controls .vb-place", has_text="1 of").wait_for(timeout=10_000)
    page.locator(".vb-card.miss").first.click()
    page.locator(".vb-word").first.wait_for(timeout=10_000)
    assert page.locator(".vb-reminder").inner_text().startswith("1 of")
    assert page.locator(".vb-panel").first.locator(".vb-region.strongest").count() >= 1
    page.locator(".vb-panel").first.locator(".vb-word").nth(1).click()
    assert page.locator(".vb-panel").first.locator(".vb-word").nth(1).get_attribute("aria-pressed") == "true"
    shot(page, "lab_attention")
    page.keyboard.press("Escape")  # back to the result that was opened
    assert page.evaluate("document.activeElement.className").startswith("vb-card")
    page.keyboard.press("ArrowRight")  # the next query's first miss is open at once
    page.locator(".vb-controls .vb-place", has_text="2 of").wait_for(timeout=10_000)
    page.locator('.vb-card.miss[aria-pressed="true"]').wait_for(timeout=10_000)
    assert page.locator(".vb-panel").count() == 2
    page.keyboard.press("ArrowLeft")
    page.locator(".vb-controls .vb-place", has_text="1 of").wait_for(timeout=10_000)
    page.get_by_role("button", name="▼ next ranks").click()
    page.locator(".vb-place", has_text="page 2 of 3").wait_for(timeout=10_000)
    browser.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".vb-controls .vb-place", has_text="2 of").wait_for(timeout=10_000)
    shot(page, "lab_list")
    assert page.evaluate("window.hacked") is None
    ours = [fault for fault in page.faults if "vslnb" in fault or "anywidget" in fault or "vb-" in fault]
    assert ours == [], page.faults
