"""A real browser: started once, its tabs watched."""

import os
import shutil
import time
from contextlib import contextmanager

import pytest

WAIT_MS = 30_000
CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium (Debian: chromium)")


def until(page, script, given=None):
    """Wait for what a script says; the page's headers forbid Playwright to wait inside it."""
    end = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(script, given):
        assert time.monotonic() < end, script
        page.wait_for_timeout(50)


@contextmanager
def started():
    """Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api")
    sync_api.expect.set_options(timeout=WAIT_MS)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def watched(context):
    """A tab, and in `wrong` what failed in it or was asked of others than this machine."""
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda line: page.wrong.append(line.text) if line.type == "error" else None)
    page.on("request", lambda r: page.wrong.append(r.url)
            if not r.url.startswith(("http://127.0.0.1:", "blob:")) else None)  # fmt: skip
    return page
