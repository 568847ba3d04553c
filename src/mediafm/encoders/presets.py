"""Presets: a named choice of detector and encoders, from the package or from a TOML file.

```toml
name = "mine"
[detector]
name = "auto"                # auto, transnet, content or fixed
options = { }                # handed to make_detector
[encoders.video]
kind = "clip"                # offline | clip | seqclip | omni
model = "models/siglip"      # folder (relative to this file, or to the working folder) or hub id
licence = "Apache-2.0"
frames = 8
[encoders.audio]
kind = "wav2vec2"            # offline | wav2vec2 | clap
model = "facebook/wav2vec2-base-960h"
layer = -1
[encoders.text]
kind = "sentence"            # minilm | sentence | openai
model = "sentence-transformers/all-mpnet-base-v2"
```

`kind = "python"` names a class of one's own, any other kind an encoder that an installed package brings (`brought`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mediafm.encoders.encoder import Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.errors import UsageError
from mediafm.types import MODALITIES, Modality

if TYPE_CHECKING:
    from mediafm.encoders.hosted.texts import TextService

PRESETS = ("offline", "open", "reference", "reference-api", "omni")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DetectorChoice(_Strict):
    """Which detector finds the cuts, and the options `make_detector` is called with."""

    name: Literal["auto", "transnet", "content", "fixed"]
    options: dict[str, Any] = {}


class _Offline(_Strict):
    kind: Literal["offline"]


class _MiniLM(_Strict):
    kind: Literal["minilm"]


class _Hub(_Strict):
    model: str = Field(min_length=1)
    licence: str = Field("NOASSERTION", min_length=1)


class _Clip(_Hub):
    kind: Literal["clip"]
    frames: int = Field(8, ge=1, le=256)


class _SeqClip(_Hub):
    kind: Literal["seqclip"]
    frames: int = Field(0, ge=0, le=256)


class _Wav2Vec2(_Hub):
    kind: Literal["wav2vec2"]
    layer: int = -1


class _Clap(_Hub):
    kind: Literal["clap"]


class _Omni(_Hub):
    kind: Literal["omni"]
    frames: int = Field(8, ge=1, le=64)
    seconds: int = Field(30, ge=2, le=300)
    pool: Literal["mean", "last"] = "mean"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"


class _Sentence(_Hub):
    kind: Literal["sentence"]


class _OpenAI(_Strict):
    kind: Literal["openai"]
    model: str = Field("text-embedding-3-large", min_length=1)
    dimensions: int = Field(0, ge=0, le=65_536)  # 0: the model's own
    base_url: str = ""
    key_variable: str = Field("OPENAI_API_KEY", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")  # its name, never the key
    ask_dimensions: bool = True
    max_cost: float | None = Field(None, ge=0, allow_inf_nan=False)  # dollars a run
    usd_per_million_tokens: float | None = Field(None, ge=0, allow_inf_nan=False)
    licence: str = Field("LicenseRef-OpenAI-Terms", min_length=1)


class _Python(_Strict):
    kind: Literal["python"]
    object: str = Field(pattern=r"^[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*$")  # module:Class
    options: dict[str, Any] = {}
    folder: Path = Field(Path(), exclude=True)  # where the preset file lies


class _Installed(_Strict):
    kind: Literal["installed"]
    name: str = Field(min_length=1)
    options: dict[str, Any] = {}


EncoderChoice = (
    _Offline | _Clip | _SeqClip | _Wav2Vec2 | _Clap | _Omni | _MiniLM | _Sentence | _OpenAI | _Python | _Installed
)


class _Encoders(_Strict):
    video: Annotated[_Offline | _Clip | _SeqClip | _Omni | _Python | _Installed, Field(discriminator="kind")] | None = (
        None
    )
    audio: Annotated[_Offline | _Wav2Vec2 | _Clap | _Python | _Installed, Field(discriminator="kind")] | None = None
    text: Annotated[_MiniLM | _Sentence | _OpenAI | _Python | _Installed, Field(discriminator="kind")] | None = None


class _PresetFile(_Strict):
    name: str = Field(min_length=1)
    detector: DetectorChoice
    encoders: _Encoders


@dataclass(frozen=True)
class Preset:
    """A named choice of detector and encoders. Encoders are loaded when first asked for, each once."""

    name: str
    detector: DetectorChoice
    choices: Mapping[Modality, EncoderChoice]
    device: str | None = None
    _loaded: dict[Modality, Encoder] = field(default_factory=dict, repr=False, compare=False)

    def encoder(self, modality: Modality) -> Encoder:
        """The encoder of one modality, without loading the others; UsageError if the preset has none for it."""
        if modality not in self.choices:
            raise UsageError(f"Preset {self.name!r} has no {modality} encoder.", f"It has: {', '.join(self.choices)}.")
        if modality not in self._loaded:
            self._loaded[modality] = _build(modality, self.choices[modality], self.device)
        return self._loaded[modality]

    def may_read_words(self, modality: Modality) -> bool:
        """Whether the encoder of a modality may share a space with words; loads nothing, so it may turn out not to."""
        return isinstance(self.choices.get(modality), _Clip | _SeqClip | _Clap | _Omni | _Python | _Installed)

    @property
    def encoders(self) -> dict[Modality, Encoder]:
        """All encoders in the order of MODALITIES, loaded."""
        return {modality: self.encoder(modality) for modality in self.choices}

    @property
    def fingerprint(self) -> str:
        """Of the detector's choice and all encoders (loads them): equal fingerprints give equal features."""
        prints = {modality: encoder.fingerprint for modality, encoder in self.encoders.items()}
        return fingerprint("preset", detector=self.detector.model_dump(mode="json"), encoders=prints)

    @property
    def licences(self) -> dict[Modality, str]:
        """SPDX name of each encoder's licence; loads nothing, so of a brought encoder not loaded it is NOASSERTION."""
        loaded = {modality: encoder.licence for modality, encoder in self._loaded.items()}
        return {modality: loaded.get(modality, _licence(choice)) for modality, choice in self.choices.items()}


