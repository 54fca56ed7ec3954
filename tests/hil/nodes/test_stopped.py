"""A signal in the middle of a library's work ends the node; it is not taken for the library's fault."""

import os
import signal
import time

import numpy as np
import pytest

from hil.nodes.node import Stopped, stop_on_signals
from models.errors import ModelError
from models.images.files import FileImages
from models.runtime.encoder import run_session


@pytest.fixture(autouse=True)
def handlers():
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stop_on_signals()
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def terminated(*_arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5.0)
    raise OSError("no signal came")


def test_sigterm_while_a_network_runs_is_no_model_error():
    class Session:
        run = terminated

    with pytest.raises(Stopped, match="SIGTERM"):
        run_session(Session(), {"image": np.zeros(1, np.float32)})


def test_sigterm_while_a_picture_is_read_is_no_model_error(monkeypatch, tmp_path):
    monkeypatch.setattr("models.images.files.Image.open", terminated)
    with pytest.raises(Stopped, match="SIGTERM"):
        FileImages([tmp_path / "a.png"], 64)[0]


def test_a_fault_of_the_network_still_is_one():
    class Session:
        def run(self, *_arguments):
            raise RuntimeError("bad shape")

    with pytest.raises(ModelError, match="bad shape"):
        run_session(Session(), {"image": np.zeros(1, np.float32)})
