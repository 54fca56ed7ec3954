"""A process beside a transmitter that switches it off when the transmitter's process dies without a word.

`python -m radio.safety.sentinel URI` waits for its standard input: a line means that the radio was closed in order, an
end without a line that its process was killed; then the device is opened once more and closed, which switches it off.
"""

import contextlib
import subprocess
import sys
import time

from radio.backends import added_schemes, open_unguarded
from radio.errors import RadioError
from radio.isolated import isolated_command, isolated_environment

_HARDWARE = ("pluto", "usrp", "soapy")
_ATTEMPTS, _RETRY_S = 10, 0.5


class Sentinel:
    """Watches over one open transmitter, from construction until `dismiss`."""

    def __init__(self, uri: str, index: int) -> None:
        command = isolated_command("radio.safety.sentinel", uri, str(index))
        # A session of its own: what kills the node's process group must not kill the one that tidies up.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=isolated_environment(), start_new_session=True
        )

    def dismiss(self) -> None:
        """The radio was closed in order."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # it has gone, or ends when it gets to it
                self._process.stdin.write(b"closed\n")
                self._process.stdin.close()
                self._process.wait(10)


def needs_sentinel(uri: str) -> bool:
    """Whether a transmitter at this URI may go on sending when its process is dead; an added radio is taken to."""
    scheme = uri.partition(":")[0]
    return scheme in _HARDWARE or scheme in added_schemes()


def switch_off(uri: str, index: int) -> bool:
    """Open the transmitter and close it, again and again while its dead owner is still in the way."""
    for _ in range(_ATTEMPTS):
        try:
            open_unguarded(uri, "tx", index).close()
            return True
        except RadioError:
            time.sleep(_RETRY_S)
    return False


def main() -> int:
    """Exit code 0 when there was nothing to do or the transmitter is off."""
    uri, index = sys.argv[1], int(sys.argv[2])
    if sys.stdin.readline().strip() == "closed":
        return 0
    return 0 if switch_off(uri, index) else 1


if __name__ == "__main__":
    sys.exit(main())
