"""The worked example of the page "Add a modality", as the page has it."""

from hil.modality import choice
from tests.docs.blocks import blocks


def sensors():
    """Its class."""
    [source] = [one.text for one in blocks("docs/howto/add-modality.md") if one.mark == "file: sensors/sensors.py"]
    page = {"__name__": "sensors"}
    exec(source, page)
    return page["Sensors"]


def install(monkeypatch, **classes):
    """As if a package that adds these had been installed."""
    known = choice.installed

    monkeypatch.setattr(choice, "installed", lambda group: {**known(group), **classes})
    monkeypatch.setattr(choice, "load", lambda group, name: classes[name])
