"""What a catalogue costs: rates read from the page itself, and a case worked out by hand."""

import argparse
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "cost.py"
PAGE = """
| `content` | 100 | 5.4 s | 12.0 s | 2.0 s | 3.1 (2.8) | 26.9 s (10.7) | 720 MB |
| `auto` | 133 | 5.6 s | 28.1 s | 2.3 s | 5.0 (4.6) | 190.3 s (176.8) | 1,242 MB |
| 10,000 | .035 s (alone) | 12.1 s | 965 MB | 5,147 MB |
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cost", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_case_by_hand(script: ModuleType) -> None:
    rates = script.read_rates(PAGE)
    assert rates.speed["content"] == pytest.approx(596 / 20)
    assert rates.shots["content"] == pytest.approx(100 * 3600 / 596)
    assert rates.row_bytes == pytest.approx(5147e6 / 400_000 - 10_000 - 2304)
    asked = argparse.Namespace(
        hours=1000, machines=5, cores=4, lost=0.5, film_gb=1.8, core_price=0.1, storage_price=0.02
    )
    of = script.cost(10.0, 1000, 1e4, asked)
    assert of.core_hours == pytest.approx(200) and of.days == pytest.approx(200 / 20 / 24)
    assert of.gigabytes_a_second == pytest.approx(0.1) and of.catalog_gb == pytest.approx(10)
    assert of.dollars == pytest.approx(20) and of.dollars_a_month == pytest.approx(0.2)
    assert script.at_pixels(27.0, 1.0) == 27.0 and script.at_pixels(123.0, 9.0) == pytest.approx(27.0)


def test_the_page_still_has_the_rates(script: ModuleType) -> None:
    rates = script.read_rates(script.PAGE.read_text(encoding="utf-8"))
    assert 1 < rates.speed["auto"] < rates.speed["content"] < 1000
    with pytest.raises(ValueError, match="no row"):
        script.read_rates("nothing")
