"""Search: words or an example in; ranked shots, clips or titles out."""

from mediafm.search.engine import search, search_catalogue
from mediafm.search.example import Example, parse_example, parse_time
from mediafm.search.ranking import Hit, Unit

__all__ = ["Example", "Hit", "Unit", "parse_example", "parse_time", "search", "search_catalogue"]
