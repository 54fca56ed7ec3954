"""Which tests wait for whole jobs, trainings or builds (`slow`), and which prove at length (`proof`).

Single tests are marked `proof` where they stand. `make test-fast` runs what is neither, `make test` all but the proofs,
`make proof` the proofs.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.browser import browser  # noqa: F401 - a fixture

# No property holds only on a quick machine: hypothesis by itself gives an example 200 ms, and its making a second.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

HERE = Path(__file__).resolve().parent
PROOF = (
    "proof/test_coordinator_dies.py",
    "proof/test_hosts.py",
    "proof/test_one_gpu.py",
    "proof/test_rough_weather.py",
)
SLOW = (
    "calibration/test_alignment.py",
    "calibration/test_procedure.py",
    "calibration/test_repeating_bench.py",
    "docs/test_commands.py",
    "docs/test_site.py",
    "hil/calibrating",
    "hil/diagnosis",
    "hil/experiments/test_experiment.py",
    "hil/experiments/test_interrupted.py",
    "hil/experiments/test_ray.py",
    "hil/lab/test_lab.py",
    "hil/live/test_browser.py",
    "hil/live/test_observers.py",
    "hil/live/test_server.py",
    "hil/nodes/test_devices.py",
    "hil/nodes/test_emulated_plutos.py",
    "hil/nodes/test_soapy_job.py",
    "hil/nodes/test_zmq_job.py",
    "hil/phy_sweep",
    "hil/report/test_phone.py",
    "hil/results/test_resume_and_disk.py",
    "hil/session/test_session_control.py",
    "hil/supervise",
    "hil/twin",
    "hil/video/test_loopback.py",
    "models/adapting",
    "models/codecs/test_adaptive.py",
    "models/codecs/test_convnext.py",
    "models/evaluation",
    "models/export",
    "models/package/test_zoo.py",
    "models/refiner",
    "models/test_own_codec.py",
    "models/training",
    "proof",
    "radio/waveform/reception/test_cancellation.py",
    "test_packaging.py",
    "test_shadowing.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files of which the marker expression leaves nothing are not even imported: every worker would import them all."""
    place, wanted = collection_path.relative_to(HERE).as_posix(), config.option.markexpr
    if ("not slow" in wanted and place in SLOW) or ("not proof" in wanted and place in PROOF):
        return True
    if wanted == "slow" and collection_path.suffix == ".py":
        around = {path.as_posix() for path in (Path(place), *Path(place).parents)}
        return True if not around & set(SLOW) and "slow" not in collection_path.read_text(encoding="utf-8") else None
    return None


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [place for place in (*PROOF, *SLOW) if not (HERE / place).exists()]
    assert not missing, f"tests/conftest.py names what is not there: {missing}"
    for item in items:
        path = item.path.relative_to(HERE)
        places = {place.as_posix() for place in (path, *path.parents)}
        if places & set(PROOF):
            item.add_marker(pytest.mark.proof)
        elif item.get_closest_marker("proof"):
            continue
        elif places & set(SLOW):
            item.add_marker(pytest.mark.slow)
