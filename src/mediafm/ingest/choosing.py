"""Which preset and detector an ingest works by: those that are named, else those that the catalog was made with."""

from dataclasses import replace

from mediafm.catalog import Catalog, CatalogSpec, TitleRecord
from mediafm.encoders import DetectorChoice, Preset, load_preset, name_of_preset
from mediafm.errors import CatalogError
from mediafm.ingest.encoding import encoder_specs
from mediafm.shots import DETECTORS, Detector, make_detector


def as_made(catalog_uri: str, preset: str, detector: str) -> tuple[str, str]:
    """Names of preset and detector, as given; where empty, those of the catalog, or `offline` and the preset's.

    An empty detector goes on meaning the preset's. UsageError where the catalog was made with a preset file, which only
    its user can name.
    """
    catalog = existing(catalog_uri)
    if catalog is None:
        return preset or "offline", detector
    preset = name_of_preset(catalog.spec.preset, preset)
    if not detector:
        found = detector_of(catalog.spec.detector, load_preset(preset))
        detector = "" if found is None or found.options else found.name
    return preset, detector


def existing(catalog_uri: str) -> Catalog | None:
    """The catalog there; None where there is none yet. What is wrong with one is said by who opens it to write."""
    try:
        return Catalog.open(catalog_uri)
    except CatalogError:
        return None


def stored_titles(catalog_uri: str) -> dict[str, TitleRecord]:
    """Title id -> record of the catalog there; empty where there is none yet."""
    catalog = existing(catalog_uri)
    return {} if catalog is None else {record.title_id: record for record in catalog.titles()}


def chosen(catalog_uri: str, preset: str, detector: str) -> Preset:
    """The preset of an ingest into a catalog, with its detector; nothing is loaded yet."""
    preset, detector = as_made(catalog_uri, preset, detector)
    return with_detector(load_preset(preset), detector)


def catalog_spec(preset: Preset) -> CatalogSpec:
    """What a catalog made by this preset says of itself."""
    return CatalogSpec(preset.name, preset_detector(preset).fingerprint, encoder_specs(preset))


def preset_detector(preset: Preset) -> Detector:
    """A fresh detector as the preset names it."""
    return make_detector(preset.detector.name, **preset.detector.options)


def with_detector(preset: Preset, name: str) -> Preset:
    """The preset with another detector; the preset itself for an empty name. UsageError for an unknown one."""
    if not name:
        return preset
    make_detector(name)
    return replace(preset, detector=DetectorChoice.model_validate({"name": name}))


def detector_of(fingerprint: str, preset: Preset) -> DetectorChoice | None:
    """The detector of that fingerprint: the preset's own, or one with its usual options; None: neither."""
    usual = [DetectorChoice(name=name) for name in DETECTORS]
    for choice in (preset.detector, *usual):
        if make_detector(choice.name, **choice.options).fingerprint == fingerprint:
            return choice
    return None
