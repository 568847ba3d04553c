"""What OpenAPI says beyond what FastAPI knows: what can go wrong with each route, and an example of every answer.

Examples are made from the schemas: fields say what theirs look like (`Field(examples=...)`), the rest follows from the
type. So a route that is added has them, too.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI

REFUSALS: dict[int, tuple[str, str, str]] = {
    400: ("The question makes no sense.", "20000 hits are more than the 1000 this service gives.", "Ask for fewer."),
    401: ("A key is needed, or this is none.", "This takes a key.", "Send `Authorization: Bearer KEY`."),
    403: ("The key may not.", "This takes a key that may write.", "Ask whoever runs the service for one."),
    404: ("There is no such thing.", "The catalog has no title 'sintel'.", "Did you mean sintel_trailer?"),
    405: ("The route takes other methods.", "Method Not Allowed", "See /v1/openapi.json for what can be asked."),
    408: ("The body was too slow.", "The body did not come within 30 s.", "Send it faster."),
    409: ("Vectors of different models would be mixed.", "Two checkpoints would be mixed.", "Name one of them."),
    413: ("The body is too large.", "The body is larger than 8388608 bytes.", "Send a smaller one."),
    414: ("The address is too long.", "The address is too long.", "POST /v1/search takes long questions."),
    422: (
        "The request has not the form it should.",
        "query.limit: Input should be less than or equal to 1000",
        "See /v1/openapi.json.",
    ),
    429: ("Too many requests.", "These are more requests than one caller may make.", "Wait, and ask less often."),
    431: ("The headers are too long.", "There is too much in the headers.", "Send fewer of them."),
    500: ("The service is broken.", "Something in the service is broken.", "Tell whoever runs it this request's id."),
    503: (
        "No room, or being stopped.",
        "There are 32 requests at work already, and more than enough that wait.",
        "Come again in a moment.",
    ),
}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_METHODS = {"get", "post", "put", "delete", "patch", "head"}
_DEEP = 8  # levels of a schema that an example goes into


def describe(app: FastAPI) -> None:
    """Complete the application's description, whenever it is first asked for."""
    made: Callable[[], dict[str, Any]] = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(made())
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]


def completed(description: dict[str, Any]) -> dict[str, Any]:
    """The description with refusals and examples; changed in place."""
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for path in description["paths"].values():
        for method, operation in path.items():
            if method in _METHODS:
                _complete(operation, schemas)
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    return description


def _complete(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    responses = operation["responses"]
    for code in REFUSALS:
        if code != 422 or "422" in responses:
            responses[str(code)] = {**responses.get(str(code), {}), **_refusal(code)}
    for response in responses.values():
        for kind, content in response.get("content", {}).items():
            if kind == "application/json" and not {"example", "examples"} & content.keys():
                content["example"] = example_of(content.get("schema", {}), schemas)
    body = operation.get("requestBody", {}).get("content", {})
    for kind, content in body.items():
        if kind == "application/json" and not {"example", "examples"} & content.keys():
            content["example"] = example_of(content.get("schema", {}), schemas)


def _refusal(code: int) -> dict[str, Any]:
    what, message, remedy = REFUSALS[code]
    example = {"error": {"message": message, "remedy": remedy, "request_id": "9f1c2a7be03d4856"}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}, "example": example}}
    return {"description": what, "content": content} | ({"headers": _RETRY} if code in (429, 503) else {})


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0) -> Any:
    """A value that fits a JSON schema: its own example, its default, or the plainest of its type."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for known in ("example", "const", "default"):
        if known in schema:
            return schema[known]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example_of(schema[choice][0], schemas, depth)
    return _plainest(schema, schemas, depth)


def _plainest(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        if depth > _DEEP:
            return {}
        return {name: example_of(one, schemas, depth + 1) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        several = schema.get("prefixItems") or [schema.get("items", {})] * max(1, schema.get("minItems", 1))
        return [] if depth > _DEEP else [example_of(one, schemas, depth + 1) for one in several]
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", 0))
    return {"string": "text", "boolean": False, "null": None}.get(str(kind))