def name_of_preset(made_by: str, named: str = "") -> str:
    """The preset to load for a catalog: the one the user names, else the one that made it, `offline` for an import.

    A preset file may name code, so that of a catalog, which may come from anywhere, is never looked for: UsageError.
    """
    if named:
        return named
    if made_by not in (*PRESETS, "import"):
        raise UsageError(
            f"The catalog was made with a preset file, {made_by!r}.",
            "Name that file: --preset FILE.",
        )
    return "offline" if made_by == "import" else made_by


def load_preset(name_or_path: str | Path, device: str | None = None) -> Preset:
    """A preset by name (one of PRESETS) or from a TOML file; see the module's docstring for its form.

    device: torch device of the encoders that use one; None for the best there is. Nothing is loaded yet.
    A file may name a Python class, so only the user himself may name it, never a catalog: `name_of_preset`.
    Raises UsageError, naming the file and the key, if the file is missing, not TOML, or has unknown or wrong keys.
    """
    text = str(name_or_path)
    if text in PRESETS:
        source = files("mediafm.encoders").joinpath("preset_files", f"{text}.toml").read_text(encoding="utf-8")
        return _parse(source, text, Path(), device)
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        raise UsageError(f"There is no preset {text!r}.", f"Choose one of {', '.join(PRESETS)}, or name a TOML file.")
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Preset file {path} cannot be read ({error}).", "It must be UTF-8 TOML.") from error
    return _parse(source, str(path), path.parent, device)


def _parse(source: str, where: str, folder: Path, device: str | None) -> Preset:
    try:
        parsed = _PresetFile.model_validate(_with_installed(tomllib.loads(source)))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"Preset file {where} is not TOML ({error}).", "Correct it at that place.") from error
    except ValidationError as error:
        raise UsageError(f"Preset file {where}: {_first_complaint(error)}.", "See docs/encoders.md.") from error
    choices: dict[Modality, EncoderChoice] = {}
    for modality in MODALITIES:
        choice = getattr(parsed.encoders, modality)
        if choice is not None:
            choices[modality] = _beside(choice, folder)
    if not choices:
        raise UsageError(f"Preset file {where} names no encoder.", "Give it at least one [encoders.*] table.")
    return Preset(parsed.name, parsed.detector, choices, device)


