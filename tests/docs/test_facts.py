"""Pages that quote the code are held to it: messages of troubleshooting, the layers of the house, its words."""

import ast
import re
from pathlib import Path

import pytest

from docs_pages import DOCS, ROOT
from test_layers import HOMES, ROWS

SOURCES = sorted((ROOT / "src/mediafm").rglob("*.py"))


@pytest.fixture(scope="module")
def texts() -> str:
    """All that the code can say: strings, with a gap where a value goes; parts written one after the other are one."""
    found = []
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(p.value if isinstance(p, ast.Constant) else "\0" for p in node.values))  # type: ignore[misc]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def quoted(page: str) -> list[str]:
    """Messages in the first column of the page's tables, and those that begin a paragraph in bold."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)`[^|]*\|", text, re.M) + re.findall(r"^\*\*`(The [^`]+)`", text, re.M)


@pytest.mark.parametrize("page", ["faq.md", "own-features.md"])
def test_messages_are_the_codes_own(page: str, texts: str) -> None:
    rows = quoted(page)
    unknown = []
    for message in (one for row in rows for one in row.split("`, `")):
        # Numbers and names stand for any value; what is left has to be in the code, word for word.
        parts = re.split(r"\.\.\.|\d+|OLD and NEW are both|'[^']*'", message)
        said = [p.strip(" .;:") for p in parts if len(p.strip(" .;:").split()) > 1]
        unknown += [f"{message}: {p}" for p in said if " " in p and p not in texts]
    assert rows and not unknown, "\n".join(unknown)


def test_architecture_shows_the_layers_that_are_held() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    shown = {
        int(row): set(re.findall(r"`(\w+)`", names)) for row, names in re.findall(r"^\| (\d) \| (.+) \|$", page, re.M)
    }
    assert shown == {number: set(names) for number, names in enumerate(ROWS)}


def test_architecture_names_the_home_of_every_library() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = page[page.index("| library | home |") : page.index("## Contracts")]
    homes = set(re.findall(r"`([\w.]+)`", table))
    assert {home for homes_of in HOMES.values() for home in homes_of} <= {h.split(".")[0] for h in homes}


def test_glossary_words_are_said_once() -> None:
    words = re.findall(r"^\| \*\*([\w ]+)\*\*", Path(DOCS / "glossary.md").read_text(encoding="utf-8"), re.M)
    assert len(words) == len(set(words)) > 30
