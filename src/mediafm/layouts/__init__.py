"""Public annotation layouts as they lie on disk: text files in, scenes by frame out. Knows no film, no catalog."""

from mediafm.layouts.movienet import MovieNetFolder, MovieNetShot
from mediafm.layouts.scenes import LAYOUTS, Annotations, Layout, TitleScenes, layout_named, read_scenes

__all__ = [
    "LAYOUTS",
    "Annotations",
    "Layout",
    "MovieNetFolder",
    "MovieNetShot",
    "TitleScenes",
    "layout_named",
    "read_scenes",
]
