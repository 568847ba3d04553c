"""Presets: what each of their encoders is, whether it could run now, and what it would download and cost."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mediafm.encoders import load_preset
from mediafm.encoders.presence import Presence, hub_bytes, presence_of
from mediafm.errors import MediafmError
from mediafm.types import Modality

# Speech without a pause: 150 words a minute, four tokens for three words of English. Films have half of that or less;
# a cue that lies in two shots is embedded with both, which is why it is not taken lower.
TOKENS_AN_HOUR = 150 * 60 * 4 / 3
HUB_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class EncoderReport:
    """One encoder of a preset. usd_an_hour: of video, None where no price is known. why, remedy: if it cannot run."""

    modality: Modality
    kind: str
    model: str
    licence: str
    presence: Presence
    dim: int | None
    usd_an_hour: float | None = 0.0
    why: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the document."""
        return {
            "modality": self.modality,
            "kind": self.kind,
            "model": self.model,
            "licence": self.licence,
            "dim": self.dim,
            "weights": self.presence.state,
            "bytes": self.presence.nbytes,
            "bytes_from": self.presence.size_from,
            "usd_per_hour": self.usd_an_hour,
            "missing": self.why,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class PresetReport:
    """A preset. runs: whether all its encoders could run now, after downloads where `to_download` says so."""

    name: str
    encoders: tuple[EncoderReport, ...]

    @property
    def runs(self) -> bool:
        """Whether nothing is missing that the user would have to see to."""
        return not any(e.why for e in self.encoders)

    @property
    def to_download(self) -> int | None:
        """Bytes that the first use would download; None where the size of one is not known."""
        sizes = {e.model: e.presence.nbytes for e in self.encoders if e.presence.state == "to download"}
        return None if None in sizes.values() else sum(size or 0 for size in sizes.values())

    @property
    def usd_an_hour(self) -> float | None:
        """What an hour of video costs; None where no price is known."""
        prices = [e.usd_an_hour for e in self.encoders]
        return None if None in prices else sum(price or 0.0 for price in prices)

    def as_json(self) -> dict[str, Any]:
        """For the document."""
        return {
            "name": self.name,
            "runs": self.runs,
            "download_bytes": self.to_download,
            "usd_per_hour": self.usd_an_hour,
            "encoders": [e.as_json() for e in self.encoders],
        }


class Hub:
    """Asks the hub how large models are, and asks no more once it has not answered. network: whether to ask at all."""

    def __init__(self, network: bool, ask: Callable[[str, float], int | None] = hub_bytes) -> None:
        self.reachable: bool | None = None if network and not os.environ.get("HF_HUB_OFFLINE") else False
        self._ask = ask

    def sized(self, model: str, presence: Presence) -> Presence:
        """The presence with the size as the hub says it."""
        if presence.state != "to download" or self.reachable is False:
            return presence
        nbytes = self._ask(model, HUB_TIMEOUT_S)
        self.reachable = nbytes is not None
        if nbytes is None:
            return presence
        return Presence(presence.state, nbytes, "the hub", presence.dim, presence.why, presence.remedy)


def look_at_presets(names: Sequence[str], hub: Hub) -> list[PresetReport]:
    """What can be said of presets without loading a model. UsageError for a preset that cannot be read."""
    return [look_at_preset(name, hub) for name in names]


def look_at_preset(name: str, hub: Hub) -> PresetReport:
    """As `look_at_presets`, of one."""
    preset = load_preset(name)
    reports = []
    for modality, choice in preset.choices.items():
        model = str(getattr(choice, "model", ""))
        licence = preset.licences[modality]
        presence = hub.sized(model, presence_of(choice))
        report = EncoderReport(modality, choice.kind, model, licence, presence, presence.dim)
        if presence.state == "service":
            report = _of_service(preset.encoder(modality), report)
        elif not model:
            report = _of_installed(lambda m=modality: preset.encoder(m), report)  # type: ignore[misc]
        elif presence.state == "missing":
            report = replace(report, why=presence.why, remedy=presence.remedy)
        reports.append(report)
    return PresetReport(preset.name, tuple(reports))


def _of_service(encoder: Any, report: EncoderReport) -> EncoderReport:
    """Whether the key is there, and what an hour costs. Nothing is sent."""
    price = encoder.service.price
    usd = None if price is None else price.of(TOKENS_AN_HOUR)
    try:
        encoder.check_ready()
    except MediafmError as error:
        return replace(report, dim=encoder.dim, usd_an_hour=usd, why=error.message, remedy=error.remedy)
    return replace(report, dim=encoder.dim, usd_an_hour=usd)


def _of_installed(make: Callable[[], Any], report: EncoderReport) -> EncoderReport:
    """An encoder that comes with the installation is made: that is quick, and finds out what is broken."""
    try:
        return replace(report, dim=make().dim)
    except MediafmError as error:
        return replace(report, why=error.message, remedy=error.remedy)
    except Exception as error:  # a library that is missing or broken
        why = f"{type(error).__name__}: {error}"
        return replace(report, why=why, remedy="Install mediafm anew: pip install --force-reinstall mediafm.")
