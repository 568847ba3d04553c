"""Writing a seqclip checkpoint; `mediafm.encoders.seqclip` says what is in it and reads it back."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediafm.encoders.seqclip import TOWER, BaseModelFacts, SeqClipConfig, is_seqclip, read_config, towers_folder
from mediafm.encoders.weights import find_model, folder_sha256, settings_files
from mediafm.errors import EncoderError
from mediafm.model.folder import CARD, CONFIG, ORIGIN, WEIGHTS, replace_file, to_json, weight_bytes
from mediafm.train.seqclip.card import card
from mediafm.train.seqclip.network import SeqClip


@dataclass(frozen=True, slots=True)
class Base:
    """What a run starts from. name: as the user gave it. weights, settings: folders of the towers and of the
    preprocessing (the same, but for the towers of a seqclip checkpoint). sha256: of the towers' folder.
    """

    name: str
    weights: Path
    settings: Path
    sha256: str
    licence: str


def find_base(model: str, licence: str = "") -> Base:
    """The towers to start from: those of a CLIP-like model, or of a seqclip checkpoint. EncoderError if it has none.

    licence: SPDX name; where empty, what the checkpoint or the model's card says of itself.
    """
    folder = find_model(model)
    weights = folder
    if is_seqclip(folder):
        config = read_config(folder)
        weights = towers_folder(folder, config)
        licence = licence or config.base.licence
    return Base(model, weights, folder, folder_sha256(weights), licence or _licence_of_card(folder))


def _licence_of_card(folder: Path) -> str:
    """`license:` of the front matter of the model's card; NOASSERTION where there is none."""
    try:
        lines = (folder / CARD).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return "NOASSERTION"
    if lines[:1] == ["---"]:
        for line in lines[1:]:
            if line.startswith("license:") and line.removeprefix("license:").strip():
                return line.removeprefix("license:").strip()
            if line == "---":
                break
    return "NOASSERTION"


def write_checkpoint(
    out: Path, net: SeqClip, base: Base, frames: int, keep_towers: bool, origin: dict[str, Any]
) -> None:
    """Write the network as it stands, each file whole or not at all; equal networks give equal bytes."""
    shape = net.temporal.config
    facts = BaseModelFacts(model=_name_from(out, base), sha256=base.sha256, licence=base.licence)
    config = SeqClipConfig(
        dim=net.towers.dim, frames=frames, own_towers=keep_towers or net.trains_towers, base=facts, **shape.model_dump()
    )
    for file in settings_files(base.settings):
        replace_file(out / file.name, file.read_bytes())
    if config.own_towers:
        replace_file(out / TOWER / CONFIG, (base.weights / CONFIG).read_bytes())
        replace_file(out / TOWER / WEIGHTS, weight_bytes(net.model))
    replace_file(out / WEIGHTS, weight_bytes(net.temporal))
    replace_file(out / CONFIG, to_json(config.model_dump(mode="json")))
    replace_file(out / ORIGIN, to_json(origin))
    write_card(out, config, origin)


def write_card(out: Path, config: SeqClipConfig, origin: dict[str, Any]) -> None:
    """Write, or write again, the card."""
    replace_file(out / CARD, card(out.resolve().name, config, origin, curve=(out / "loss.png").is_file()).encode())


def _name_from(out: Path, base: Base) -> str:
    """How the checkpoint names its base: a hub id as it is, a folder by its way from the checkpoint."""
    if not Path(base.name).expanduser().is_dir():
        return base.name
    try:
        return Path(os.path.relpath(base.settings, out.resolve())).as_posix()
    except ValueError as error:  # on another drive
        raise EncoderError(f"{base.settings} and {out} have no common root.", "Put both on one drive.") from error
