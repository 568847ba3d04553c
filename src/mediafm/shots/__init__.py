"""Frames in order become cuts, cuts become shots that tile the title. The only home of scenedetect and TransNetV2."""

from mediafm.shots.detector import Detector, Scaling
from mediafm.shots.registry import DETECTORS, GIVEN, DetectorName, make_detector
from mediafm.shots.spans import spans_without_picture
from mediafm.shots.tiler import ShotTiler

__all__ = [
    "DETECTORS",
    "GIVEN",
    "Detector",
    "DetectorName",
    "Scaling",
    "ShotTiler",
    "make_detector",
    "spans_without_picture",
]
