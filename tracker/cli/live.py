"""`conftrack live`: cameras in, events out, for as long as it runs."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from tracker.cli.console import Debug, ExitCode, Quiet, err, guard, note, out, show_log
from tracker.cli.helptext import epilog
from tracker.cli.interrupt import Interrupt
from tracker.cli.live_page import Host, Port, Token, Web, check_page, serve_page
from tracker.cli.live_table import LiveTable
from tracker.cli.options import (
    Architecture,
    Batch,
    Calibrated,
    Classes,
    ClassNames,
    Device,
    HowPrecise,
    MaxDetections,
    Model,
    ShortSide,
    Threshold,
    load_detector,
)
from tracker.errors import InputError, SourceError

if TYPE_CHECKING:
    from tracker.live.clocks import Timeline
    from tracker.live.events import Event
    from tracker.live.outlets.base import Outlet
    from tracker.live.settings import LiveSettings, OutletSettings
    from tracker.live.status_server import StatusServer
    from tracker.live.system import LiveSystem, ResultSink

__all__ = ["EPILOG", "live"]

EPILOG = epilog(
    ("conftrack live rtsp://user:password@10.0.0.5/stream1", "one camera; events in runs/live"),
    ("conftrack live front=rtsp://10.0.0.5/1 back=http://10.0.0.6/cam.mjpg", "two, with names"),
    ("conftrack live --config cameras.toml --model bundled --classes person", "many, from a file"),
    ("conftrack live street.mp4 --realtime --stdout", "a file as if it were a camera"),
    ("conftrack live --config cameras.toml --record --metrics 9109", "videos; for Prometheus"),
    ("conftrack live --config cameras.toml --web", "a page to watch them: http://127.0.0.1:8710"),
    ("conftrack live 0 --for 60", "the first camera of this computer, one minute"),
)


@guard
def live(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Addresses (rtsp://, http://, udp:// …), camera numbers, /dev/videoN or files;"
            " NAME=SOURCE gives it a name.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            help="Settings: a file with cameras, events, outlets and the tracker's own, see"
            " docs/live.md; or packaged ones by name.",
            show_default="camera",
            rich_help_panel="Input",
        ),
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime", help="Play files at their own pace, as cameras.", rich_help_panel="Input"
        ),
    ] = False,
    transport: Annotated[
        str | None,
        typer.Option(
            help="How RTSP sends its pictures: tcp or udp.",
            show_default="tcp",
            rich_help_panel="Input",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            help="Connect again when nothing came for so many seconds.",
            show_default="10",
            rich_help_panel="Input",
        ),
    ] = None,
    for_s: Annotated[
        float | None,
        typer.Option(
            "--for",
            help="End after so many seconds.",
            min=0.0,
            show_default="never",
            rich_help_panel="Input",
        ),
    ] = None,
    model: Model = "auto",
    device: Device = "auto",
    threshold: Threshold = None,
    classes: Classes = None,
    batch: Batch = None,
    architecture: Architecture = None,
    class_names: ClassNames = None,
    short_side: ShortSide = None,
    max_detections: MaxDetections = None,
    precision: HowPrecise = "auto",
    calibration: Calibrated = None,
    out_folder: Annotated[
        Path,
        typer.Option("--out", help="Folder for events.jsonl.", rich_help_panel="Output"),
    ] = Path("runs/live"),
    stdout: Annotated[
        bool,
        typer.Option(
            "--stdout",
            help="Also print events as JSON lines, without pictures.",
            rich_help_panel="Output",
        ),
    ] = False,
    webhook: Annotated[
        str | None,
        typer.Option(
            help="Also POST each event to this address, as JSON.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            help="Also publish events at a broker: mqtt://HOST/TOPIC, mqtts:// for encryption.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Write a video of what is before and after each event, into --out/recordings.",
            rich_help_panel="Output",
        ),
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve /metrics for Prometheus, /healthz and /readyz; to this machine only unless"
            " a HOST is given.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    web: Web = False,
    host: Host = None,
    port: Port = None,
    token: Token = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Watch cameras: reconnect for ever, track, and tell of what is confirmed, lost or changed.

    Events go to events.jsonl in --out, which is continued when it is there. Ctrl-C ends.
    """
    show_log(debug=debug)
    from tracker.live.clocks import Timeline
    from tracker.live.settings import expanded, named_sources, read_settings
    from tracker.live.status_server import StatusServer, address_of
    from tracker.live.system import LiveSystem

    if metrics is not None:
        address_of(metrics)  # a mistake in it is told before anything is opened
    check_page(web, host, port, token)

    settings, tracking = read_settings(config)
    if calibration is not None:
        tracking = replace(tracking, calibration=calibration)
    settings = _with_sources(settings, named_sources(sources or []), realtime, transport, timeout)
    also: dict[str, Any] = {
        key: expanded(address)
        for key, address in (("webhook", webhook), ("mqtt", mqtt))
        if address is not None
    }
    if record:
        also["record"] = True
    settings = replace(settings, outlets=replace(settings.outlets, **also))
    if not settings.cameras:
        raise InputError(
            "no camera: give a SOURCE such as rtsp://…, 0 or street.mp4, or a --config with"
            " [cameras.NAME] tables"
        )
    _check_files(settings)
    detector: Any = load_detector(
        model,
        device,
        threshold,
        batch,
        classes,
        architecture=architecture,
        class_names=class_names,
        short_side=short_side,
        max_detections=max_detections,
        precision=precision,
    )
    _allow_replay(detector, settings)
    path = out_folder / "events.jsonl"
    timeline = Timeline()
    outlets, results = _outlets(out_folder, settings.outlets, detector, timeline, stdout=stdout)
    system = LiveSystem(
        detector, settings, tracking,
        outlets=outlets, results=results, timeline=timeline, batch_size=batch,
    )  # fmt: skip
    with ExitStack() as stack:
        server = page = None
        if metrics is not None:
            server = stack.enter_context(StatusServer(system, address_of(metrics)))
        if web:
            page = stack.enter_context(serve_page(system, host, port, token))
        if not quiet:
            _introduce(system, detector, path, server)
            if page is not None:
                err.print(f"[bold]page[/]   {escape(page.url)}", soft_wrap=True)
        interrupt = stack.enter_context(Interrupt())
        table = stack.enter_context(LiveTable(system, quiet=quiet))
        system.run(interrupt.stop, for_s=for_s, on_status=table.update)
        interrupted = interrupt.stop.is_set()
    if nothing := system.why_nothing():
        if interrupted or for_s is not None:
            note(f"no picture came: {nothing}", warning=True)
        else:
            raise SourceError(nothing)
    if not quiet and not stdout:
        out.print(_result(system, path), soft_wrap=True)
    if interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)


