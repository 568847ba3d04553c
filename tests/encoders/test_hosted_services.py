"""Each service's own form: what is sent, and what counts as an answer."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hosted_server import DIMS, ENVIRONMENT, NOVA, SECRET, VERTEX
from mediafm.encoders.hosted import SERVICES, Clip, NotEvaluatedError, TwelveLabs, load_service
from mediafm.encoders.hosted.service import BadAnswerError, HostedService
from mediafm.errors import UsageError

CLIP = Clip(b"mp4" * 100, 12.3, 640, 360, True)
BASE64 = base64.b64encode(CLIP.data).decode()


@pytest.fixture(params=sorted(SERVICES))
def service(request: pytest.FixtureRequest) -> HostedService:
    return load_service(request.param)


def test_vertex_is_asked_for_one_vector_of_the_whole_clip() -> None:
    service = load_service("vertex")
    call = service.request(CLIP)
    account = service.account(ENVIRONMENT)
    assert account.headers == {"Authorization": f"Bearer {SECRET}"}
    assert account.base_url + call.path == "https://europe-west4-aiplatform.googleapis.com/v1" + VERTEX
    segment = {"startOffsetSec": 0, "endOffsetSec": 13, "intervalSec": 16}
    assert call.body == {"instances": [{"video": {"bytesBase64Encoded": BASE64, "videoSegmentConfig": segment}}]}
    longer = service.request(Clip(b"x", 59.9996, 640, 360, True)).body
    assert longer is not None
    assert longer["instances"][0]["video"]["videoSegmentConfig"]["intervalSec"] == 60


def test_nova_is_asked_for_picture_and_sound_in_one() -> None:
    service = load_service("nova")
    call = service.request(CLIP)
    account = service.account({"AWS_BEARER_TOKEN_BEDROCK": SECRET})
    assert account.headers == {"Authorization": f"Bearer {SECRET}"}
    assert account.base_url + call.path == "https://bedrock-runtime.us-east-1.amazonaws.com" + NOVA
    assert "eu-north-1" in service.account({**ENVIRONMENT, "AWS_REGION": "eu-north-1"}).base_url
    video = {"format": "mp4", "embeddingMode": "AUDIO_VIDEO_COMBINED", "source": {"bytes": BASE64}}
    assert call.body == {
        "schemaVersion": "nova-multimodal-embed-v1",
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {"embeddingPurpose": "CLASSIFICATION", "embeddingDimension": 3072, "video": video},
    }


def test_marengo_is_asked_for_one_fused_vector_of_the_whole_clip() -> None:
    service = load_service("twelvelabs")
    call, account = service.request(CLIP), service.account(ENVIRONMENT)
    assert account.headers == {"x-api-key": SECRET}
    assert account.base_url + call.path == "https://api.twelvelabs.io/v1.3/embed-v2"
    video = {
        "media_source": {"base64_string": BASE64},
        "embedding_option": ["visual", "audio", "transcription"],
        "embedding_scope": ["asset"],
        "embedding_type": ["fused_embedding"],
    }
    assert call.body == {"input_type": "video", "model_name": "marengo3.0", "video": video}
    silent = service.request(Clip(CLIP.data, 12.3, 640, 360, False)).body
    assert silent is not None
    assert silent["video"] == {
        "media_source": {"base64_string": BASE64},
        "embedding_option": ["visual"],
        "embedding_scope": ["asset"],
    }
    task = service.request(Clip(CLIP.data, 601, 640, 360, True))
    assert (task.path, task.body) == ("/embed-v2/tasks", call.body)


def test_marengo_3_5_takes_short_clips_in_its_own_form() -> None:
    service = load_service("twelvelabs", "marengo3.5")
    sources = {"media_sources": [{"media_type": "video", "base64_string": BASE64}]}
    assert service.request(CLIP).body == {
        "input_type": "multi_input",
        "model_name": "marengo3.5",
        "multi_input": sources,
    }
    assert service.fingerprint != load_service("twelvelabs").fingerprint
    vector = service.vector({"data": [{"embedding": [0.5] * 512}], "usage": {}})
    assert (vector.shape, vector.dtype, vector[0]) == ((512,), np.float32, 0.5)


@pytest.mark.parametrize(
    ("name", "seconds", "refused"),
    [
        ("vertex", 0.9, "shorter than the 1 s"),
        ("vertex", 1.0, ""),
        ("vertex", 120.0, ""),
        ("vertex", 120.01, "longer than the 120 s"),
        ("nova", 0.1, ""),
        ("nova", 30.0001, ""),  # a rounding
        ("nova", 30.2, "30.2 s is longer than the 30 s"),
        ("twelvelabs", 3.99, "shorter than the 4 s"),
        ("twelvelabs", 4.0, ""),
        ("twelvelabs", 14_401, "longer than the 14400 s"),
    ],
)
def test_lengths_that_are_not_taken(name: str, seconds: float, refused: str) -> None:
    limits = load_service(name).limits
    if not refused:
        limits.check_length(seconds)
        return
    with pytest.raises(NotEvaluatedError, match=refused):
        limits.check_length(seconds)


def test_sizes_and_shapes_that_are_not_taken() -> None:
    limits = load_service("twelvelabs").limits
    limits.check(Clip(b"x", 5, 864, 360, True))
    with pytest.raises(NotEvaluatedError, match=r"wider than the 2\.4:1"):
        limits.check(Clip(b"x", 5, 866, 360, True))
    with pytest.raises(NotEvaluatedError, match=r"wider than the 2\.4:1"):
        limits.check(Clip(b"x", 5, 360, 866, True))
    with pytest.raises(NotEvaluatedError, match=r"18\.0 MB are more than the 18\.0 MB"):
        load_service("nova").limits.check(Clip(bytes(18_000_001), 5, 640, 360, True))


def good(name: str, values: Any) -> Any:
    """The service's form of an answer with these values for a vector."""
    return {
        "vertex": {"predictions": [{"videoEmbeddings": [{"embedding": values}]}]},
        "nova": {"embeddings": [{"embeddingType": "AUDIO_VIDEO_COMBINED", "embedding": values}]},
        "twelvelabs": {"data": [{"embedding": values, "embedding_scope": "asset", "embedding_option": "fused"}]},
    }[name]


