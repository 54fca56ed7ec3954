"""The real `uhd` module: our sentence without a device, and the names that the double stands for."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMES = """
import json, uhd
listing = {name: sorted(dir(getattr(uhd.types, name))) for name in dir(uhd.types) if not name.startswith("_")}
listing |= {name: sorted(dir(getattr(uhd.usrp, name))) for name in ("MultiUSRP", "RXStreamer", "TXStreamer")}
print(json.dumps(listing))
"""
OPEN = """
import sys
import numpy, uhd  # Debian's, before this project's dependencies come behind them
sys.path += sys.argv[1:]
import radio.errors, radio.safety.open
try:
    radio.safety.open.open_radio("usrp:addr=127.0.0.1,type=usrp2", role="rx")
except radio.errors.DeviceError as error:
    print(f"sentence: {error}")
"""


def interpreter():
    """(Python, environment) in which `import uhd` works with numpy 1, or None."""
    for python in (sys.executable, "/usr/bin/python3"):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        if python == "/usr/bin/python3":
            environment["PYTHONPATH"] = str(ROOT)
        check = "import numpy, uhd; assert int(numpy.__version__.split('.')[0]) < 2"
        try:
            if subprocess.run([python, "-c", check], capture_output=True, env=environment).returncode == 0:
                return python, environment
        except OSError:
            continue
    return None


FOUND = interpreter()
pytestmark = pytest.mark.skipif(FOUND is None, reason="uhd is not installed: apt-get install python3-uhd uhd-host")


def run(code):
    python, environment = FOUND
    site = sysconfig.get_path("purelib")
    return subprocess.run([python, "-c", code, site], capture_output=True, text=True, env=environment, timeout=60)


def test_the_double_invents_no_names():
    done = run(NAMES)
    assert done.returncode == 0, done.stderr
    real = json.loads(done.stdout.splitlines()[-1])
    from tests.uhd_double import device, streamers, types_

    for name in types_.__all__:
        mine = {n for n in dir(getattr(types_, name)) if not n.startswith("_")}
        if not hasattr(getattr(types_, name), "__members__"):
            instance = {"TimeSpec": (0.0,), "TuneRequest": (1e9,), "StreamCMD": (types_.StreamMode.start_cont,)}
            instance |= {"MetaRange": (0.0, 1.0), "SensorValue": (True,)}
            made = getattr(types_, name)(*instance.get(name, ()))
            mine |= {n for n in vars(made) if not n.startswith("_")}
        assert mine - set(real[name]) <= {"lo_offset", "mode"}, name  # arguments of constructors in UHD
    for double, name in ((streamers.RXStreamer, "RXStreamer"), (streamers.TXStreamer, "TXStreamer")):
        assert {n for n in dir(double) if not n.startswith("_")} <= set(real[name])
    methods = {n for n in vars(device.MultiUSRP) if not n.startswith("_")} - {"device_s"}
    assert methods <= set(real["MultiUSRP"])
    for side in ("rx", "tx"):
        for name in ("set_{}_rate", "set_{}_freq", "set_{}_gain", "set_{}_bandwidth", "set_{}_antenna",
                     "set_{}_dc_offset", "set_{}_iq_balance", "get_{}_rates", "get_{}_freq_range",
                     "get_{}_gain_range", "get_{}_sensor_names", "get_{}_sensor", "get_{}_num_channels"):  # fmt: skip
            assert name.format(side) in real["MultiUSRP"]


def test_without_a_device_there_is_one_sentence():
    done = run(OPEN)
    assert "sentence: No USRP answers at addr=127.0.0.1,type=usrp2" in done.stdout, done.stderr
