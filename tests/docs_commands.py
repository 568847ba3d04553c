"""Is a command that a page shows one that there is? Held against the Typer application, Makefile and benchmarks."""

import re
from typing import Any

from typer.main import get_command

from docs_pages import OTHERS, ROOT
from mediafm.cli.app import app


def complaint(words: list[str]) -> str:
    """What is wrong with a command; "" where nothing is or nothing can be known."""
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if not words or words[0] in OTHERS:
        return ""
    match words:
        case ["mediafm" | ".venv/bin/mediafm", *rest]:
            return _of_mediafm(rest)
        case ["python" | ".venv/bin/python", "-m", "mediafm", *rest]:
            return _of_mediafm(rest)
        case ["torchrun", *rest] if "mediafm" in rest:
            return _of_mediafm(rest[rest.index("mediafm") + 1 :])
        case ["python" | ".venv/bin/python", script, *rest] if script.startswith(("benchmarks/", "examples/")):
            return _of_benchmark(script, rest)
        case ["python", *_]:
            return ""
        case ["make", *targets]:
            made = (ROOT / "Makefile").read_text(encoding="utf-8")
            missing = [t for t in targets if "=" not in t and not re.search(rf"^{re.escape(t)}:", made, re.M)]
            return f"no such target: {missing}" if missing else ""
    return f"unknown program {words[0]}"


def _of_mediafm(arguments: list[str]) -> str:
    """Parse as the program does, up to but without calling the command."""
    command, name = get_command(app), "mediafm"
    rest = _without_global(arguments)
    if rest in (["--help"], ["--version"]):
        return ""
    while hasattr(command, "commands"):
        if not rest or rest[0] not in command.commands:
            return f"no command {rest[:1]} in {name}"
        name, command, rest = rest[0], command.commands[rest[0]], rest[1:]
    if "--help" in rest:
        return ""
    try:
        command.make_context(name, list(rest))
    except Exception as error:
        return f"{type(error).__name__}: {getattr(error, 'message', error)}"
    return ""


def _without_global(arguments: list[str]) -> list[str]:
    rest, left = [], iter(arguments)
    for word in left:
        if word == "--storage-option":
            next(left, None)
        elif word != "--debug" and not word.startswith("--storage-option="):
            rest.append(word)
    return rest


def _of_benchmark(script: str, arguments: list[str]) -> str:
    path = ROOT / script
    if not path.exists():
        return f"{script} is not there"
    sources = [path] if path.is_file() else list(path.glob("*.py"))
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
    unknown = [a for a in ours if a.startswith("--") and f'"{a.split("=")[0]}"' not in text]
    return f"{script} has no option {unknown}" if unknown else ""


def options_of(name: str) -> set[str] | None:
    """All options of a command, for those that prose names; None: no such command."""
    command: Any = get_command(app)
    for part in name.split():
        if not hasattr(command, "commands") or part not in command.commands:
            return None
        command = command.commands[part]
    return {o for p in command.params for o in [*p.opts, *p.secondary_opts]} | {"--debug", "--storage-option", "--help"}
