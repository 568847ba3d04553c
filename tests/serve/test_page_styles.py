"""The page's styles: each view has a file of its own, and no two mean different things by one class."""

import re
from collections import Counter
from importlib.resources import files

SHARED = {"hit", "hits"}  # the base's, dressed further by the view that owns results


def test_no_class_is_dressed_by_two_views() -> None:
    page = files("mediafm.serve") / "page"
    styles = [item for item in page.iterdir() if item.name.endswith(".css")]
    assert len(styles) > 4
    dressed = Counter(
        name for item in styles for name in set(re.findall(r"^\.([a-z-]+)", item.read_text(encoding="utf-8"), re.M))
    )
    assert {name for name, count in dressed.items() if count > 1} == SHARED
