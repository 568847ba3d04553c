"""The catalog that the service's own tests serve."""

from serve_catalog import films, served

__all__ = ["films", "served"]
