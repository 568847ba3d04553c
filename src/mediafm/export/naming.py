"""File names for titles and sets, whose ids may hold anything."""

import hashlib
import re

_LONGEST = 120


def file_name(name: str) -> str:
    """The name where it can be a file's; else what is legible of it, and a hash that keeps two alike apart.

    >>> file_name("season 1/pilot")
    'season 1_pilot-8f9e4dc6'
    """
    legible = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', "_", name).strip(" .")[:_LONGEST]
    if legible == name:
        return name
    return f"{legible or 'title'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
