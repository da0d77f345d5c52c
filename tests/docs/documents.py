"""The project's documents, and the blocks and commands in them."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
SPACES = sorted((ROOT / "search_spaces").glob("**/*.yaml"))

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A comment of a space file such as "# Launch:  python -m tuner.run --space NAME".
_IN_COMMENT = re.compile(r"^#\s+[A-Za-z ]+:\s+(python -m .*)$", re.MULTILINE)
_INLINE = re.compile(r"`((?:tuner|make|python -m) [^`\n]+)`")


class Block(NamedTuple):
    """A fenced block of a page: its language and its text."""

    language: str
    text: str


class Command(NamedTuple):
    """A command of a page, as words, and the file that its output goes to, if any."""

    words: list[str]
    redirect: str | None

    def __str__(self) -> str:
        return shlex.join(self.words)


def name_of(path: Path) -> str:
    """Return a file's path from the project's folder, for the names of tests."""
    return str(path.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the fenced blocks of a page that are in one of some languages."""
    found = [Block(*match.groups()) for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))]
    return [block for block in found if block.language in languages]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> list[Command]:
    """Return the commands of a page's bash blocks, or of a space file's comments, in their order."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".yaml":
        lines = _IN_COMMENT.findall(text)
    else:
        lines = [line for block in blocks(page, "bash") for line in block.text.replace("\\\n", " ").splitlines()]
    return [_command(line) for line in lines if line.strip()]


def inline_commands(page: Path) -> list[str]:
    """Return the commands that a page's prose names: `tuner COMMAND`, `make TARGET`, `python -m MODULE`."""
    return _INLINE.findall(prose(page))


def _command(line: str) -> Command:
    words = shlex.split(line, comments=True)
    if ">" not in words:
        return Command(words, None)
    place = words.index(">")
    return Command(words[:place], words[place + 1])
