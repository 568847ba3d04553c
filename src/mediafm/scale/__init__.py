"""Ingest on more than one machine, by Ray. The only home of ray (the extra `ray`)."""

from mediafm.scale.engine import RayOptions, ingest_on_ray

__all__ = ["RayOptions", "ingest_on_ray"]
