"""The command as it was typed, for the files that tell how they were made."""

import re
import shlex
import sys


def typed_command() -> str:
    """As for a shell, without the folders of files, which are nobody's business."""
    words = [re.sub(r"[^,=]*/(?=[^/,])", "", word) for word in sys.argv[1:]]
    return shlex.join(["semnoma-hil", *words])
