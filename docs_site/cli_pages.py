"""The command line's reference, from the Typer application itself: every command, argument, option and default."""

import re
from typing import Any, get_args, get_origin

from typer.main import get_command

from mediafm.cli.app import app

_INTRO = """# Command line

Made from the program itself; `mediafm COMMAND --help` says the same. `mediafm` stands for the command that installing
puts beside Python; `python -m mediafm` is the same thing.

**Every command** also takes `--json` where it has a result (one document on standard output, progress on standard
error), `--debug` (the traceback of an error) and `--storage-option KEY=VALUE` (for `s3://` and `gs://`, as often as
needed). **Exit status**: 0 all well, 1 something failed and is named, 2 wrong use, 130 stopped by Ctrl-C.

"""
_SHORT = {"str": "text", "int": "whole number", "float": "number", "Path": "path", "bool": "", "NoneType": ""}


def command_pages() -> str:
    """The page, as Markdown."""
    sections = []
    for name, command in sorted(_commands(get_command(app)).items()):
        sections.append(_section(name, command))
    return _INTRO + "\n\n".join(sections) + "\n"


def _commands(group: Any, before: str = "") -> dict[str, Any]:
    """Name -> command, those of groups under `group command`."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = _commands(command, f"{name} ") if hasattr(command, "commands") else {f"{before}{name}": command}
        found.update(inner)
    return found


def _section(name: str, command: Any) -> str:
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    options = [p for p in shown if p.param_type_name == "option"]
    usage = " ".join(["mediafm", name, *(_usage(p) for p in [*arguments, *(o for o in options if o.required)])])
    parts = [f"## {name}", command.help or "", f"```text\n{usage}{' [OPTIONS]' if options else ''}\n```"]
    if shown:
        rows = [_row(p) for p in [*arguments, *options]]
        parts.append("| | takes | default | |\n|---|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts)


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "option":
        return f"{parameter.opts[0]} {parameter.name.upper()}"
    name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> str:
    argument = parameter.param_type_name == "argument"
    names = [parameter.name.upper()] if argument else [*parameter.opts, *parameter.secondary_opts]
    takes, default = _takes(parameter), _default(parameter)
    cells = [" ".join(f"`{n}`" for n in names), takes, default, _cell(parameter.help or "")]
    return "| " + " | ".join(cells) + " |"


def _takes(parameter: Any) -> str:
    """What a value may be, in words: the choices where there are some."""
    if getattr(parameter, "is_flag", False):
        return "flag"
    kinds = [_kind(t) for t in _plain(parameter.type_descriptor.annotation)]
    several = ", as often as needed" if getattr(parameter, "multiple", False) or parameter.nargs == -1 else ""
    return _cell(" or ".join(k for k in kinds if k) + several)


def _plain(annotation: Any) -> list[Any]:
    """The types inside `list[X]`, `X | None` and `Literal[...]`; a Literal's are its values."""
    args = get_args(annotation)
    if not args:
        return [annotation]
    if "Literal" in str(get_origin(annotation)):
        return list(args)
    return [inner for arg in args for inner in _plain(arg)]


def _kind(kind: Any) -> str:
    return f"`{kind}`" if isinstance(kind, str) else _SHORT.get(getattr(kind, "__name__", ""), "value")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "**required**"
    value = parameter.default
    if value is None or value is False or value == "" or value == [] or value == ():
        return ""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return f"`{_cell(str(value))}`"


def _cell(text: str) -> str:
    """Text that a cell of a Markdown table can hold; placeholders such as <path> stay visible."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").strip()
