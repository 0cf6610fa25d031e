"""The review page in a real browser: answered by keys alone, by tap, and whatever breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.review.stage import MAYBES, Stage, write_stage
from tests.web.browser import WAIT_MS, needs_chromium, started, until, watched
from tests.web.client import TOKEN
from tracker.review import cutting
from tracker.review.answers import read_answers
from tracker.review.web.server import ReviewServer

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("cv2")
pytest.importorskip("av")

pytestmark = needs_chromium
MARKUP = "<b onclick=alert(1)>ben</b>"
FIRST, SECOND = MAYBES
Serve = Callable[..., ReviewServer]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_stage(tmp_path_factory.mktemp("runs") / "street")
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
    return folder


@pytest.fixture
def stage(written: Path) -> Iterator[Stage]:
    """Without audits, so that the order is known."""
    (written / "answers.jsonl").unlink(missing_ok=True)
    stage = Stage(written, audit=0)
    with stage.cutter:
        yield stage


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda stage, **more: stack.enter_context(
            ReviewServer(stage.review, **({"port": 0} | more))
        )


@pytest.fixture
def tabs(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Tabs of browsers that know nothing of each other."""
    contexts = []

    def opened(**more: Any) -> Any:
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 800}, **more))
        return watched(contexts[-1])

    yield opened
    for context in contexts:
        context.close()


def asks(tab: Any, number: int) -> None:
    """Wait until a track is asked about."""
    sync_api.expect(tab.locator("#facts")).to_contain_text(f"Track {number} ")
    tab.wait_for_timeout(250)  # nobody answers faster, and the page does not believe it


def said(stage: Stage) -> list[tuple[int, str, str | None]]:
    return [(one.track, one.answer, one.class_name) for one in read_answers(stage.log.path)]


