"""What an encoder elsewhere in the cluster says of itself, without a cluster."""

import pytest

from mediafm.encoders import load_preset
from mediafm.scale.encoding import EncoderHost, RemoteEncoder
from mediafm.types import ShotInput

SAID = ("name", "modality", "inputs", "dim", "fingerprint", "licence", "frames", "frame_side", "sample_rate", "batch")


@pytest.mark.parametrize("modality", ["video", "audio", "text"])
def test_it_says_what_the_one_there_says(modality: str) -> None:
    there = load_preset("offline").encoder(modality)
    here = RemoteEncoder(None, EncoderHost("offline").describe()[modality])
    assert {name: getattr(here, name) for name in SAID} == {name: getattr(there, name) for name in SAID}
    spoken = ShotInput((), (), None, "A word.", 1.0)
    assert here.sees(spoken) == (modality == "text")
