"""Radios that a test opens and that are closed after it."""

from contextlib import ExitStack, contextmanager

from radio.safety.open import open_radio


@contextmanager
def opening(guard, **options):
    """A function (uri, role, settings) -> open radio, configured where settings are given."""
    with ExitStack() as closing:

        def open_one(uri, role, settings):
            radio = open_radio(uri, role=role, guard=guard, **options)
            closing.callback(radio.close)
            if settings is not None:
                radio.configure(settings)
            return radio

        yield open_one
