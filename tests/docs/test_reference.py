"""The reference pages that every build makes: no command, option, route or public module is left out."""

import sys
from importlib import import_module
from importlib.util import find_spec

import pytest
from typer.main import get_command

from docs_pages import ROOT
from mediafm.cli.app import app

sys.path.insert(0, str(ROOT / "docs_site"))

import cli_pages
import http_pages
import python_pages


def test_every_command_has_a_section_with_all_its_options() -> None:
    page = cli_pages.command_pages()
    sections = {part.split("\n", 1)[0]: part for part in page.split("\n## ")[1:]}
    commands = cli_pages._commands(get_command(app))
    assert set(sections) == set(commands) and "keys add" in sections
    for name, command in commands.items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert all(f"`{option}`" in sections[name] for option in parameter.opts), (name, parameter.name)


def test_defaults_and_choices_are_told() -> None:
    page = cli_pages.command_pages()
    section = page[page.index("\n## search\n") : page.index("\n## search-across\n")]
    assert "| `-k` `--k` | whole number | `10` |" in section
    assert "| `--unit` | `shot` or `clip` or `title` | `shot` |" in section
    assert "**required**" in section


def test_every_route_has_a_section() -> None:
    document = http_pages.openapi_document()
    page = http_pages.http_page()
    for path, methods in document["paths"].items():
        assert all(f"`{m.upper()} {path}`" in page for m in methods if m in http_pages._METHODS)
    for name in document["components"]["schemas"]:
        assert f"### {name}\n" in page


@pytest.mark.parametrize("name", sorted(python_pages.PAGES))
def test_public_modules_are_there_and_in_the_menu(name: str) -> None:
    assert f"reference/python/{name}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for module in filter(find_spec, python_pages.PAGES[name][2]):
        found = import_module(module)
        assert found.__doc__, module
        for exported in getattr(found, "__all__", []):
            assert hasattr(found, exported)
