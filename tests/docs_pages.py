"""The pages as data: their fenced blocks, with the mark that an HTML comment before a block gives it.

<!-- not run: why -->       the next block is checked, but the runner leaves it out
<!-- page not run: why -->  the same for all blocks of the page
<!-- exits 2 -->            the next block's last command ends with this status
<!-- serves -->             the next block's first command serves until the page ends or another one does
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
SHELL = {"", "sh", "bash", "console"}
OURS = {"mediafm", "make", "python", "torchrun", ".venv/bin/mediafm", ".venv/bin/python"}
# Programs of others that pages show: nothing is known of their options here.
OTHERS = {
    "source", "export", "pip", "ray", "curl", "ffmpeg", "docker", "openssl", "systemctl", "systemd-analyze", "nginx",
    "hf", "cd", "mkdir", "cp", "ls", "cat", "open", "jupyter", "sudo", "head", "kill", "sleep", "tail", "nvidia-smi",
}  # fmt: skip
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[\w-]*)[^\n`]*\n(?P<text>.*?)^(?P=indent)```\s*$", re.M | re.S)
_MARK = re.compile(r"<!--\s*(not run: [^>]+?|exits \d+|serves|file: \S+)\s*-->\s*\Z")
_PAGE_MARK = re.compile(r"<!--\s*page not run: ([^>]+?)\s*-->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it begins, its language ("" where none is said), its text and its mark ("" without)."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Whether the runner takes it: not where it is marked, and not the benchmarks, which take hours."""
        return not self.mark.startswith("not run") and "python benchmarks/" not in self.text

    @property
    def file(self) -> str:
        """The name of the file that the block is; "": none."""
        if self.mark.startswith("file: "):
            return self.mark.removeprefix("file: ")
        first = re.match(r"# ([\w-]+\.(?:py|toml|csv))(?: .*)?\n", self.text)
        return first[1] if first and self.language in {"python", "toml", "csv"} else ""

    @property
    def is_commands(self) -> bool:
        """Whether the block is for a shell: said so, or every line of a block without language is a command."""
        lines = command_lines(self.text)
        known = all(line.split()[0] in OURS | OTHERS for line in lines)
        return bool(lines) and (self.language in SHELL - {""} or (self.language == "" and known))

    @property
    def status(self) -> int:
        return int(self.mark.split()[1]) if self.mark.startswith("exits") else 0


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        mark = _MARK.search(text[: fence.start()].rstrip() + "")
        cut = len(fence["indent"])
        lines = "".join(line[cut:] for line in fence["text"].splitlines(keepends=True))
        number = text.count("\n", 0, fence.start()) + 1
        found.append(Block(page, number, fence["info"], lines, mark[1] if mark else ""))
    return found


def why_not_run(page: Path) -> str:
    """What the page says of why none of it is run; "" where it is."""
    mark = _PAGE_MARK.search(page.read_text(encoding="utf-8"))
    return mark[1] if mark else ""


def without_blocks(page: Path) -> str:
    """The page's prose."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def command_lines(text: str) -> list[str]:
    """The commands of a shell block, one a line: continuation lines joined, prompts and comments taken off."""
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = [re.sub(r"^\$ ", "", line).strip() for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def words_of(line: str) -> list[str]:
    """A command's words up to the first pipe, redirection or `;`. Brackets of a usage line are taken off."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words = []
    for word in lexer:
        if set(word) <= set("|&;<>"):
            break
        words.append(word)
    return words
