"""Every encoder there is: the offline ones for real, the hub ones on tiny random models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from encoders import tiny_models
from mediafm.encoders import Encoder
from mediafm.encoders.clip import ClipEncoder
from mediafm.encoders.offline_audio import OfflineAudioEncoder
from mediafm.encoders.offline_video import OfflineVideoEncoder
from mediafm.encoders.seqclip import SeqClipEncoder
from mediafm.encoders.text import MiniLMEncoder, SentenceEncoder
from mediafm.encoders.wav2vec2 import Wav2Vec2Encoder

SAVERS: dict[str, Callable[..., Path]] = {
    "clip": tiny_models.save_clip,
    "clip-vision": tiny_models.save_clip_vision,
    "siglip": tiny_models.save_siglip,
    "siglip2": tiny_models.save_siglip2,
    "seqclip": tiny_models.save_seqclip,
    "wav2vec2": tiny_models.save_wav2vec2,
    "wav2vec2-layer": lambda folder, seed=0: tiny_models.save_wav2vec2(folder, seed, norm="layer"),
    "sentence": tiny_models.save_sentence,
    "bert": tiny_models.save_bert,
}
CLASSES: dict[str, Any] = {
    "clip": ClipEncoder,
    "clip-vision": ClipEncoder,
    "siglip": ClipEncoder,
    "siglip2": ClipEncoder,
    "seqclip": SeqClipEncoder,
    "wav2vec2": Wav2Vec2Encoder,
    "wav2vec2-layer": Wav2Vec2Encoder,
    "sentence": SentenceEncoder,
    "bert": SentenceEncoder,
}
OFFLINE: dict[str, Callable[[], Encoder]] = {
    "offline-video": OfflineVideoEncoder,
    "offline-audio": OfflineAudioEncoder,
    "minilm": MiniLMEncoder,
}
HUB = list(SAVERS)
