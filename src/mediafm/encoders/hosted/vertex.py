"""Google Vertex AI, `multimodalembedding@001`: one vector of 1408 numbers for up to two minutes of picture.

Read in Google's pages "Get multimodal embeddings" and "Multimodal embeddings API" (stored copies, seen 2026-09):

- `POST https://LOCATION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION/publishers/google/models/
  multimodalembedding@001:predict` with a bearer token, as `gcloud auth print-access-token` prints it.
- `video.bytesBase64Encoded`, `video.videoSegmentConfig` with whole seconds; a vector for every `intervalSec`. An
  interval beyond the video's length (or 120 s) is said to cost quality, and the default is 16; so the interval is the
  clip's length, or 16 where that is less, and there is one vector.
- Two minutes are analysed at a time. Intervals of 15 s and more are the mode "Essential".
- Sound is not considered.

The size of a request is not stated there: 20 MB is from memory, of the limit for images. Price: Essential, $0.0005 a
second, in three independent copies of Google's price list; not seen on Google's own page.
"""

import base64
import math
from collections.abc import Mapping
from typing import Any

from mediafm.encoders.hosted.service import Call, Clip, HostedService, Limits, Price, field, one_of, to_vector
from mediafm.errors import UsageError
from mediafm.types import FloatArray

_MODEL = "multimodalembedding@001"
_LEAST_INTERVAL_S = 16


class Vertex(HostedService):
    """`multimodalembedding@001`. The project comes from GOOGLE_CLOUD_PROJECT, the region from GOOGLE_CLOUD_LOCATION."""

    name = "vertex"
    vendor = "Google Vertex AI"
    dim = 1408
    limits = Limits(min_s=1, max_s=120, max_bytes=20_000_000)
    price = Price(0.0005, "2026-09", "Google's price list for multimodal embeddings, video Essential (copies of it)")
    key_variable = "CLOUDSDK_AUTH_ACCESS_TOKEN"
    key_remedy = "export CLOUDSDK_AUTH_ACCESS_TOKEN=$(gcloud auth print-access-token); it lasts for an hour."

    def __init__(self, model: str = "") -> None:
        if model not in ("", _MODEL):
            raise UsageError(f"There is no client for the model {model!r} of {self.vendor}.", f"Use {_MODEL}.")
        self.model = _MODEL
        self.options = {"least_interval_s": _LEAST_INTERVAL_S}

    def default_url(self, variables: Mapping[str, str]) -> str:
        """The region's address."""
        return f"https://{_location(variables)}-aiplatform.googleapis.com/v1"

    def place(self, variables: Mapping[str, str]) -> str:
        """The project and its region."""
        remedy = "export GOOGLE_CLOUD_PROJECT=your-project-id"
        return f"/projects/{self.need(variables, 'GOOGLE_CLOUD_PROJECT', remedy)}/locations/{_location(variables)}"

    def headers(self, key: str) -> dict[str, str]:
        """An OAuth access token."""
        return {"Authorization": f"Bearer {key}"}

    def request(self, clip: Clip) -> Call:
        """One prediction for one instance."""
        seconds = math.ceil(round(clip.duration_s, 3))
        segment = {"startOffsetSec": 0, "endOffsetSec": seconds, "intervalSec": max(seconds, _LEAST_INTERVAL_S)}
        video = {"bytesBase64Encoded": base64.b64encode(clip.data).decode(), "videoSegmentConfig": segment}
        path = f"/publishers/google/models/{self.model}:predict"
        return Call("POST", path, {"instances": [{"video": video}]})

    def vector(self, answer: Any) -> FloatArray:
        """`predictions[0].videoEmbeddings[0].embedding`."""
        prediction = one_of(field(answer, "predictions"), "predictions")
        segment = one_of(field(prediction, "videoEmbeddings"), "videoEmbeddings")
        return to_vector(field(segment, "embedding"), self.dim)


def _location(variables: Mapping[str, str]) -> str:
    return variables.get("GOOGLE_CLOUD_LOCATION", "").strip() or "us-central1"
