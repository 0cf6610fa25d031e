"""The page in a real browser: what a person sees, clicks and is refused."""

import re
import threading

import pytest

from tests.live.fakes import SquareDetector
from tests.live.local import LocalServer, at_pace, transport_stream
from tests.live.running import Running, camera
from tests.live.test_faults import walking
from tests.web.browser import needs_chromium, started, until, watched
from tests.web.client import TOKEN
from tracker.detections import Detections
from tracker.live.web.server import PageServer

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("cv2")

pytestmark = needs_chromium

MARKUP = "<b onclick=alert(1)>person</b>"
STYLE = """row => {
  const of = (part) => getComputedStyle(row.querySelector(part));
  return [of(".what").color, of(".value").color, of("svg").opacity, of("svg").filter];
}"""


class InDoubt(SquareDetector):
    """Sees something else, too, and is never sure of it."""

    def one(self, image):
        found = super().one(image)
        return Detections(
            [*found.xyxy.tolist(), [110.0, 80.0, 140.0, 110.0]],
            [*found.confidence.tolist(), 0.18],
            [*found.class_id.tolist(), 0],
        )


@pytest.fixture(scope="module")
def chromium():
    with started() as browser:
        yield browser


class Stage:
    """A camera that a test can kill, the system that watches it, and its page."""

    def __init__(self):
        self.dead = threading.Event()
        data = transport_stream(walking(100))

        def play(file, number):
            for place in range(0, len(data), len(data) // 20):
                if self.dead.is_set():
                    return
                at_pace(data[place : place + len(data) // 20], 0.5, file)

        self.stream = LocalServer(play)
        settings = camera(self.stream.url.replace("//", "//adm1n:hunter2@"))
        self.running = Running(InDoubt(), yard=settings)
        self.running.detector.class_names = (MARKUP, "car")
        view = self.running.system.cameras["yard"].view
        view.class_names = (MARKUP, "car")

    def __enter__(self):
        self.stream.__enter__()
        self.running.__enter__()
        return self

    def __exit__(self, *args):
        self.dead.set()
        self.running.__exit__(*args)
        self.stream.__exit__(*args)

    def serve(self, **more):
        return PageServer(self.running.system, port=0, **more)


@pytest.fixture(scope="module")
def stage():
    with Stage() as stage:
        yield stage


@pytest.fixture
def tab(chromium):
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    yield watched(context)
    context.close()


def test_cameras_objects_slider_evidence_and_the_end_of_a_camera(stage, tab):
    with stage.serve() as server:
        tab.goto(server.url)
        # The camera and its picture, which moves.
        yard = tab.locator(".camera[data-state=up]")
        sync_api.expect(yard.locator("h2")).to_have_text("yard")
        until(tab, "document.querySelector('.screen img').naturalWidth == 160")
        first = yard.locator("img").get_attribute("src")
        until(tab, "was => document.querySelector('.screen img').src != was", first)
        # Its objects, with names that stay text.
        row = yard.locator(".object", has_text="confirmed").first
        sync_api.expect(row).to_be_visible()
        assert MARKUP in row.inner_text()
        assert tab.locator(".object b").count() == 0
        bars = "document.querySelector('.object path.hit')?.getAttribute('d') ?? ''"
        until(tab, f"({bars}).split('M').length > 3")
        # The slider has its effect at once, without a request.
        until(tab, "/^[1-9]/.test(document.querySelector('#effect b')?.textContent ?? '')")
        was = tab.locator("#effect").inner_text()
        tab.locator("#confirm").fill("0.99")
        assert tab.locator("#confirm-value").inner_text() == "0.99"
        now = tab.locator("#effect").inner_text()
        assert now != was
        assert "confirmed in the last hour at 0.99" in now
        tab.locator("#confirm-back").click()
        assert "as it is set" in tab.locator("#effect").inner_text()
        # Why it is believed.
        row.click()
        sync_api.expect(tab.locator("#track td", has_text="hit").first).to_be_visible()
        sync_api.expect(tab.locator("#track-title")).to_contain_text(MARKUP)
        until(tab, "document.querySelector('.shots img').naturalWidth > 0")
        tab.keyboard.press("Escape")
        sync_api.expect(tab.locator("#track")).not_to_be_visible()
        # Killed, shown as down, and back.
        stage.dead.set()
        down = tab.locator(".camera[data-state=down]")
        sync_api.expect(down).to_be_visible()
        sync_api.expect(down.locator(".word")).to_contain_text("down: last looked")
        assert "hunter2" not in tab.content()
        stage.dead.clear()
        sync_api.expect(yard).to_be_visible()
        sync_api.expect(yard.locator(".word")).to_be_hidden()
        assert tab.wrong == []


def test_what_is_not_believed_is_grey(stage, tab):
    with stage.serve() as server:
        tab.goto(server.url)
        doubted = tab.locator(".object", has_text="tentative").first
        believed = tab.locator(".object", has_text="confirmed").first
        sync_api.expect(doubted).to_have_class("object tentative")
        sync_api.expect(believed).to_have_class("object")
        name, value, opacity, colours = doubted.evaluate(STYLE)
        clear = believed.evaluate(STYLE)
        soft = tab.locator("footer").evaluate("foot => getComputedStyle(foot).color")
        assert name == value == soft, "the colour of what is said by the way"
        assert soft not in clear[:2]
        assert (opacity, colours) == ("0.5", "grayscale(0.8)")
        assert clear[2:] == ["1", "none"]
        below = "rows => rows[0].getBoundingClientRect().top > rows[1].getBoundingClientRect().top"
        pair = tab.evaluate_handle(
            "rows => rows", [doubted.element_handle(), believed.element_handle()]
        )
        assert tab.evaluate(below, pair), "and stands under what is believed"


def test_the_picture_is_new_while_the_detector_is_slow(stage, tab):
    detector = stage.running.detector
    slowly, go_on = threading.Event(), threading.Event()
    one = detector.one

    def wait(image):
        slowly.set()
        go_on.wait(30)
        return one(image)

    with stage.serve() as server:
        tab.goto(server.url)
        yard = tab.locator(".camera[data-state=up]")
        sync_api.expect(yard).to_be_visible()
        until(tab, "document.querySelector('.screen img').naturalWidth == 160")
        detector.one = wait
        try:
            assert slowly.wait(30)
            sync_api.expect(yard.locator(".word")).to_contain_text("up: last looked")
            before = yard.locator("img").get_attribute("src")
            until(tab, "was => document.querySelector('.screen img').src != was", before)
            age = yard.locator(".facts div", has_text="picture").locator("dd")
            sync_api.expect(age).to_have_text(re.compile(r"^0\.\d s old$"))
        finally:
            detector.one = one
            go_on.set()
        sync_api.expect(yard.locator(".word")).to_be_hidden()
        assert tab.wrong == []


def test_the_page_says_when_nobody_answers(stage, tab):
    server = stage.serve()
    tab.goto(server.url)
    sync_api.expect(tab.locator(".camera")).to_be_visible()
    server.close()
    sync_api.expect(tab.locator("#trouble")).to_contain_text("No answer from conftrack")


def test_a_token_is_refused_and_accepted(stage, tab):
    with stage.serve(token=TOKEN) as server:
        tab.goto(server.url)
        assert tab.url.endswith("/login")
        tab.get_by_label("Token").fill("not the token at all")
        tab.get_by_role("button").click()
        sync_api.expect(tab.get_by_role("alert")).to_have_text("This is not the token.")
        tab.get_by_label("Token").fill(TOKEN)
        tab.get_by_role("button").click()
        sync_api.expect(tab.locator(".camera h2")).to_have_text("yard")
        assert tab.url == server.url, "no token in the address"
        assert tab.evaluate("document.cookie") == ""
        assert TOKEN not in tab.content()
        tab.get_by_role("button", name="Log out").click()
        tab.wait_for_url("**/login")
        tab.goto(server.url)
        assert tab.url.endswith("/login")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(stage, chromium, scheme):
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, color_scheme=scheme, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    with stage.serve() as server:
        page.goto(server.url)
        sync_api.expect(page.locator(".object").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.locator(".object").first.tap()
        sync_api.expect(page.locator("#track")).to_be_visible()
        assert (
            page.evaluate("document.querySelector('#track').getBoundingClientRect().width") <= 360
        )
    context.close()
