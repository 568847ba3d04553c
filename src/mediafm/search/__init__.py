"""Search: words, examples, pictures or sounds in; ranked shots, clips or titles out."""

from mediafm.search.copies import Match, find_copies
from mediafm.search.encoding import QueryEncoders
from mediafm.search.engine import Answer, Options, find, search, search_catalogue
from mediafm.search.example import Example, parse_example, parse_time
from mediafm.search.queries import Image, Like, Query, SoundFile, Words, split_weight
from mediafm.search.ranking import Hit, Unit

__all__ = [
    "Answer",
    "Example",
    "Hit",
    "Image",
    "Like",
    "Match",
    "Options",
    "Query",
    "QueryEncoders",
    "SoundFile",
    "Unit",
    "Words",
    "find",
    "find_copies",
    "parse_example",
    "parse_time",
    "search",
    "search_catalogue",
    "split_weight",
]
