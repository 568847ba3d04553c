"""What is kept, for how long, and that many askers cost one making."""

import threading
import time

import pytest

from mediafm.serve.kept import Kept


def test_the_least_lately_used_is_forgotten_first() -> None:
    made: list[str] = []
    kept = Kept(10)

    def get(key: str) -> str:
        return kept.get(key, lambda: made.append(key) or key, lambda _: 4)

    assert [get("a"), get("b"), get("a"), get("c"), get("a"), get("b")] == ["a", "b", "a", "c", "a", "b"]
    assert made == ["a", "b", "c", "b"] and kept.held_bytes == 8


def test_what_is_larger_than_all_room_is_given_and_not_kept() -> None:
    kept = Kept(10)
    assert kept.get("a", lambda: 1, lambda _: 11) == 1 and kept.held_bytes == 0


def test_many_askers_one_making() -> None:
    kept, made = Kept(100), []

    def make() -> int:
        made.append(1)
        time.sleep(0.05)
        return 7

    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(kept.get("k", make, lambda _: 1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [7] * 8 and len(made) == 1


def test_an_error_is_not_kept() -> None:
    kept = Kept(100)
    with pytest.raises(ZeroDivisionError):
        kept.get("k", lambda: 1 // 0, lambda _: 1)
    assert kept.get("k", lambda: 3, lambda _: 1) == 3
