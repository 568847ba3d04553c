"""Amazon Nova Multimodal Embeddings on Bedrock: one vector of 3072 numbers for up to 30 seconds of picture and sound.

Read in Amazon's pages "Complete embeddings request and response schema", "Using Nova Embeddings" and "Use an Amazon
Bedrock API key" (stored copies, seen 2026-09):

- `POST https://bedrock-runtime.REGION.amazonaws.com/model/amazon.nova-2-multimodal-embeddings-v1:0/invoke` with
  `Authorization: Bearer $AWS_BEARER_TOKEN_BEDROCK`.
- `taskType` SINGLE_EMBEDDING, `singleEmbeddingParams` with `embeddingPurpose`, `embeddingDimension` (256, 384, 1024 or
  3072) and `video`: `format`, `source.bytes` in base64, `embeddingMode` AUDIO_VIDEO_COMBINED for one vector of both.
- At most 30 s of video and sound, and 25 MB a request of Bedrock.

`embeddings[0].embedding` of the answer is as published code reads it. The purpose is CLASSIFICATION, since that is
what probes do. Price: $0.0007 a second of video and $0.00014 a second of sound, as LiteLLM's table copies it from the
Bedrock console; whether both are charged for one clip is not said, so both are counted.
"""

import base64
from collections.abc import Mapping
from typing import Any

from mediafm.encoders.hosted.service import Call, Clip, HostedService, Limits, Price, field, one_of, to_vector
from mediafm.errors import UsageError
from mediafm.types import FloatArray

_MODEL = "amazon.nova-2-multimodal-embeddings-v1:0"


class Nova(HostedService):
    """Nova Multimodal Embeddings, synchronously. The region comes from AWS_REGION (us-east-1 without)."""

    name = "nova"
    vendor = "Amazon Bedrock"
    dim = 3072
    limits = Limits(min_s=0, max_s=30, max_bytes=18_000_000)  # a third more in base64
    price = Price(0.00084, "2026-09", "LiteLLM's price table: $0.0007 for video and $0.00014 for its sound")
    key_variable = "AWS_BEARER_TOKEN_BEDROCK"
    key_remedy = "Make an API key in the Bedrock console and export AWS_BEARER_TOKEN_BEDROCK=..."

    def __init__(self, model: str = "") -> None:
        if model not in ("", _MODEL):
            raise UsageError(f"There is no client for the model {model!r} of {self.vendor}.", f"Use {_MODEL}.")
        self.model = _MODEL
        self.options = {"embeddingPurpose": "CLASSIFICATION", "embeddingMode": "AUDIO_VIDEO_COMBINED"}

    def default_url(self, variables: Mapping[str, str]) -> str:
        """The region's address."""
        named = (variables.get(name, "").strip() for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
        return f"https://bedrock-runtime.{next(filter(None, named), 'us-east-1')}.amazonaws.com"

    def headers(self, key: str) -> dict[str, str]:
        """A Bedrock API key."""
        return {"Authorization": f"Bearer {key}"}

    def request(self, clip: Clip) -> Call:
        """One synchronous invocation."""
        video = {
            "format": "mp4",
            "embeddingMode": self.options["embeddingMode"],
            "source": {"bytes": base64.b64encode(clip.data).decode()},
        }
        params = {
            "embeddingPurpose": self.options["embeddingPurpose"],
            "embeddingDimension": self.dim,
            "video": video,
        }
        body = {
            "schemaVersion": "nova-multimodal-embed-v1",
            "taskType": "SINGLE_EMBEDDING",
            "singleEmbeddingParams": params,
        }
        return Call("POST", f"/model/{self.model}/invoke", body)

    def vector(self, answer: Any) -> FloatArray:
        """`embeddings[0].embedding`."""
        return to_vector(field(one_of(field(answer, "embeddings"), "embeddings"), "embedding"), self.dim)
