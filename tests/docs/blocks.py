"""Code blocks of the documentation with the comments above them; see docs/reference/checked-commands.md."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
UNMARKED = ("README.md", "docs/lab.md", "docs/results.md", "docs/codecs.md")  # need radios, test sets, hours

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_COMMENT = re.compile(r"<!-- (run: slow|run|not run: [^>]+|file: \S+) -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """mark: 'run', 'run: slow', 'not run: ...', 'file: NAME' or ''. line: of its first line of code."""

    page: str
    line: int
    language: str
    mark: str
    text: str


def pages():
    """Every page of the site, and the README, as paths relative to the repository."""
    found = [path for path in sorted(DOCS.rglob("*.md"))]
    return ["README.md", *(str(path.relative_to(ROOT)) for path in found)]


def blocks(page):
    """Fenced blocks, and indented ones that hold commands."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        comment = _COMMENT.search(text[: match.start()])
        mark = comment.group(1) if comment else ""
        line = text.count("\n", 0, match.start()) + 2
        found.append(Block(page, line, match.group(1), mark, match.group(2)))
    outside = _FENCE.sub(lambda match: "\n" * match.group(0).count("\n"), text)
    for number, line in enumerate(outside.splitlines(), 1):
        if line.startswith("    semnoma-hil "):
            found.append(Block(page, number, "sh", "", _continued(outside.splitlines()[number - 1 :])))
    return found


def commands(text):
    """The words of each command, also within a pipeline, without comments and environment settings."""
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        while "|" in words:
            yield words[: words.index("|")]
            words = words[words.index("|") + 1 :]
        if words:
            yield words


def _continued(lines):
    taken = []
    for line in lines:
        taken.append(line)
        if not line.endswith("\\"):
            break
    return "\n".join(taken) + "\n"
