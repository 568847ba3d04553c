import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mediafm.encoders.hosted import Budget, HostedCache
from mediafm.errors import CatalogError

VECTOR = np.random.default_rng(0).standard_normal(512).astype(np.float32)


def test_a_vector_comes_back_to_the_bit(tmp_path: Path) -> None:
    cache = HostedCache(tmp_path)
    assert cache.vector("abc") is None
    cache.put_task("abc", "7")
    cache.put_vector("abc", VECTOR, {"title": "film"})
    np.testing.assert_array_equal(HostedCache(tmp_path).vector("abc"), VECTOR)
    assert cache.task("abc") == ""
    (file,) = tmp_path.rglob("*.json")
    assert json.loads(file.read_text())["title"] == "film"


def test_it_lies_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path))
    assert HostedCache().folder == tmp_path / "hosted"
    monkeypatch.delenv("MEDIAFM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform != "darwin":
        assert HostedCache().folder == tmp_path / "xdg" / "mediafm" / "hosted"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"float32": "?"}', '{"float32": ""}', '{"float32": 7}', '{"x": 1}']
)
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: str) -> None:
    cache = HostedCache(tmp_path)
    cache.put_vector("abc", VECTOR, {})
    (file,) = tmp_path.rglob("*.json")
    file.write_text(content)
    assert cache.vector("abc") is None
    cache.put_vector("abc", VECTOR, {})
    assert cache.vector("abc") is not None


def test_keys_tell_everything_apart() -> None:
    facts = {"service": "s", "film": "f", "span": (0, 1), "cut": {"crf": 23}}
    keys = {HostedCache.key(**facts), HostedCache.key(**{**facts, "span": (0, 2)})}
    keys |= {HostedCache.key(**{**facts, "cut": {"crf": 24}}), HostedCache.key(**{**facts, "film": "g"})}
    assert len(keys) == 4
    assert HostedCache.key(**dict(reversed(facts.items()))) in keys


def test_a_cache_that_cannot_be_written_is_an_error_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="cannot be written") as raised:
        HostedCache(tmp_path / "file").check()
    assert "MEDIAFM_CACHE" in raised.value.remedy


def test_a_process_killed_while_it_writes_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np; from pathlib import Path; from mediafm.encoders.hosted.cache import HostedCache\n"
        "cache = HostedCache(Path(sys.argv[1])); print('go', flush=True)\n"
        "while True:\n for k in range(1, 4): cache.put_vector('abc', np.full(4096, k, np.float32), {})\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    cache, seen = HostedCache(tmp_path), set()
    while cache.vector("abc") is None:
        pass
    for _ in range(300):
        vector = cache.vector("abc")
        assert vector is not None
        assert (vector == vector[0]).all()
        seen.add(float(vector[0]))
    writer.kill()
    writer.wait()
    writer.stdout.close()
    vector = cache.vector("abc")
    assert vector is not None
    assert (vector == vector[0]).all()
    assert seen <= {1.0, 2.0, 3.0}


def test_a_budget_is_never_passed_whoever_asks() -> None:
    budget = Budget(1.0)
    granted = []

    def ask() -> None:
        for k in range(200):
            if budget.reserve(0.01):
                granted.append(1)
                (budget.charge, budget.doubt, budget.release)[k % 3](0.01)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.spent + budget.unconfirmed == pytest.approx(1.0)
    assert budget.reserved == pytest.approx(0)
    assert not budget.reserve(0.01)


def test_what_a_budget_counts() -> None:
    budget = Budget(0.3)
    assert budget.reserve(0.1) and budget.reserve(0.1) and budget.reserve(0.1)  # three tenths, rounding or not
    assert not budget.reserve(0.001)
    budget.charge(0.1)
    budget.release(0.1)
    budget.doubt(0.1)
    assert (budget.spent, budget.unconfirmed) == pytest.approx((0.1, 0.1))
    budget.question(0.1)
    assert (budget.spent, budget.unconfirmed) == pytest.approx((0.0, 0.2))
    assert not budget.reserve(0.11)