def _with_sources(
    settings: LiveSettings, sources: dict[str, str], realtime: bool, transport: str | None,
    timeout: float | None,
) -> LiveSettings:  # fmt: skip
    """The settings with the sources and options of the command line."""
    from tracker.live.settings import expanded

    given: dict[str, Any] = {}
    if realtime:
        given["realtime"] = True
    if transport is not None:
        given["transport"] = transport  # checked with the others
    if timeout is not None:
        given["timeout_s"] = timeout
    twice = sorted(settings.cameras.keys() & sources.keys())
    if twice:
        raise InputError(f"--config has a camera {twice[0]!r} already: give another name")
    cameras = dict(settings.cameras)
    for name, source in sources.items():
        cameras[name] = replace(settings.common, source=expanded(source))
    return replace(settings, cameras={n: replace(c, **given) for n, c in cameras.items()})


def _check_files(settings: LiveSettings) -> None:
    """A file that is not there is a mistake now, not something to wait for."""
    from tracker.live.connections import ends
    from tracker.video.sources import open_source

    for camera in settings.cameras.values():
        if ends(camera):
            open_source(camera.source).close()


def _allow_replay(detector: Any, settings: LiveSettings) -> None:
    """Recorded detections fit one file, whatever clock its frames get."""
    from detectors.replay import ReplayDetector
    from tracker.live.connections import ends

    if not isinstance(detector, ReplayDetector):
        return
    cameras = list(settings.cameras.values())
    if len(cameras) > 1 or not ends(cameras[0]):
        raise InputError(f"{detector.name} can only be replayed on the one file it was made from")
    detector.check_times = False


def _outlets(
    folder: Path, settings: OutletSettings, detector: Any, timeline: Timeline, *, stdout: bool
) -> tuple[list[Outlet[Event]], list[ResultSink]]:
    """Where events go, and who wants every result."""
    from tracker.live.outlets.lines import EventFile, EventStream
    from tracker.live.outlets.mqtt import Mqtt
    from tracker.live.outlets.recording import Recorder
    from tracker.live.outlets.webhook import Webhook

    clock = timeline.clock
    folder.mkdir(parents=True, exist_ok=True)
    outlets: list[Outlet[Event]] = [EventFile(folder / "events.jsonl", settings, clock=clock)]
    if stdout:
        outlets.append(EventStream(sys.stdout, settings, clock=clock))
    if settings.webhook:
        outlets.append(Webhook(settings.webhook, settings, clock=clock))
    if settings.mqtt:
        outlets.append(Mqtt(settings.mqtt, settings, clock=clock))
    results: list[ResultSink] = []
    if settings.record:
        names = detector.class_names
        results.append(Recorder(folder / "recordings", names, settings, timeline=timeline))
    return outlets, results


def _introduce(system: LiveSystem, detector: Any, path: Path, server: StatusServer | None) -> None:
    for camera in system.cameras.values():
        err.print(
            f"[bold]camera[/] {escape(camera.name)}: {escape(camera.reader.shown)}", soft_wrap=True
        )
    text = getattr(detector, "note", "") or f"{detector.name} on {detector.device}"
    err.print(f"[bold]model[/]  {escape(text)}", soft_wrap=True)
    err.print(f"[bold]events[/] {escape(str(path))}", soft_wrap=True)
    if server is not None:
        host, port = server.address
        err.print(f"[bold]status[/] http://{host}:{port}/metrics, /healthz, /readyz")


def _result(system: LiveSystem, path: Path) -> str:
    """What came of it, in one line a camera."""
    lines = []
    for camera in system.health()["cameras"]:
        events = camera["events"]
        left = camera["dropped"] + camera["skipped"]
        lines.append(
            f"{camera['camera']}: {camera['looked']} of {camera['received']} frames looked at"
            f" ({left} dropped), {events.get('confirmed', 0)} confirmed,"
            f" {events.get('lost', 0)} lost, {camera['reconnects']} reconnects"
        )
    return escape("\n".join([*lines, f"events: {path}"]))
