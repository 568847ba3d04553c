import math

import pytest

from mediafm.errors import UsageError
from mediafm.search import Image, Like, SoundFile, Words, split_weight


@pytest.mark.parametrize(
    "text, expected",
    [
        ("dog", ("dog", 1.0)),
        ("dog^2", ("dog", 2.0)),
        ("a^b^-0.5", ("a^b", -0.5)),
        ("TITLE@12-20^1e1", ("TITLE@12-20", 10.0)),
    ],
)
def test_weights_stand_behind_the_last_mark(text, expected):
    assert split_weight(text) == expected


def test_a_name_that_stands_is_taken_as_it_is():
    assert split_weight("take^2", {"take^2"}.__contains__) == ("take^2", 1.0)


@pytest.mark.parametrize("text", ["dog^", "dog^big", "dog^2 cats"])
def test_weights_that_are_no_numbers(text):
    with pytest.raises(UsageError, match="no weight of a query"):
        split_weight(text)


@pytest.mark.parametrize("kind", [Words, Like, Image, SoundFile])
@pytest.mark.parametrize("weight", [0, math.nan, math.inf, "2", True])
def test_every_query_refuses_such_weights(kind, weight):
    with pytest.raises(UsageError, match="no weight of a query"):
        kind("a", weight)
