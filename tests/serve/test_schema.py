"""The whole API under generated requests: never a 5xx, and every answer as declared."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup

from mediafm.serve.describing import REFUSALS
from mediafm.serve.keys import add_key
from serve_processes import serving

load_all_checks()
# Left to a test of its own: it would make all that follow 503.
DRAIN = "/v1/admin/drain"


@pytest.fixture(scope="module")
def service(
    served: Path, films: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a service with everything switched on is, and the headers of an admin."""
    folder = tmp_path_factory.mktemp("schema")
    key = add_key(folder / "keys", "root", "admin")
    options = ["--keys", str(folder / "keys"), "--audit", str(folder / "audit"), "--films", str(films)]
    with serving(served, folder, *options, "--rate", "1000000", "--most-hits", "20") as running:
        headers = {"authorization": f"Bearer {key}"}
        httpx2.get(f"{running.base}/v1/search?words=x", headers=headers, timeout=120)  # loads what reads words
        yield running.base, headers


@pytest.fixture(scope="module")
def api(service: tuple[str, dict[str, str]]) -> Any:
    base, headers = service
    # Values may be so long that the address as a whole is: 414, which the library does not take for a rejection.
    refused = {"negative_data_rejection": {"expected-statuses": ["4XX"]}}
    config = schemathesis.Config.from_dict({"checks": refused})
    loaded = schemathesis.openapi.from_url(f"{base}/v1/openapi.json", headers=headers, config=config)
    return loaded.exclude(path=DRAIN).exclude(path="/v1/jobs/{job}/events")


def fuzzed(api: Any, headers: dict[str, str], examples: int) -> list[str]:
    """What was wrong, a line each. Half of the requests are as declared, half break the declaration on purpose."""
    leave_out = CHECKS.get_by_names(["positive_data_acceptance", "ignored_auth"])
    wrong = []
    for result in api.get_all_operations():
        operation = result.ok()
        for mode in GenerationMode:

            @seed(0)
            @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def one(case: Any) -> None:
                case.call_and_validate(headers=headers, excluded_checks=leave_out, timeout=120)

            try:
                one()
            except Unsatisfiable:
                continue  # nothing can be wrong with a request that takes nothing
            except (AssertionError, FailureGroup, Failure) as error:
                said = "; ".join(str(e) for e in getattr(error, "exceptions", [error]))
                wrong.append(f"{operation.label} ({mode.value}): {said}")
    return wrong


def test_a_few_requests_to_every_route(api: Any, service: tuple[str, dict[str, str]]) -> None:
    assert fuzzed(api, service[1], 3) == []


@pytest.mark.slow
def test_many_requests_to_every_route(api: Any, service: tuple[str, dict[str, str]]) -> None:
    found = fuzzed(api, service[1], 100)
    assert not found, "\n".join(found)


def test_every_route_and_refusal_has_an_example_that_fits(service: tuple[str, dict[str, str]]) -> None:
    document = httpx2.get(f"{service[0]}/v1/openapi.json", headers=service[1]).json()
    parts = {"components": document["components"]}
    fitted = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("description"), where
            assert {str(code) for code in REFUSALS if code != 422} <= operation["responses"].keys(), where
            contents = [response.get("content", {}) for response in operation["responses"].values()]
            for content in [*contents, operation.get("requestBody", {}).get("content", {})]:
                for kind, told in content.items():
                    if kind == "application/json":
                        rules = {**told["schema"], **parts}
                        jsonschema_rs.validator_for(rules).validate(told["example"])
                        fitted += 1
    assert fitted > 200
