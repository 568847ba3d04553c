"""Handing a catalog's shots, vectors and times on to other tools, in the forms that those tools read.

`export` writes one of KINDS into a folder: beside it first, in its place at the end. What is written says what made
every vector: the preset, the encoders' fingerprints, the checkpoint.
"""

from mediafm.export.run import KINDS, Exported, export

__all__ = ["KINDS", "Exported", "export"]
