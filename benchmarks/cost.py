"""What a catalogue costs in machines, storage and days, from the rates that docs/benchmarks.md states.

    python benchmarks/cost.py [--hours 100000] [--machines 20] [--cores 16] [--speed FILM_HOURS_PER_CORE_HOUR] ...

Rates are read from the page, so that the table follows it; every one can be given instead. Assumptions are options too,
and stand in the output. Formulae:

    speed        = film seconds / (cores x (wall - start-up))            film hours that one core does in an hour
    at 1080p     = the same with decoding, scaling and scoring (12 of 27 core seconds) times --pixels
    core hours   = hours / speed / (1 - lost), lost: work done twice because machines went away, and idle ends
    days         = core hours / (machines x cores) / 24
    in a second  = machines x cores x speed x gigabytes an hour of film / 3600    what object storage has to give
    catalog      = hours x shots an hour x bytes a shot, bytes a shot = picture + 2 x numbers + the rest of its rows
    money        = core hours x price of one + catalog x price of a GB and month
"""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
FILM_S, CORES_MEASURED = 596.0, 2  # Big Buck Bunny, on the machine of the page
OF_PIXELS, OF_ALL = 12.0, 27.0  # core seconds: decoding 7, scaling 3, scoring 2 of 27, as the page says
NUMBERS_MEASURED, PICTURE_BYTES = 3 * 384, 10_000  # a shot of the catalog that was measured
NUMBERS = {"offline": 973, "open": 1920, "reference": 2304}


@dataclass(frozen=True)
class Rates:
    """speed: film hours a core hour. shots: an hour of film. row_bytes: of a shot beside its vectors and picture."""

    speed: dict[str, float]
    shots: dict[str, float]
    row_bytes: float
    memory_mb: dict[str, float]


def read_rates(page: str) -> Rates:
    """The page's own figures; ValueError where a table is no longer there."""
    speed, shots, memory = {}, {}, {}
    for detector in ("content", "auto"):
        row = _row(page, f"`{detector}`")
        wall, start = _seconds(row[3]), _seconds(row[4])
        speed[detector] = FILM_S / (CORES_MEASURED * (wall - start))
        shots[detector] = _number(row[1]) * 3600 / FILM_S
        memory[detector] = _number(row[7])
    titles = _row(page, "10,000")
    per_shot = _number(titles[4]) * 1e6 / (_number(titles[0]) * 40)
    return Rates(speed, shots, per_shot - PICTURE_BYTES - 2 * NUMBERS_MEASURED, memory)


def _row(page: str, first: str) -> list[str]:
    found = re.search(rf"^\| {re.escape(first)} \|(.*)\|$", page, re.MULTILINE)
    if found is None:
        raise ValueError(f"docs/benchmarks.md has no row that begins with {first}")
    return [first, *(cell.strip() for cell in found[1].split("|"))]


def _number(cell: str) -> float:
    return float(re.sub(r"[^\d.].*$", "", cell.replace(",", "").lstrip("`")))


def _seconds(cell: str) -> float:
    return _number(cell)


@dataclass(frozen=True)
class Cost:
    """Of one catalogue, on so many machines."""

    core_hours: float
    days: float
    gigabytes_a_second: float
    catalog_gb: float
    dollars: float
    dollars_a_month: float


def cost(speed: float, shots_an_hour: float, bytes_a_shot: float, asked: argparse.Namespace) -> Cost:
    core_hours = asked.hours / speed / (1 - asked.lost)
    cores = asked.machines * asked.cores
    catalog = asked.hours * shots_an_hour * bytes_a_shot / 1e9
    reading = cores * speed * asked.film_gb / 3600
    stored = catalog * asked.storage_price
    return Cost(core_hours, core_hours / cores / 24, reading, catalog, core_hours * asked.core_price, stored)


def at_pixels(speed: float, times: float) -> float:
    """The speed on films of so many times the pixels, the part that looks at pixels growing with them."""
    share = OF_PIXELS / OF_ALL
    return speed / (1 - share + share * times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=100_000, help="of film")
    parser.add_argument("--machines", type=int, default=20)
    parser.add_argument("--cores", type=int, default=16, help="of a machine")
    parser.add_argument("--speed", type=float, help="film hours that one core does in an hour, in place of the page's")
    parser.add_argument("--pixels", type=float, default=9.0, help="times the measured 640 x 360 (1080p: 9)")
    parser.add_argument("--film-gb", type=float, default=2.0, help="of an hour of film (4.4 Mbit/s)")
    parser.add_argument("--lost", type=float, default=0.1, help="share of the work that is lost or idle")
    parser.add_argument("--core-price", type=float, default=0.05, help="dollars for a core and hour")
    parser.add_argument("--storage-price", type=float, default=0.023, help="dollars for a GB and month")
    parser.add_argument("--preset", choices=NUMBERS, default="offline", help="whose numbers a shot has")
    asked = parser.parse_args()
    rates = read_rates(PAGE.read_text(encoding="utf-8"))
    bytes_a_shot = PICTURE_BYTES + 2 * NUMBERS[asked.preset] + rates.row_bytes
    print(
        f"{asked.hours:,.0f} hours, {asked.machines} machines of {asked.cores} cores, "
        f"{bytes_a_shot / 1e3:.1f} kB a shot"
    )
    print(
        "| detector, picture | film hours a core hour | core hours | days | GB/s in "
        "| catalog | machines | catalog a month |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for detector, measured in rates.speed.items():
        for name, times in (("640 x 360", 1.0), (f"{asked.pixels:g} x the pixels", asked.pixels)):
            speed = at_pixels(asked.speed or measured, times)
            of = cost(speed, rates.shots[detector], bytes_a_shot, asked)
            print(
                f"| `{detector}`, {name} | {speed:.1f} | {of.core_hours:,.0f} | {of.days:.1f} "
                f"| {of.gigabytes_a_second:.2f} | {of.catalog_gb:,.0f} GB "
                f"| ${of.dollars:,.0f} | ${of.dollars_a_month:,.0f} |"
            )


if __name__ == "__main__":
    main()