def test_only_one_good_vector_is_an_answer(service: HostedService) -> None:
    dim = DIMS[service.name]
    assert service.dim == dim
    values = np.random.default_rng(0).standard_normal(dim).tolist()
    np.testing.assert_array_equal(service.vector(good(service.name, values)), np.float32(values))
    bad: dict[str, Any] = {
        f"{dim - 1} numbers instead of {dim}": good(service.name, values[1:]),
        "NaN or an infinity": good(service.name, [*values[1:], float("nan")]),
        "all zeros": good(service.name, [0] * dim),
        "no list of numbers": good(service.name, ["0.1"] * dim),
    }
    bad["NaN"] = good(service.name, [*values[1:], 1e300])
    for words, answer in bad.items():
        with pytest.raises(BadAnswerError, match=words):
            service.vector(answer)
    for answer in ({}, [], None, 7, "x", good(service.name, None), {k: [] for k in good(service.name, values)}):
        with pytest.raises(BadAnswerError):
            service.vector(answer)
    twice = json.loads(json.dumps(good(service.name, values)))
    for key, items in twice.items():
        twice[key] = items * 2
    with pytest.raises(BadAnswerError, match=r"2 .* instead of one"):
        service.vector(twice)


def test_marengo_leaves_aside_vectors_of_parts() -> None:
    answer = good("twelvelabs", [1.0] * 512)
    answer["data"].append({"embedding": [2.0] * 512, "embedding_scope": "clip", "embedding_option": "fused"})
    assert load_service("twelvelabs").vector(answer)[0] == 1


def test_states_of_tasks() -> None:
    service = TwelveLabs()
    assert service.task_id({"_id": "7", "status": "processing"}) == "7"
    assert service.poll("7").path == "/embed-v2/tasks/7"
    assert service.task_state({"status": "processing"}).state == "processing"
    failed = service.task_state({"status": "failed", "error": {"message": "no frames"}})
    assert (failed.state, failed.reason) == ("failed", "no frames")
    for answer in ({"status": "odd"}, {}, None):
        with pytest.raises(BadAnswerError):
            service.task_state(answer)
    with pytest.raises(BadAnswerError, match="no id"):
        service.task_id({"id": 7})


def test_a_missing_key_is_named_with_a_remedy(service: HostedService) -> None:
    for value in ({}, {service.key_variable: "  "}):
        with pytest.raises(UsageError, match=service.key_variable) as raised:
            service.account({**ENVIRONMENT, service.key_variable: "", **value})
        assert f"export {service.key_variable}=" in raised.value.remedy
    with pytest.raises(UsageError, match="cannot be part of it") as raised:
        service.account({**ENVIRONMENT, service.key_variable: "abc\ndef"})
    assert "abc" not in str(raised.value)
    with pytest.raises(UsageError, match="GOOGLE_CLOUD_PROJECT"):
        load_service("vertex").account({"CLOUDSDK_AUTH_ACCESS_TOKEN": SECRET})


def test_a_key_shows_nowhere_and_travels_encrypted_only(service: HostedService) -> None:
    account = service.account(ENVIRONMENT, "http://127.0.0.1:8000/")
    assert account.base_url.startswith("http://127.0.0.1:8000")
    assert SECRET not in repr(account)
    assert account.redacted(f"bad key {SECRET}!") == "bad key ***!"
    assert service.account(ENVIRONMENT, "https://proxy.example/x").base_url.startswith("https://proxy.example/x")
    for url in ("http://proxy.example", "proxy.example", "ftp://127.0.0.1"):
        with pytest.raises(UsageError):
            service.account(ENVIRONMENT, url)


def test_prices_count_whole_seconds_and_can_be_replaced(service: HostedService) -> None:
    price = service.price
    assert price.of(12.3) == price.of(13) == pytest.approx(13 * price.usd_per_s)
    assert price.of(13.0004) == price.of(13)
    assert price.as_of and price.source
    newer = load_service(service.name, usd_per_s=0.5)
    assert newer.price.of(2) == 1
    assert newer.fingerprint == service.fingerprint
    assert load_service(service.name).price == price
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError):
            load_service(service.name, usd_per_s=wrong)


def test_unknown_services_and_models_are_refused(service: HostedService) -> None:
    with pytest.raises(UsageError, match="nova, twelvelabs, vertex"):
        load_service("clipper")
    with pytest.raises(UsageError, match="'huge'"):
        load_service(service.name, "huge")


def test_the_docs_say_what_the_code_does(service: HostedService) -> None:
    page = (Path(__file__).parents[2] / "docs" / "hosted.md").read_text("utf-8")
    for fact in (service.model, service.key_variable, f"{service.dim}", service.price.as_of):
        assert fact in page
    assert f"${service.price.usd_per_s * 60:.4g}" in page
