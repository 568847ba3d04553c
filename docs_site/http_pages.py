"""The HTTP API's reference, from the OpenAPI document that the service itself gives."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

_INTRO = """# HTTP API

Made from the document that a running service gives at `/v1/openapi.json`; feed that to any OpenAPI tool. How to run the
service, and how callers say who they are: [Service and page](../serve.md), [Deploy the service](../deploy.md).

Every refusal has one form, whatever was asked: `{"error": {"message": ..., "remedy": ..., "request_id": ...}}` with a
status of 400 (the question makes no sense), 401 or 403 (who are you, may you), 404 (no such thing), 409 (not now), 413
(too large), 422 (a parameter is not what it should be), 429 (too many requests; `Retry-After` says how long to wait) or
503 (too much at work at the same time).

"""
_METHODS = ("get", "post", "put", "patch", "delete")


def http_page() -> str:
    """The page, as Markdown."""
    document = openapi_document()
    parts = []
    for path, methods in document["paths"].items():
        parts += [_operation(document, path, m, methods[m]) for m in _METHODS if m in methods]
    parts.append("## Forms\n\nWhat answers and bodies are made of.")
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.append(f"### {name}\n\n{_about(schema)}{_fields(schema)}")
    return _INTRO + "\n\n".join(parts) + "\n"


def openapi_document() -> dict[str, Any]:
    """What `/v1/openapi.json` says, asked of a service of an empty catalog."""
    from starlette.testclient import TestClient

    from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec
    from mediafm.serve import ServeOptions
    from mediafm.serve.app import make_app

    before = os.environ.get("MEDIAFM_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEDIAFM_CACHE"] = str(Path(folder) / "cache")
        try:
            uri = str(Path(folder) / "empty.catalog")
            Catalog.create(uri, CatalogSpec("none", "none", {"video": EncoderSpec("none", 1, "none")}))
            with TestClient(make_app(uri, ServeOptions()), base_url="http://127.0.0.1") as client:
                found: dict[str, Any] = client.get("/v1/openapi.json").json()
        finally:
            os.environ.pop("MEDIAFM_CACHE") if before is None else os.environ.update(MEDIAFM_CACHE=before)
    return found


def _operation(document: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> str:
    parts = [f"## `{method.upper()} {path}`", told.get("description") or told.get("summary", "")]
    rows = [_parameter(p) for p in told.get("parameters", [])]
    if rows:
        parts.append("| parameter | in | is | default | |\n|---|---|---|---|---|\n" + "\n".join(rows))
    for kind, content in told.get("requestBody", {}).get("content", {}).items():
        parts.append(f"Body: `{kind}`, {_kind(content.get('schema', {}))}.")
    answers = told.get("responses", {}).get("200", {}).get("content", {})
    for kind, content in answers.items():
        schema = content.get("schema", {})
        parts.append(f"Answer: `{kind}`" + (f", {_kind(schema)}." if schema else "."))
        for example in _examples(content):
            parts.append(f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```")
    return "\n\n".join(p for p in parts if p)


def _examples(content: dict[str, Any]) -> list[Any]:
    named = [e["value"] for e in content.get("examples", {}).values() if "value" in e]
    return [*([content["example"]] if "example" in content else []), *named][:2]


def _parameter(told: dict[str, Any]) -> str:
    schema = told.get("schema", {})
    about = told.get("description") or schema.get("description", "")
    default = "**required**" if told.get("required") else _value(schema.get("default"))
    cells = [f"`{told['name']}`", told["in"], _kind(schema), default, _cell(about)]
    return "| " + " | ".join(cells) + " |"


def _fields(schema: dict[str, Any]) -> str:
    rows = []
    required = set(schema.get("required", []))
    for name, told in schema.get("properties", {}).items():
        default = "**always**" if name in required else _value(told.get("default"))
        rows.append(f"| `{name}` | {_kind(told)} | {default} | {_cell(told.get('description', ''))} |")
    return "| field | is | default | |\n|---|---|---|---|\n" + "\n".join(rows) if rows else ""


def _about(schema: dict[str, Any]) -> str:
    return f"{schema['description']}\n\n" if schema.get("description") else ""


def _kind(schema: dict[str, Any]) -> str:
    """What a value may be, in words, with its limits."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    several = [s for s in schema.get("anyOf", []) if s.get("type") != "null"]
    if several:
        return " or ".join(_kind(s) for s in several)
    if "enum" in schema:
        return " or ".join(f"`{v}`" for v in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    return _cell(" ".join([str(schema.get("type", "anything")), ", ".join(limits)]))


_LIMITS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "minLength": "at least",
    "maxLength": "at most",
    "pattern": "like",
}


def _value(value: Any) -> str:
    return "" if value is None or value == "" else f"`{_cell(str(value))}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").strip()
