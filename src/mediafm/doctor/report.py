"""All findings together, and what is wrong with them in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mediafm.doctor.machine import HUB_MODELS, Folder, accelerators, folders, machine
from mediafm.doctor.presets import TOKENS_AN_HOUR, Hub, PresetReport, look_at_preset, look_at_presets
from mediafm.encoders import PRESETS
from mediafm.media.codecs import AUDIO_CODECS, VIDEO_CODECS, decodable, ffmpeg_libraries
from mediafm.reading.confinement import Confinement, try_confinement

LITTLE_MEMORY, LITTLE_DISK = 4 << 30, 2 << 30  # bytes


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found. offline_runs: whether the preset that needs nothing from outside can run. problems: (what is
    wrong or lacking, what helps)."""

    machine: dict[str, Any]
    accelerators: dict[str, Any]
    folders: list[Folder]
    libraries: dict[str, str]
    codecs: dict[str, bool]
    confinement: Confinement
    presets: list[PresetReport]
    hub_reachable: bool | None
    offline_runs: bool
    problems: list[tuple[str, str]]

    def as_json(self) -> dict[str, Any]:
        """The document `--json` prints; docs/doctor.md describes it."""
        return {
            "offline_runs": self.offline_runs,
            "machine": self.machine,
            "torch": self.accelerators,
            "folders": [folder.as_json() for folder in self.folders],
            "ffmpeg": {"libraries": self.libraries, "decodes": self.codecs},
            "readers": {
                "network_closed": self.confinement.network_closed,
                "files_closed": self.confinement.files_closed,
                "trouble": self.confinement.trouble,
            },
            "hub_reachable": self.hub_reachable,
            "tokens_per_hour": TOKENS_AN_HOUR,
            "presets": [preset.as_json() for preset in self.presets],
            "problems": [{"problem": what, "remedy": remedy} for what, remedy in self.problems],
        }


def diagnose(presets: Sequence[str] = (), network: bool = True) -> Diagnosis:
    """Look at this machine and at presets (none named: all that come with mediafm).

    network: whether the hub may be asked how large models are that are not here, for two seconds at most where it does
    not answer. Loads no model. UsageError for a preset that cannot be read.
    """
    hub = Hub(network)
    reports = look_at_presets(presets or PRESETS, hub)
    offline = next((r for r in reports if r.name == "offline"), None) or look_at_preset("offline", hub)
    codecs = decodable(VIDEO_CODECS + AUDIO_CODECS)
    found = machine(), accelerators(), folders()
    confinement = try_confinement()
    offline_runs = offline.runs and "error" not in found[1] and any(codecs.values())
    problems = [*_of_machine(*found), *_of_reading(codecs, confinement)]
    problems += _of_downloads(reports, found[2])
    problems += [p for r in ([] if offline in reports else [offline]) + reports for p in _of_preset(r)]
    return Diagnosis(*found, ffmpeg_libraries(), codecs, confinement, reports, hub.reachable, offline_runs, problems)


def _of_machine(about: dict[str, Any], torch: dict[str, Any], places: Sequence[Folder]) -> list[tuple[str, str]]:
    found = []
    if "error" in torch:
        found.append((f"PyTorch cannot be loaded ({torch['error']}).", "Install it anew: see pytorch.org."))
    if about["memory_bytes"] is not None and about["memory_bytes"] < LITTLE_MEMORY:
        found.append(("There is less than 4 GB of memory.", "Ingest with --workers 1 and a smaller --memory."))
    for place in places:
        if not place.writable:
            remedy = "Make it writable, or set MEDIAFM_CACHE, HF_HOME or TMPDIR to another folder."
            found.append((f"{place.path} ({place.use}) cannot be written.", remedy))
        elif place.free_bytes < LITTLE_DISK:
            free = f"{place.free_bytes / 1e9:.1f} GB"
            found.append((f"{place.path} ({place.use}) has {free} left.", "Free some space there."))
    return found


def _of_reading(codecs: dict[str, bool], confinement: Confinement) -> list[tuple[str, str]]:
    found = []
    if lacking := [name for name, there in codecs.items() if not there]:
        found.append((f"There is no decoder for {', '.join(lacking)}.", "Install PyAV's own wheel: pip install av."))
    closed = {"network": confinement.network_closed, "files": confinement.files_closed}
    if confinement.trouble:
        found.append((f"Readers: {confinement.trouble}.", "Run `python -m mediafm.reading.confinement /tmp/x` to see."))
    elif unclosed := [what for what, done in closed.items() if not done]:
        what = f"This system cannot close {' and '.join(unclosed)} to the processes that read films."
        found.append((what, "Ingest only films you trust, or where there are seccomp and Landlock (Linux 5.13 on)."))
    return found


def _of_downloads(reports: Sequence[PresetReport], places: Sequence[Folder]) -> list[tuple[str, str]]:
    room = next(place.free_bytes for place in places if place.use == HUB_MODELS)
    large = [(r.name, r.to_download) for r in reports if (r.to_download or 0) > room]
    remedy = "Free some space, or set HF_HOME to a folder that has it."
    return [
        (f"The models of preset {name} take {n / 1e9:.1f} GB, more than is free.", remedy) for name, n in large if n
    ]


def _of_preset(report: PresetReport) -> list[tuple[str, str]]:
    return [(f"Preset {report.name}, {e.modality}: {e.why}", e.remedy) for e in report.encoders if e.why]
