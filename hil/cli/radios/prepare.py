"""`semnoma-hil prepare`: compile what the first run would wait for."""

import time

import click

from hil.cli.options.answer import answer, json_option


@click.command("prepare")
@json_option
def command(as_json: bool) -> None:
    """Compile the hot loops of receiver and simulated air and keep them, so that the first picture does not wait.

    `make` does this when it sets up. After an update only what changed is compiled anew.

    \b
    Example:
      semnoma-hil prepare
    """
    from hil.diagnosis.prepare import steps

    done = {}
    waiting = list(steps())
    for number, (what, compile_it) in enumerate(waiting, 1):
        click.echo(f"compiling {number} of {len(waiting)}: {what}", err=True)
        began = time.monotonic()
        compile_it()
        done[what] = round(time.monotonic() - began, 2)
    nothing = 'numba is not installed, so there is nothing to compile: pip install "semnoma-hil[fast]".'
    answer(as_json, {"compiled_s": done}, f"ready after {sum(done.values()):.1f} s" if done else nothing)
