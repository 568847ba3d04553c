"""Every encoder there is: the offline ones for real, the hub ones on tiny random models. A new one is one line here.

"openai", which asks a service, is made by the fixture `make_encoder`, on a server of this machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from encoders import tiny_models
from mediafm.encoders import Encoder
from mediafm.encoders.clap import ClapEncoder
from mediafm.encoders.clip import ClipEncoder
from mediafm.encoders.offline_audio import OfflineAudioEncoder
from mediafm.encoders.offline_video import OfflineVideoEncoder
from mediafm.encoders.omni import OmniEncoder
from mediafm.encoders.seqclip import SeqClipEncoder
from mediafm.encoders.text import MiniLMEncoder, SentenceEncoder
from mediafm.encoders.wav2vec2 import Wav2Vec2Encoder


@dataclass(frozen=True)
class Case:
    """save(folder, seed=0) writes a tiny model; make(folder, device=, **options) loads it.

    other: options that give other vectors. foreign: a kind whose folder it must refuse.
    """

    save: Callable[..., Path]
    make: Any
    foreign: str
    other: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "clip": Case(tiny_models.save_clip, ClipEncoder, "bert", {"frames": 5}),
    "clip-vision": Case(tiny_models.save_clip_vision, ClipEncoder, "wav2vec2", {"frames": 5}),
    "siglip": Case(tiny_models.save_siglip, ClipEncoder, "clap", {"frames": 5}),
    "siglip2": Case(tiny_models.save_siglip2, ClipEncoder, "bert", {"frames": 5}),
    "seqclip": Case(tiny_models.save_seqclip, SeqClipEncoder, "bert"),
    "wav2vec2": Case(tiny_models.save_wav2vec2, Wav2Vec2Encoder, "bert", {"layer": 1}),
    "wav2vec2-layer": Case(partial(tiny_models.save_wav2vec2, norm="layer"), Wav2Vec2Encoder, "clap", {"layer": 1}),
    "clap": Case(tiny_models.save_clap, ClapEncoder, "wav2vec2"),
    "clap-fused": Case(partial(tiny_models.save_clap, fused=True), ClapEncoder, "clip"),
    "clap-audio": Case(tiny_models.save_clap_audio, ClapEncoder, "bert"),
    "omni": Case(tiny_models.save_omni, OmniEncoder, "clip", {"seconds": 4, "pool": "last", "dtype": "bfloat16"}),
    "omni-moe": Case(tiny_models.save_omni_moe, OmniEncoder, "bert", {"frames": 3}),
    "sentence": Case(tiny_models.save_sentence, SentenceEncoder, "wav2vec2"),
    "bert": Case(tiny_models.save_bert, SentenceEncoder, "clip-vision"),
}
OFFLINE: dict[str, Callable[[], Encoder]] = {
    "offline-video": OfflineVideoEncoder,
    "offline-audio": OfflineAudioEncoder,
    "minilm": MiniLMEncoder,
}
HUB = list(CASES)
