"""Frozen encoders: one shot's one modality in, one unit vector out. The only home of transformers and librosa.

Heavy libraries load when a preset's encoder is first asked for, not when this package is imported.
"""

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.presets import PRESETS, DetectorChoice, Preset, load_preset, name_of_preset
from mediafm.encoders.protocols import PaidEncoder, TextEncoder
from mediafm.encoders.vectors import checked, scatter

__all__ = [
    "PRESETS",
    "DetectorChoice",
    "Encoded",
    "Encoder",
    "PaidEncoder",
    "Preset",
    "TextEncoder",
    "checked",
    "fingerprint",
    "load_preset",
    "name_of_preset",
    "scatter",
]