def _with_installed(parsed: dict[str, Any]) -> dict[str, Any]:
    """Kinds that are none of ours, by the names of installed packages' encoders."""
    tables = parsed.get("encoders")
    if not isinstance(tables, dict):
        return parsed
    ours = {get_args(choice.model_fields["kind"].annotation)[0] for choice in get_args(EncoderChoice)}
    kinds = {m: t["kind"] for m, t in tables.items() if isinstance(t, dict) and isinstance(t.get("kind"), str)}
    if ours.issuperset(kinds.values()):
        return parsed
    from mediafm.encoders.brought import installed

    found = installed().keys() - ours
    named = {m: tables[m] | {"kind": "installed", "name": kind} for m, kind in kinds.items() if kind in found}
    return parsed | {"encoders": tables | named}


def _first_complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _beside(choice: EncoderChoice, folder: Path) -> EncoderChoice:
    """A model folder or module that lies beside the preset file, by its full path."""
    if isinstance(choice, _Python):
        return choice.model_copy(update={"folder": folder.resolve()})
    if isinstance(choice, _Hub) and (folder / choice.model).is_dir():
        return choice.model_copy(update={"model": str((folder / choice.model).resolve())})
    return choice


def _build(modality: Modality, choice: EncoderChoice, device: str | None) -> Encoder:
    # Imported here: each encoder brings a heavy library, and a preset seldom needs all of them.
    if isinstance(choice, _Clip):
        from mediafm.encoders.clip import ClipEncoder

        return ClipEncoder(choice.model, licence=choice.licence, frames=choice.frames, device=device)
    if isinstance(choice, _SeqClip):
        from mediafm.encoders.seqclip import SeqClipEncoder

        return SeqClipEncoder(choice.model, licence=choice.licence, frames=choice.frames, device=device)
    if isinstance(choice, _Wav2Vec2):
        from mediafm.encoders.wav2vec2 import Wav2Vec2Encoder

        return Wav2Vec2Encoder(choice.model, licence=choice.licence, layer=choice.layer, device=device)
    if isinstance(choice, _Clap):
        from mediafm.encoders.clap import ClapEncoder

        return ClapEncoder(choice.model, licence=choice.licence, device=device)
    if isinstance(choice, _Omni):
        from mediafm.encoders.omni import OmniEncoder

        return OmniEncoder(device=device, **choice.model_dump(exclude={"kind"}))
    if isinstance(choice, _Python | _Installed):
        from mediafm.encoders.brought import load_installed, load_named

        if isinstance(choice, _Installed):
            return load_installed(choice.name, modality, choice.options, device)
        return load_named(choice.object, choice.folder, modality, choice.options, device)
    if isinstance(choice, _OpenAI):
        from mediafm.encoders.openai import OpenAIEncoder

        return OpenAIEncoder(text_service(choice), choice.max_cost, choice.licence)
    if isinstance(choice, _Sentence | _MiniLM):
        from mediafm.encoders.text import MiniLMEncoder, SentenceEncoder

        if isinstance(choice, _MiniLM):
            return MiniLMEncoder(device=device)
        return SentenceEncoder(choice.model, licence=choice.licence, device=device)
    if modality == "video":
        from mediafm.encoders.offline_video import OfflineVideoEncoder

        return OfflineVideoEncoder()
    from mediafm.encoders.offline_audio import OfflineAudioEncoder

    return OfflineAudioEncoder()


def text_service(choice: _OpenAI) -> "TextService":
    """The service that an `openai` encoder of a preset asks; opens no connection."""
    from mediafm.encoders.hosted.texts import TextService

    return TextService(
        choice.model,
        choice.dimensions,
        base_url=choice.base_url,
        key_variable=choice.key_variable,
        usd_per_million=choice.usd_per_million_tokens,
        ask_dimensions=choice.ask_dimensions,
    )


def _licence(choice: EncoderChoice) -> str:
    if isinstance(choice, _Python | _Installed):
        return "NOASSERTION"
    return choice.licence if isinstance(choice, _Hub | _OpenAI) else "Apache-2.0"
