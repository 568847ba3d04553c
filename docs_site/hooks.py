"""MkDocs hooks: the reference pages, made from the code at every build, so that they say only what it does."""

from cli_pages import command_pages
from http_pages import http_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from python_pages import python_pages


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add `reference/cli.md`, `reference/http.md` and the pages of the Python API."""
    pages = {"reference/cli.md": command_pages(), "reference/http.md": http_page(), **python_pages()}
    for address, text in pages.items():
        files.append(File.generated(config, address, content=text))
    return files
