"""Options of object storage: by whatever name, from wherever, for both libraries."""

import json

import pytest

from mediafm.errors import UsageError
from mediafm.storage import OPTIONS_VARIABLE, is_remote, lance_options, own_options, parse_options, set_options
from mediafm.storage.options import system_options


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(OPTIONS_VARIABLE, "")


def test_addresses_and_paths() -> None:
    assert is_remote("s3://bucket/x") and is_remote("gs://bucket/x")
    assert not is_remote("/films/x") and not is_remote("file:///films/x") and not is_remote("films")
    assert lance_options("/a/folder") is None and lance_options("s3://bucket/x") == {}


def test_pairs_are_parsed_and_a_half_secret_is_not_repeated() -> None:
    assert parse_options(["AWS_Region=eu-west-1", "aws_secret_access_key=a=b"]) == {
        "aws_region": "eu-west-1",
        "aws_secret_access_key": "a=b",
    }
    with pytest.raises(UsageError) as error:
        parse_options(["hunter2"])
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("name", ["aws_endpoint", "endpoint", "aws_endpoint_url", "endpoint_url"])
def test_an_endpoint_has_many_names(name: str) -> None:
    set_options({name: "http://here:9000"})
    told = lance_options("s3://bucket/x")
    assert told is not None and told["aws_endpoint"] == "http://here:9000" and told["allow_http"] == "true"
    assert told["aws_region"] == "us-east-1"  # asked of Amazon otherwise
    assert system_options("s3")["endpoint_url"] == "http://here:9000"
    assert lance_options("gs://bucket/x") == {name: "http://here:9000"}  # what is not known is handed on


def test_options_count_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "from-environment")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://environment")
    told = lance_options("s3://bucket/x")
    assert told == {"aws_endpoint": "https://environment", "aws_region": "from-environment"}
    set_options({"aws_region": "mine", "aws_access_key_id": "key", "secret_access_key": "s", "skip_signature": "true"})
    assert (lance_options("s3://bucket/x") or {})["aws_region"] == "mine"
    told = system_options("s3")
    assert (told["key"], told["secret"], told["anon"]) == ("key", "s", True)
    assert told["client_kwargs"] == {"region_name": "mine"}


def test_a_key_file_of_google_is_handed_on() -> None:
    set_options({"google_service_account": "/keys/me.json"})
    assert system_options("gs") == {"token": "/keys/me.json"}


def test_a_variable_that_is_no_json_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("{", "[1]"):
        monkeypatch.setenv(OPTIONS_VARIABLE, wrong)
        with pytest.raises(UsageError, match=OPTIONS_VARIABLE):
            own_options()
    monkeypatch.setenv(OPTIONS_VARIABLE, json.dumps({"a": 1}))
    assert own_options() == {"a": "1"}
