"""What the pages show is there: commands and their options, files, links, names of Python, TOML that parses."""

import ast
import re
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from markdown.extensions.toc import slugify

from docs_commands import complaint, options_of
from docs_pages import DOCS, OTHERS, OURS, PAGES, ROOT, SHELL, blocks, command_lines, page_id, without_blocks, words_of

# Packages that pages speak of and that are no dependency of ours, and modules that a page itself writes.
FOREIGN = {"fiftyone", "datasets", "palette"}
GENERATED = re.compile(r"reference/(cli|http|python/\w+)\.md$")

pages = pytest.mark.parametrize("page", PAGES, ids=page_id)


@pages
def test_every_command_is_one_that_there_is(page: Path) -> None:
    wrong = []
    for block in blocks(page):
        if block.language not in SHELL:
            continue
        for line in command_lines(block.text):
            words = words_of(line) if line.split()[0] in OURS | OTHERS or block.language else []
            if trouble := complaint(words):
                wrong.append(f"{block.where}: {line}\n    {trouble}")
    assert not wrong, "\n".join(wrong)


@pages
def test_commands_named_in_prose_have_the_options_said_of_them(page: Path) -> None:
    wrong = []
    for code in re.findall(r"(?<!`)`mediafm ([^`\n]+)`", without_blocks(page)):
        words = code.replace("[", " ").replace("]", " ").split()
        name = words[0] if len(words) < 2 or words[0] != "keys" else " ".join(words[:2])
        known = options_of(name)
        if known is None and name not in {"COMMAND", "--help", "--version", "..."}:
            wrong.append(f"mediafm {code}: no such command")
        wrong += [
            f"mediafm {code}: no option {word}"
            for word in words
            if known and word.startswith("--") and word.split("=")[0] not in known
        ]
    assert not wrong, "\n".join(wrong)


@pages
def test_python_compiles_and_imports_what_there_is(page: Path) -> None:
    wrong = []
    for block in blocks(page):
        if block.language != "python":
            continue
        for node in ast.walk(ast.parse(block.text, filename=block.where)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] not in FOREIGN:
                wrong += [
                    f"{block.where}: {node.module}.{a.name}" for a in node.names if not _is_there(node.module, a.name)
                ]
            elif isinstance(node, ast.Import):
                wrong += [
                    f"{block.where}: {a.name}"
                    for a in node.names
                    if a.name.split(".")[0] not in FOREIGN and find_spec(a.name) is None
                ]
    assert not wrong, "\n".join(wrong)


@pages
def test_dotted_names_of_ours_resolve(page: Path) -> None:
    names = set(re.findall(r"`(mediafm(?:\.\w+)+)(?:\([^`]*\))?`", without_blocks(page)))
    missing = [name for name in sorted(names - {"mediafm.encoders"}) if not _resolves(name)]
    assert not missing


@pages
def test_toml_parses(page: Path) -> None:
    wrong = []
    for block in blocks(page):
        if block.language == "toml" and "pyproject.toml of the package" not in block.text:
            try:
                tomllib.loads(block.text)
            except tomllib.TOMLDecodeError as error:
                wrong.append(f"{block.where}: {error}")
    assert not wrong


@pages
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if GENERATED.search(there.as_posix()) and there.is_relative_to(DOCS):
            continue
        if not there.exists():
            wrong.append(f"{target}: no such file")
        elif anchor and there.suffix == ".md" and anchor not in _anchors(there):
            wrong.append(f"{target}: no such heading")
    assert not wrong, "\n".join(wrong)


@pages
def test_files_of_the_repository_that_are_named_are_there(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|benchmarks|docs|examples)/[\w./-]+)`", without_blocks(page))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_is_in_the_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [p.relative_to(DOCS).as_posix() for p in PAGES if DOCS in p.parents and p.name not in menu] == []


def _anchors(page: Path) -> set[str]:
    text = without_blocks(page)
    headings = re.findall(r"^#+ +(.+?)\s*$", text, re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", heading) for heading in headings]
    said = re.findall(r"\{ ?#([\w-]+) ?\}", text)
    return {slugify(heading, "-") for heading in plain} | set(said)


def _is_there(module: str, name: str) -> bool:
    try:
        found: Any = import_module(module)
    except ImportError:
        return False
    return hasattr(found, name) or find_spec(f"{module}.{name}") is not None


def _resolves(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False
