"""A catalog over HTTP: an API other teams build on, and the page it serves."""

from mediafm.serve.options import ServeOptions

__all__ = ["ServeOptions"]
