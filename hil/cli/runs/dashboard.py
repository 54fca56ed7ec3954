"""`semnoma-hil dashboard`: the live page of a run in the browser."""

import contextlib
import secrets
from pathlib import Path

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.live import source_options


@click.command("dashboard")
@source_options
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; others than loopback ask for a token."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option(
    "--token",
    envvar="SEMNOMA_HIL_TOKEN",
    help="What viewers must show, 16 characters or more.  [made off loopback, printed once]",
)
@click.option("--control", is_flag=True, help="Let viewers start and stop simulated runs.")
@click.option("--config", "base", type=click.Path(path_type=Path), help="With --control: values a run starts from.")
@click.option("--images", help="With --control: the pictures that runs send.  [demo]")
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="With --control: where runs are put.",
)
@click.option("--terminal", is_flag=True, help="Show the same in this terminal, without a server.")
@json_option
def command(
    run: Path | None,
    bus: str | None,
    keys: Path | None,
    host: str,
    port: int,
    token: str | None,
    control: bool,
    base: Path | None,
    images: str | None,
    runs: Path,
    terminal: bool,
    as_json: bool,
) -> None:
    """Nodes, pictures, PSNR, constellations, channels, spectrum and events of a run, as it happens or from its folder.

    \b
    Examples:
      semnoma-hil dashboard --run run1                        a run on this machine, going on or finished
      semnoma-hil dashboard --bus tcp://127.0.0.1:5555        a coordinator started by hand
      semnoma-hil dashboard --control                         start and stop simulated runs from the page
      semnoma-hil dashboard --host 0.0.0.0 --run run1         for others too; prints a token
    """
    from hil.cli.options.live import open_feed
    from hil.errors import UsageError

    if terminal:
        from hil.live.terminal import show

        with contextlib.closing(open_feed(run, bus, keys, control=False)) as feed:
            show(feed.state)
        return
    try:
        from hil.live.serve import Site, serve
    except ImportError as error:
        raise UsageError(f'the page needs {error.name}: pip install "semnoma-hil[live]".') from None
    from hil.live.access import MIN_TOKEN, Access, is_loopback_host

    if token is not None and len(token) < MIN_TOKEN:
        raise UsageError(f"--token has {len(token)} characters and needs at least {MIN_TOKEN}.")
    made = token is None and not is_loopback_host(host)
    if made:
        token = secrets.token_urlsafe(24)
    with contextlib.closing(open_feed(run, bus, keys, control)) as feed, contextlib.ExitStack() as stack:
        controller = None
        if control:
            from hil.live.control import RunControl

            controller = stack.enter_context(contextlib.closing(RunControl(feed, runs, base, images)))
        query = f"/?token={token}" if made else "/"

        def listening(url: str) -> None:
            answer(as_json, {"url": url + query}, url + query)

        serve(Site(feed.state, Access(host, token), controller), host, port, listening)
