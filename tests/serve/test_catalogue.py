"""The catalogue in pages: every title once, in order, whatever comes or goes meanwhile; browsers keep posters."""

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mediafm.catalog import Catalog, TitleRecord
from mediafm.errors import UsageError
from mediafm.serve.facets import facets_of
from mediafm.serve.shelf import Order, Shelves, Wanted
from mediafm.types import Metadata

Client = Callable[..., TestClient]


def record(number: int) -> TitleRecord:
    known = Metadata(f"Name {number % 7}", genres=("Drama",) if number % 2 else (), extra={"year": 1990 + number % 5})
    base = Fraction(1, 1000)
    shots, revision = number % 3, number * 7919 % 1000
    return TitleRecord(
        title_id=f"t{number:03}",
        time_base=base,
        end_pts=number * 13 % 50 + 1,
        n_shots=shots,
        metadata=known,
        revision=revision,
        has_audio=number % 4 == 0,
        warning="cut off" if number == 5 else "",
    )


def walked(shelves: Shelves, records: Sequence[TitleRecord], wanted: Wanted, limit: int) -> list[str]:
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page, total, after = shelves.page("v", records, wanted, after, limit)
        found += [r.title_id for r in page]
        assert len(page) <= limit and total >= len(page)
    return found


@pytest.mark.parametrize("order", ["name", "newest", "year", "longest", "shots"])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_hold_every_title_once_and_in_order(order: Order, limit: int) -> None:
    records = [record(i) for i in range(60)]
    random.Random(1).shuffle(records)
    found = walked(Shelves(), records, Wanted(order=order), limit)
    of = {r.title_id: r for r in records}
    keys = {
        "name": lambda r: r.metadata.name,
        "newest": lambda r: -r.revision,
        "year": lambda r: -r.metadata.extra["year"],
        "longest": lambda r: -r.duration_s,
        "shots": lambda r: -r.n_shots,
    }
    assert found == sorted(of, key=lambda t: (keys[order](of[t]), t))


def test_what_comes_and_goes_between_pages_shifts_nothing() -> None:
    shelves, records = Shelves(), [record(i) for i in range(0, 60, 2)]
    page, _, after = shelves.page("a", records, Wanted(), "", 10)
    last = page[-1].title_id
    changed = [r for r in records if r.title_id != last] + [record(1)]  # the place itself is gone, another came
    rest, _, _ = shelves.page("b", changed, Wanted(), after or "", 100)
    before = [r.title_id for r in page]
    order = sorted(records, key=lambda r: (r.metadata.name.casefold(), r.title_id))
    assert [r.title_id for r in rest if r.title_id != "t001"] == [t.title_id for t in order[10:]]
    assert not set(before) & {r.title_id for r in rest}


def test_filters() -> None:
    records, shelves = [record(i) for i in range(60)], Shelves()

    def count(wanted: Wanted) -> int:
        return shelves.page("v", records, wanted, "", 500)[1]

    assert count(Wanted(genre="Drama")) == 30 and count(Wanted(words="name 3 T00")) == 1
    assert count(Wanted(years=(1990, 1991))) == 24 and count(Wanted(has=("audio",))) == 15
    assert count(Wanted(state="warning")) == 1 and count(Wanted(state="live")) == 0
    facets = facets_of(records, [])
    assert (facets.genres, facets.years, facets.warnings, facets.fields) == ({"Drama": 30}, [1990, 1994], 1, ["year"])


@pytest.mark.parametrize("after", ["x", "bm9wZQ==", "WzEsMl0=", "WyJhIiwxXQ==", "é"])
def test_places_that_are_none(after: str) -> None:
    with pytest.raises(UsageError, match="no place in this list"):
        Shelves().page("v", [record(1)], Wanted(order="longest"), after, 5)


def test_a_place_of_another_order_is_refused() -> None:
    shelves, records = Shelves(), [record(i) for i in range(9)]
    after = shelves.page("v", records, Wanted(order="name"), "", 2)[2]
    with pytest.raises(UsageError, match="no place"):
        shelves.page("v", records, Wanted(order="longest"), after or "", 2)


def test_titles_come_with_posters_that_are_kept(asked: Client, served: Path) -> None:
    client, catalog = asked(), Catalog.open(served)
    page = client.get("/v1/catalogue", params={"limit": 1}).json()
    assert (page["total"], page["titles"][0]["title"], page["titles"][0]["film"]) == (2, "one", True)
    again = client.get("/v1/catalogue", params={"after": page["after"]}).json()
    assert [t["title"] for t in again["titles"]] == ["two"] and again["after"] is None
    poster = client.get(page["titles"][0]["poster"])
    assert poster.content == catalog.keyframe("one", 1) and "immutable" in poster.headers["cache-control"]
    plain = client.get("/v1/posters/one")
    assert plain.headers["cache-control"] == "private, no-cache"
    same = client.get("/v1/posters/one", headers={"if-none-match": plain.headers["etag"]})
    assert same.status_code == 304 and same.content == b""
    assert client.get("/v1/posters/nobody").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    ["order=best", "limit=501", "since=2001&until=1999", "after=zz", "state=gone", "has=smell", "since=-4"],
)
def test_wrong_wishes_are_told(asked: Client, wrong: str) -> None:
    answer = asked().get(f"/v1/catalogue?{wrong}")
    assert answer.status_code in (400, 422) and answer.json()["error"]["message"]
