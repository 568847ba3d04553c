"""A service of mediafm from Python: `Client(address).search(words="a storm")`.

Needs nothing of the rest of the package: what it loads is httpx2, and NumPy and Arrow when vectors are asked for.
"""

from mediafm.client.answers import Embeddings, Found, Hit, Job, Media, Shot, Title
from mediafm.client.client import Client

__all__ = ["Client", "Embeddings", "Found", "Hit", "Job", "Media", "Shot", "Title"]