def saved(tab: Any, stage: Stage, count: int) -> list[tuple[int, str, str | None]]:
    """Wait until so many answers are in the file."""
    for _ in range(WAIT_MS // 50):
        if len(said(stage)) >= count:
            break
        tab.wait_for_timeout(50)
    assert len(said(stage)) == count
    return said(stage)


def test_a_review_by_keys_alone(stage: Stage, serve: Serve, tabs: Callable[..., Any]) -> None:
    tab = tabs()
    tab.goto(serve(stage).url)
    asks(tab, FIRST)
    # The clip plays, its place in the drawing moves, all is shown.
    until(tab, "document.querySelector('#clip').videoWidth > 200")
    until(tab, "document.querySelector('#clip').currentTime > 0.05")
    until(tab, "document.querySelector('#crops').naturalWidth > 0")
    until(tab, "document.querySelector('#place').naturalWidth > 0")
    sync_api.expect(tab.locator("#question")).to_have_text("Is this a person?")
    sync_api.expect(tab.locator("#belief")).to_contain_text("50")
    sync_api.expect(tab.locator("#reasons")).to_contain_text("detected in 11 of 12 looks")
    assert tab.locator("#plot path.hit").get_attribute("d").count("M") == 11
    assert tab.locator("#plot path.miss").get_attribute("d").count("M") == 1
    assert "Existence from 0.0 to 1.1 s" in tab.locator("#plot").get_attribute("aria-label")
    # Space pauses and plays.
    tab.keyboard.press(" ")
    assert tab.evaluate("document.querySelector('#clip').paused")
    tab.keyboard.press(" ")
    until(tab, "!document.querySelector('#clip').paused")
    # A digit is the class, and yes says so.
    tab.keyboard.press("2")
    sync_api.expect(tab.locator("#question")).to_have_text("Is this a car?")
    tab.keyboard.press("y")
    asks(tab, SECOND)
    sync_api.expect(tab.locator("#question")).to_have_text("Is this a car?")
    assert saved(tab, stage, 1) == [(FIRST, "yes", "car")]
    sync_api.expect(tab.locator("#progress")).to_contain_text("1 of 2 answered")
    assert tab.locator("#bar i.yes").count() == 1
    tab.keyboard.press("n")
    sync_api.expect(tab.locator("#done h2")).to_have_text("All answered")
    sync_api.expect(tab.locator("#tally")).to_have_text("1 yes, 1 no, 0 unsure")
    # Undo, from the end too, and another answer.
    tab.keyboard.press("u")
    asks(tab, SECOND)
    tab.keyboard.press("?")
    sync_api.expect(tab.locator("#done")).to_be_visible()
    # Arrows move; what was said is marked; a digit changes the class of a yes.
    tab.keyboard.press("ArrowLeft")
    asks(tab, SECOND)
    sync_api.expect(tab.locator(".unsure[data-answer]")).to_have_attribute("aria-pressed", "true")
    tab.keyboard.press("ArrowLeft")
    asks(tab, FIRST)
    sync_api.expect(tab.locator(".yes[data-answer]")).to_have_attribute("aria-pressed", "true")
    sync_api.expect(tab.locator("#question")).to_have_text("Is this a car?")
    tab.keyboard.press("1")
    assert saved(tab, stage, 5) == [
        (FIRST, "yes", "car"), (SECOND, "no", None), (SECOND, "undo", None),
        (SECOND, "unsure", None), (FIRST, "yes", "person"),
    ]  # fmt: skip
    assert tab.wrong == []


def test_help_and_focus(stage: Stage, serve: Serve, tabs: Callable[..., Any]) -> None:
    tab = tabs()
    tab.goto(serve(stage).url)
    asks(tab, FIRST)
    for close in ("Escape", "h"):
        tab.keyboard.press("h")
        sync_api.expect(tab.get_by_role("dialog", name="Help")).to_be_visible()
        tab.keyboard.press("y")  # answers nothing while something lies over the track
        tab.keyboard.press(close)
        sync_api.expect(tab.locator("#help")).not_to_be_visible()
    assert said(stage) == []
    # Every control has a name, can be reached by Tab, and shows that it is.
    names = []
    for _ in range(14):
        tab.keyboard.press("Tab")
        name, outline = tab.evaluate(
            "[document.activeElement.ariaLabel ?? document.activeElement.textContent.trim(),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if document_has_focus(tab):
            names.append(name)
            assert outline != "none", name
    for wanted in ("Agreement", "Help", "Pause the clip", "No n", "Unsure ?", "Yes y"):
        assert wanted in names
    tab.get_by_role("button", name="No").focus()
    tab.keyboard.press("Enter")
    asks(tab, SECOND)
    assert saved(tab, stage, 1) == [(FIRST, "no", None)]
    # A key that is held down answers once.
    tab.evaluate(
        "document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'y', repeat: true, bubbles: true}))"
    )
    tab.wait_for_timeout(200)
    assert len(said(stage)) == 1
    assert tab.wrong == []


def document_has_focus(tab: Any) -> bool:
    return bool(tab.evaluate("document.activeElement !== document.body"))


def test_it_goes_on_after_a_reload(stage: Stage, serve: Serve, tabs: Callable[..., Any]) -> None:
    tab = tabs()
    tab.goto(serve(stage).url)
    asks(tab, FIRST)
    tab.keyboard.press("y")
    asks(tab, SECOND)
    saved(tab, stage, 1)
    tab.reload()
    asks(tab, SECOND)
    sync_api.expect(tab.locator("#progress")).to_contain_text("1 of 2")
    # What was answered before the reload can be taken back after it.
    tab.keyboard.press("u")
    asks(tab, FIRST)
    assert saved(tab, stage, 2)[1] == (FIRST, "undo", None)
    tab.reload()
    asks(tab, FIRST)
    sync_api.expect(tab.locator("#undo")).to_be_disabled()
    assert tab.wrong == []


def test_a_server_that_dies_loses_nothing(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    tab = tabs()
    server = serve(stage)
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    tab.goto(server.url)
    asks(tab, FIRST)
    until(tab, "document.querySelector('#clip').videoWidth > 0")
    tab.keyboard.press("y")
    saved(tab, stage, 1)
    asks(tab, SECOND)
    server.close()
    tab.keyboard.press("n")
    sync_api.expect(tab.locator("#trouble")).to_contain_text("1 of your answers waits")
    sync_api.expect(tab.locator("#done")).to_be_visible()
    sync_api.expect(tab.locator("#thanks")).to_contain_text("1 of the answers is not saved yet")
    assert len(said(stage)) == 1
    # Another process would have it from the file alone.
    again = Stage(stage.folder, audit=0)
    with again.cutter:
        serve(again, port=port)
        sync_api.expect(tab.locator("#trouble")).to_be_hidden(timeout=WAIT_MS)
        assert saved(tab, again, 2)[1] == (SECOND, "no", None)
        sync_api.expect(tab.locator("#thanks")).to_contain_text("Everything is saved")
        tab.reload()
        sync_api.expect(tab.locator("#tally")).to_have_text("1 yes, 1 no, 0 unsure")


def test_an_answer_that_waits_outlives_its_tab(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    tab = tabs()
    server = serve(stage)
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    tab.goto(server.url)
    asks(tab, FIRST)
    server.close()
    tab.keyboard.press("n")
    sync_api.expect(tab.locator("#trouble")).to_contain_text("waits")
    context = tab.context
    tab.close()
    serve(stage, port=port)
    other = watched(context)
    other.goto(server.url)
    asks(other, SECOND)
    assert saved(other, stage, 1) == [(FIRST, "no", None)]


def test_a_tab_closed_right_after_the_key(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    tab = tabs()
    tab.goto(serve(stage).url)
    asks(tab, FIRST)
    context = tab.context
    tab.keyboard.press("y")
    tab.close()
    assert saved(watched(context), stage, 1) == [(FIRST, "yes", "person")]


def test_two_reviewers_differ_and_are_asked_again(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    server, anna, ben = serve(stage), tabs(), tabs()
    for tab in (anna, ben):
        tab.goto(server.url)
        asks(tab, FIRST)
    ben.keyboard.press("r")
    ben.get_by_label("Name").fill(MARKUP)
    ben.keyboard.press("Enter")
    sync_api.expect(ben.locator("#who")).to_have_text(f"by {MARKUP}")
    for tab, keys in ((anna, "yy"), (ben, "yn")):
        for number, key in zip((FIRST, SECOND), keys, strict=True):
            asks(tab, number)
            tab.keyboard.press(key)
        sync_api.expect(tab.locator("#done")).to_be_visible()
    saved(ben, stage, 4)
    ben.keyboard.press("a")
    panel = ben.get_by_role("dialog", name="Agreement")
    sync_api.expect(panel).to_contain_text("50")
    sync_api.expect(panel).to_contain_text("agreed, on 2 tracks")
    sync_api.expect(panel).to_contain_text("Cohen's kappa")
    row = panel.locator("tbody tr")
    sync_api.expect(row).to_have_count(1)
    sync_api.expect(row).to_contain_text(f"track {SECOND}")
    sync_api.expect(row).to_contain_text("yes, car")
    sync_api.expect(panel).to_contain_text(MARKUP)
    assert panel.locator("b[onclick]").count() == 0
    panel.get_by_role("button", name="Ask me again about these 1").click()
    asks(ben, SECOND)
    sync_api.expect(ben.locator("#again")).to_contain_text("1 of 1")
    ben.keyboard.press("y")
    sync_api.expect(ben.locator("#done h2")).to_have_text("All asked again")
    assert saved(ben, stage, 5)[4] == (SECOND, "yes", "car")
    ben.keyboard.press("a")
    sync_api.expect(panel).to_contain_text("They never differ.")
    # The name is remembered by this browser, and not by the other.
    ben.reload()
    sync_api.expect(ben.locator("#who")).to_have_text(f"by {MARKUP}")
    anna.reload()
    sync_api.expect(anna.locator("#who")).to_have_text("by anna")
    assert anna.wrong == ben.wrong == []


def test_two_tabs_of_one_reviewer_lose_nothing(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    server, one, other = serve(stage), tabs(), tabs()
    for tab in (one, other):
        tab.goto(server.url)
        asks(tab, FIRST)
    one.keyboard.press("y")
    asks(one, SECOND)
    saved(one, stage, 1)
    other.keyboard.press("n")  # it does not know of the first
    assert saved(other, stage, 2) == [(FIRST, "yes", "person"), (FIRST, "no", None)]


def test_what_waits_comes_behind_what_was_said_elsewhere(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    one, other = tabs(), tabs()
    server = serve(stage)
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    for tab in (one, other):
        tab.goto(server.url)
        asks(tab, FIRST)
    server.close()
    one.keyboard.press("n")
    asks(one, SECOND)
    one.keyboard.press("u")
    asks(one, FIRST)
    one.keyboard.press("?")
    stage.say(FIRST, "yes")
    serve(stage, port=port)
    assert saved(one, stage, 4)[1:] == [
        (FIRST, "no", None), (FIRST, "undo", None), (FIRST, "unsure", None),
    ]  # fmt: skip


def test_another_run_at_the_same_address_is_shown_anew(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    tab = tabs()
    server = serve(stage)
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    tab.goto(server.url)
    asks(tab, FIRST)
    server.close()
    tab.keyboard.press("y")
    sync_api.expect(tab.locator("#trouble")).to_contain_text("waits")
    tab.evaluate("window.old = true")
    stage.review._key = "f" * 16
    serve(stage, port=port)
    sync_api.expect(tab.locator("#trouble")).to_contain_text("Another run", timeout=WAIT_MS)
    assert not tab.evaluate("window.old")
    asks(tab, FIRST)
    assert said(stage) == []
    tab.reload()
    sync_api.expect(tab.locator("#trouble")).to_be_hidden()
    # The answer to the first one waits for it.
    stage.review._key = stage.key
    tab.reload()
    assert saved(tab, stage, 1) == [(FIRST, "yes", "person")]


def test_a_name_that_is_none_is_asked_for_again(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    tab = tabs()
    tab.goto(serve(stage).url)
    asks(tab, FIRST)
    dialog = tab.get_by_role("dialog", name="Who answers?")
    tab.keyboard.press("r")
    tab.get_by_label("Name").fill("ben")
    tab.keyboard.press("Escape")  # takes no name
    sync_api.expect(dialog).to_be_hidden()
    sync_api.expect(tab.locator("#who")).to_have_text("by anna")
    tab.keyboard.press("r")
    tab.get_by_label("Name").fill("b\u202een")
    tab.keyboard.press("Enter")
    sync_api.expect(dialog.get_by_role("alert")).to_contain_text("all of which can be seen")
    sync_api.expect(tab.locator("#who")).to_have_text("by anna")
    tab.get_by_label("Name").fill("  Ben   Rene\u0301 ")
    tab.keyboard.press("Enter")
    sync_api.expect(tab.locator("#who")).to_have_text("by Ben Ren\u00e9")
    # One that got into the browser in another way does not shut its owner out.
    tab.evaluate("localStorage.setItem('conftrack-reviewer-anna', 'x\u202ey')")
    tab.reload()
    sync_api.expect(dialog).to_be_visible()
    tab.get_by_label("Name").fill("carla")
    tab.keyboard.press("Enter")
    sync_api.expect(tab.locator("#who")).to_have_text("by carla")
    asks(tab, FIRST)


def test_a_class_is_typed_and_no_letter_of_it_answers(
    tmp_path: Path, serve: Serve, tabs: Callable[..., Any]
) -> None:
    names = ["person", "car", "bench", "bun", "yak", "nut", "tram", "urn", "ram", "hat", "ape"]
    folder = write_stage(tmp_path / "street")
    for file in (folder / "tracks.jsonl", folder / "detections.jsonl"):
        file.write_text(file.read_text().replace('["person","car"]', json.dumps(names), 1))
    stage = Stage(folder, audit=0)
    with stage.cutter:
        tab = tabs()
        tab.goto(serve(stage).url)
        asks(tab, FIRST)
        tab.keyboard.press("c")
        tab.keyboard.type("bun")
        sync_api.expect(tab.locator("#question")).to_have_text("Is this a bun?")
        tab.keyboard.press("Enter")
        tab.keyboard.press("y")
        assert saved(tab, stage, 1) == [(FIRST, "yes", "bun")]
        asks(tab, SECOND)
        # Chosen by mouse the list is left at once: the next key is for the page.
        tab.locator("#classes select").select_option("yak")
        sync_api.expect(tab.locator("#question")).to_have_text("Is this a yak?")
        tab.keyboard.press("n")
        assert saved(tab, stage, 2)[1] == (SECOND, "no", None)
        assert tab.wrong == []


def test_a_token_is_refused_and_accepted_and_a_name_asked(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    tab = tabs()
    server = serve(stage, host="0.0.0.0", token=TOKEN)
    tab.goto(server.url)
    assert tab.url.endswith("/login")
    tab.get_by_label("Token").fill("not the token at all")
    tab.get_by_role("button", name="Begin to review").click()
    sync_api.expect(tab.get_by_role("alert")).to_have_text("This is not the token.")
    tab.get_by_label("Token").fill(TOKEN)
    tab.get_by_role("button").click()
    assert tab.url == server.url, "no token in the address"
    dialog = tab.get_by_role("dialog", name="Who answers?")
    sync_api.expect(dialog).to_be_visible()
    tab.keyboard.press("Escape")
    sync_api.expect(dialog).to_be_visible()
    tab.get_by_label("Name").fill("carla")
    tab.keyboard.press("Enter")
    asks(tab, FIRST)
    tab.keyboard.press("n")
    saved(tab, stage, 1)
    assert read_answers(stage.log.path)[0].reviewer == "carla"
    assert TOKEN not in tab.content()
    tab.get_by_role("button", name="Log out").click()
    tab.wait_for_url("**/login")
    tab.goto(server.url)
    assert tab.url.endswith("/login")


def test_an_answer_that_waits_outlives_a_log_in(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    tab = tabs()
    server = serve(stage, token=TOKEN)
    port = int(server.url.rsplit(":", 1)[1].strip("/"))

    def log_in() -> None:
        tab.get_by_label("Token").fill(TOKEN)
        tab.keyboard.press("Enter")

    tab.goto(server.url)
    log_in()
    asks(tab, FIRST)
    server.close()
    tab.keyboard.press("n")
    sync_api.expect(tab.locator("#trouble")).to_contain_text("waits")
    serve(stage, port=port, token=TOKEN)  # knows nobody who logged in before
    tab.wait_for_url("**/login")
    assert said(stage) == []
    log_in()
    asks(tab, SECOND)
    assert saved(tab, stage, 1) == [(FIRST, "no", None)]


def test_a_clip_that_is_still_cut_comes_when_it_is_there(
    written: Path, serve: Serve, tabs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = threading.Event(), cutting.cut_tracks
    (written / "answers.jsonl").unlink(missing_ok=True)
    (written / "review" / "made.json").unlink()

    def slow(*args: Any, **more: Any) -> Any:
        gate.wait(WAIT_MS / 1000)
        yield from real(*args, **more)

    monkeypatch.setattr(cutting, "cut_tracks", slow)
    stage = Stage(written, audit=0)
    with stage.cutter:
        tab = tabs()
        tab.goto(serve(stage).url)
        asks(tab, FIRST)
        sync_api.expect(tab.locator("#cutting")).to_have_text("the clip is being cut …")
        sync_api.expect(tab.locator("#reasons li")).not_to_have_count(0)
        gate.set()
        until(tab, "document.querySelector('#clip').videoWidth > 0")
        sync_api.expect(tab.locator("#cutting")).to_have_text("")
        assert tab.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(stage: Stage, serve: Serve, chromium: Any, scheme: str) -> None:
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, color_scheme=scheme, is_mobile=True, has_touch=True
    )
    page = watched(context)
    page.goto(serve(stage).url)
    asks(page, FIRST)
    until(page, "document.querySelector('#clip').videoWidth > 0")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    buttons = page.locator("#answers [data-answer]")
    for k in range(3):
        box = buttons.nth(k).bounding_box()
        assert box["height"] >= 44, "for a thumb"
        assert box["y"] + box["height"] <= 740, "without scrolling"
    sync_api.expect(page.locator("#question")).to_be_in_viewport()
    page.get_by_role("button", name="Yes").tap()
    asks(page, SECOND)
    page.get_by_role("button", name="Undo").tap()
    asks(page, FIRST)
    assert len(saved(page, stage, 2)) == 2
    assert page.wrong == []
    context.close()


def test_nobody_is_shown_motion_who_asked_for_none(
    stage: Stage, serve: Serve, tabs: Callable[..., Any]
) -> None:
    tab = tabs(reduced_motion="reduce")
    tab.goto(serve(stage).url)
    asks(tab, FIRST)
    until(tab, "document.querySelector('#clip').videoWidth > 0")
    tab.wait_for_timeout(300)
    assert tab.evaluate("document.querySelector('#clip').paused")
    tab.keyboard.press(" ")
    until(tab, "document.querySelector('#clip').currentTime > 0")
