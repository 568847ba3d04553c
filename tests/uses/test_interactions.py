import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mediafm.errors import ImportDataError, UsageError
from mediafm.uses.interactions import read_interactions, read_oracles

TITLES = ["0042", "alps", "sea"]
ROWS = [("u2", "sea", 5, 1), ("u1", "0042", 4, 2), ("u1", "alps", 1, 3), ("u2", "sea", 4, 4), ("u1", "sea", 3.5, 5)]


def write(path, header="user,item,rating,timestamp", rows=ROWS, sign=","):
    lines = [header, *(sign.join(str(part) for part in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "sign"),
    [
        ("user,item,rating,timestamp", ","),
        ("userId,movieId,rating,timestamp", ","),
        ("User_ID\tTitle_ID\tScore\tTime", "\t"),
        ('"account_id";"show_id";"stars";"date"', ";"),
    ],
)
def test_headers_and_signs_are_read_as_they_come(tmp_path, header, sign):
    found = read_interactions(write(tmp_path / "likes.csv", header, sign=sign), TITLES)
    assert found.users == ["u1", "u2"]
    assert found.min_rating == 3.5  # 70 % of 5
    np.testing.assert_array_equal(found.liked_UT.toarray(), [[1, 0, 1], [0, 0, 1]])  # the pair that came twice once
    np.testing.assert_array_equal(found.counts, [1, 0, 2])


def test_parquet_without_ratings_counts_every_row(tmp_path):
    table = pa.table({"viewer": [1, 2], "title": ["sea", "alps"]})
    pq.write_table(table, tmp_path / "likes.parquet")
    found = read_interactions(tmp_path / "likes.parquet", TITLES)
    assert (found.users, found.min_rating) == (["1", "2"], None)
    np.testing.assert_array_equal(found.liked_UT.toarray(), [[0, 0, 1], [0, 1, 0]])
    with pytest.raises(UsageError, match="no ratings"):
        read_interactions(tmp_path / "likes.parquet", TITLES, min_rating=3)


def test_a_rating_from_which_on_is_taken(tmp_path):
    found = read_interactions(write(tmp_path / "likes.csv"), TITLES, min_rating=1)
    assert found.liked_UT.sum() == 4
    with pytest.raises(ImportDataError, match=r"No rating in .* reaches 9"):
        read_interactions(tmp_path / "likes.csv", TITLES, min_rating=9)


def test_items_go_by_a_table_or_a_column(tmp_path):
    rows = [("u1", 1, 5, "sea"), ("u2", 2, 5, "alps"), ("u2", 3, 5, "gone")]
    path = write(tmp_path / "likes.csv", "user,movieId,rating,name", rows)
    (tmp_path / "map.csv").write_text("movieId,title\n1,sea\n2,alps\n", encoding="utf-8")
    by_table = read_interactions(path, TITLES, items=tmp_path / "map.csv")
    by_column = read_interactions(path, TITLES, item_column="name")
    np.testing.assert_array_equal(by_table.liked_UT.toarray(), by_column.liked_UT.toarray())
    assert by_table.notes == ["1 items are no titles of the catalog (33% of rows): 3."]
    with pytest.raises(ImportDataError, match=r"No item of .* is a title") as error:
        read_interactions(path, TITLES)
    assert "--items" in error.value.remedy


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("user,item,rating\n", "no rows, so no users"),
        ("item,rating\nsea,5\n", "no user column"),
        ("user,rating\nu1,5\n", "no item column"),
        ("user,item,rating\nu1,sea,good\n", "not numbers"),
        ("user,item,rating\nu1,,3\n,sea,5\n", "1 rows without item|1 rows without user"),
        ("user,item,rating\nu1,sea\n", "Cannot read"),
    ],
)
def test_wrong_tables_have_their_message(tmp_path, text, match):
    (tmp_path / "likes.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ImportDataError, match=match):
        read_interactions(tmp_path / "likes.csv", TITLES)


def test_a_missing_table_has_its_message(tmp_path):
    with pytest.raises(ImportDataError, match="There is no table"):
        read_interactions(tmp_path / "likes.csv", TITLES)


def test_a_map_of_other_titles_has_its_message(tmp_path):
    (tmp_path / "map.csv").write_text("item,title\n1,mars\n", encoding="utf-8")
    with pytest.raises(ImportDataError, match="names no title"):
        read_interactions(write(tmp_path / "likes.csv"), TITLES, items=tmp_path / "map.csv")
    (tmp_path / "map.csv").write_text("a,b\n1,mars\n", encoding="utf-8")
    with pytest.raises(ImportDataError, match="two columns"):
        read_interactions(tmp_path / "likes.csv", TITLES, items=tmp_path / "map.csv")


def test_oracles_lie_where_users_and_titles_do(tmp_path):
    liked = read_interactions(write(tmp_path / "likes.csv"), TITLES)
    rows = [("u2", "sea", 0.5, 2), ("u1", "alps", 0.25, -1), ("u9", "sea", 0.1, 0)]
    oracle = read_oracles(write(tmp_path / "oracle.csv", "user,item,chance,other", rows), liked)
    np.testing.assert_allclose(oracle["chance"], [[0.1, 0.25, 0.1], [0.1, 0.1, 0.5]])
    np.testing.assert_allclose(oracle["other"], [[-1, -1, -1], [-1, -1, 2]])
