import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest

from mediafm.probes.report import write_page
from mediafm.probes.report.label_tables import AT_ONCE, LARGEST_MATRIX, confusion_matrix
from mediafm.probes.report.measured import penalty_words, versions
from mediafm.probes.report.mistakes import LONGEST_TEXT, SAME_MOMENT_S, SHOWN, Mistake, find_mistakes, show
from mediafm.probes.report.predictions import read_said
from mediafm.probes.result import ProbeResult
from probes.report_results import (
    KINDS,
    LABELS,
    SHOT_S,
    SHOTS,
    PictureCatalog,
    make_predictions,
    make_result,
    make_titles,
)

VOID = {"meta", "link", "img", "br", "wbr", "hr", "input"}
SECTIONS = {
    "binary": ["scores", "context", "curves", "decisions", "errors", "measured"],
    "multilabel": ["scores", "context", "curves", "labels", "decisions", "errors", "measured"],
    "multiclass": ["scores", "context", "curves", "labels", "confusions", "errors", "measured"],
    "ranking": ["scores", "context", "curves", "errors", "measured"],
    "regression": ["scores", "context", "curves", "labels", "errors", "measured"],
    "similarity": ["scores", "context", "measured"],
}


class Reader(HTMLParser):
    """Holds that every element is closed where it should be, and keeps what the tests ask for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(tmp_path, kind, labels=None, titles=6, catalog=None, **changes):
    labels, names = labels or LABELS[kind], make_titles(titles)
    predictions = None if kind == "similarity" else make_predictions(kind, labels, names, changes.get("folds", 3))
    result = make_result(kind, labels, names, **changes)
    write_page(tmp_path / "result.html", result, predictions, catalog or PictureCatalog(names))
    return Reader((tmp_path / "result.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_sections(tmp_path, kind):
    page = page_of(tmp_path, kind)
    sections = [attributes["id"] for attributes in page.all("section") if "id" in attributes]
    assert sections == SECTIONS[kind]
    assert {a["href"] for a in page.all("a")} == {f"#{name}" for name in sections}
    assert page.all("title") and "mood" in page.text
    for said in ("run is ahead.", "Two titles have no words.", "minus concat", "+0.240", "result.json", "c0ffee"):
        assert said in page.text
    assert "−0.012 (−0.020 to −0.004)" in page.text
    assert ("predictions.parquet" in page.text) == (kind != "similarity")
    assert "nan" not in page.text.lower().split() and "None" not in page.text


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_asks_nobody_for_anything(tmp_path, kind):
    page = page_of(tmp_path, kind)
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:"))
    raw = (tmp_path / "result.html").read_text(encoding="utf-8")
    assert "url(" not in raw and "@import" not in raw and "<script" not in raw
    assert not re.search(r"https?://", raw)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_tables_say_what_they_are(tmp_path, kind):
    page = page_of(tmp_path, kind)
    for attributes in page.all("svg"):
        assert attributes.get("aria-hidden") == "true" or (attributes["role"] == "img" and attributes["aria-label"])
    assert all(attributes.get("alt") for attributes in page.all("img"))
    assert all(attributes.get("scope") for attributes in page.all("th"))
    assert len(page.all("caption")) >= len(page.all("table")) - 1  # a table that goes on under "more" has none
    assert all(a["role"] == "region" and a["aria-label"] for a in page.all("div") if a.get("class") == "scroll")
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))


EVIL = '<img src=x onerror="alert(1)"> & "q" \'s\' </style></svg></script>{{ 7*7 }}'


def test_everything_is_escaped(tmp_path):
    names = [EVIL, *make_titles(5)]
    labels = [EVIL, "calm"]
    sets = ["chance", "concat", "run", EVIL]
    predictions = make_predictions("multilabel", labels, names, sets=sets)
    result = make_result(
        "multilabel", labels, names, sets=sets, task=EVIL, notes=[EVIL], verdict=[EVIL], leaders=[EVIL],
        origin={EVIL: EVIL}, metric="average_precision",
    )  # fmt: skip
    catalog = PictureCatalog(names, names={EVIL: EVIL})
    write_page(tmp_path / "page.html", result, predictions, catalog)
    raw = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Reader(raw)
    assert "<img src=x" not in raw and "{{ 7*7 }}" in page.text
    assert page.text.count('onerror="alert(1)"') > 8  # it is there, as words
    assert all(attributes["src"].startswith("data:image/jpeg") for attributes in page.all("img"))
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "<b>line" in page.text  # timed text with a tag in it, as words


def test_one_title_and_one_fold(tmp_path):
    page = page_of(tmp_path, "multilabel", titles=1, folds=1, intervals=False, test_titles=1, verdict=[])
    assert "no interval" in page.text and "There are no intervals" in page.text and "cannot tell" in page.text
    assert "real?" not in page.text and "Whiskers" not in page.text


@pytest.mark.parametrize("kind", ["multilabel", "multiclass", "regression"])
def test_a_hundred_labels_stay_in_reach(tmp_path, kind):
    labels = [f"label {number:03d}" for number in range(100)]
    page = page_of(tmp_path, kind, labels, titles=3)
    assert f"{100 - AT_ONCE} more" in page.text
    assert len(page.all("option")) == (100 if kind == "regression" else 101)
    assert all(page.text.count(label) >= 2 for label in labels)
    if kind == "multiclass":
        assert "The most frequent confusions of run among 100 classes" in page.text
    assert (tmp_path / "result.html").stat().st_size < 3_000_000


def test_labels_stand_in_the_order_of_their_gain(tmp_path):
    page_of(tmp_path, "multilabel")
    result = make_result("multilabel", LABELS["multilabel"], make_titles(6))
    gains = {name: label.versus_concat.difference for name, label in result.row("run").labels.items()}
    raw = (tmp_path / "result.html").read_text(encoding="utf-8")
    section = raw[raw.index('<section id="labels">') : raw.index('<section id="decisions">')]
    assert re.findall(r'<tr><th scope="row">(\w+)', section) == sorted(gains, key=lambda name: -gains[name])


def test_a_catalog_without_pictures_and_words(tmp_path):
    bare = PictureCatalog(make_titles(6), texts=False, pictures=False)
    page = page_of(tmp_path, "binary", catalog=bare)
    assert page.all("img") == [] and page.all("blockquote") == [] and "false alarm" in page.text


def test_a_partial_set_in_the_lead_is_shown_on_what_it_knows(tmp_path):
    page = page_of(tmp_path, "binary", sets=["chance", "concat", "foreign"], leaders=["foreign"])
    assert "160 of 240" in page.text and "Made elsewhere" in page.text


def test_the_result_is_read_back_as_it_was(tmp_path):
    result = make_result("multilabel", LABELS["multilabel"], make_titles(3), intervals=False)
    result.save(tmp_path / "result.json")
    assert "NaN" not in (tmp_path / "result.json").read_text()
    assert ProbeResult.load(tmp_path / "result.json") == result


def mistakes_of(kind):
    said = read_said(make_predictions(kind, LABELS[kind], make_titles(12)), "run")
    return said, find_mistakes(said, kind)


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_misses_and_false_alarms_take_turns(kind):
    said, found = mistakes_of(kind)
    assert len(found) == SHOWN
    verdicts = [m.verdict for m in found]
    turns = min(verdicts.count("missed"), verdicts.count("false alarm"))  # one kind may run out
    assert turns >= 2 and verdicts[: 2 * turns] == ["missed", "false alarm"] * turns
    misses = [m.probability for m in found if m.verdict == "missed"]
    assert misses == sorted(misses) and all(p < 0.5 for p in misses)
    alarms = [m.probability for m in found if m.verdict == "false alarm"]
    assert alarms == sorted(alarms, reverse=True) and all(p > 0.5 for p in alarms)
    wrong = (said.truth_NL > 0) & ~said.given_NL
    assert misses[0] == pytest.approx(said.probabilities(kind)[wrong].min())
    for mistake in found:
        row = (said.start_s == mistake.start_s) & (np.array(said.titles)[said.title] == mistake.title)
        held = said.truth_NL[row, said.labels.index(mistake.label)] > 0
        assert held.all() == (mistake.true == "yes") == (mistake.verdict == "missed") and row.sum() == 1


def test_one_error_for_each_moment():
    for kind in ("binary", "multiclass", "regression", "ranking"):
        _, found = mistakes_of(kind)
        for i, one in enumerate(found):
            for other in found[:i]:
                same = (one.title, one.label, one.said, one.verdict) == (
                    other.title, other.label, other.said, other.verdict,
                )  # fmt: skip
                assert not same or abs(one.start_s - other.start_s) > SAME_MOMENT_S


def test_wrong_classes_values_and_places():
    said, found = mistakes_of("multiclass")
    wrong = said.truth_NL.argmax(axis=1) != said.score_NL.argmax(axis=1)
    assert found[0].probability == pytest.approx(np.exp(said.score_NL[wrong].max()))
    assert found[0].said in said.labels and found[0].true.split(" (")[0] in set(said.labels) - {found[0].said}
    said, found = mistakes_of("regression")
    gap = np.abs(said.truth_NL - said.score_NL) / said.truth_NL.std(axis=0)
    row, label = np.unravel_index(gap.argmax(), gap.shape)
    assert (found[0].start_s, found[0].label) == (said.start_s[row], said.labels[label])
    assert found[0].verdict == ("too high" if said.score_NL[row, label] > said.truth_NL[row, label] else "too low")
    _, found = mistakes_of("ranking")
    assert re.fullmatch(r"place \d+ of 40", found[0].said) and re.match(r"place \d+ \(", found[0].true)


def test_scenes_show_the_middle_shot_with_its_neighbours():
    _, found = mistakes_of("binary")
    scenes = show(found, PictureCatalog(make_titles(12), names={found[0].title: "The Name"}))
    assert scenes[0].name == "The Name"
    for scene in scenes:
        shot = round(scene.mistake.start_s / SHOT_S)
        (middle,) = [frame.words for frame in scene.frames if frame.main]
        assert middle.startswith(f"shot {shot} at 0:0") and 2 <= len(scene.frames) <= 3
        assert scene.text == f"<b>line {shot}</b> & more"


def test_a_whole_title_is_seen_at_its_quarters():
    whole = Mistake("t00", -1, 0.0, SHOTS * SHOT_S, "sad", "missed", "no", "yes", 0.1)
    (scene,) = show([whole], PictureCatalog(["t00"]))
    assert [frame.words.split()[1] for frame in scene.frames] == ["10", "20", "30"]
    assert scene.place == "0:00:00.0 to 0:01:40.0" and scene.text.endswith(" …") and len(scene.text) <= LONGEST_TEXT + 2


def test_small_matrices_are_drawn_and_large_ones_listed():
    said, _ = mistakes_of("multiclass")
    matrix = confusion_matrix(said)
    assert sum(int(cell.count.replace(",", "")) for row in matrix.cells for cell in row) == len(said)
    for row in matrix.cells:
        assert sum(float(cell.share or 0) for cell in row) == pytest.approx(1, abs=0.02)
    counts = [int(count.replace(",", "")) for *_, count, _ in matrix.confusions]
    assert counts == sorted(counts, reverse=True) and len(counts) <= 12
    many = [f"class {i}" for i in range(LARGEST_MATRIX + 1)]
    assert confusion_matrix(read_said(make_predictions("multiclass", many, make_titles(4)), "run")).cells is None


def test_what_was_chosen_and_with_what():
    row = make_result("binary", ["x"], make_titles(6)).row("run")
    assert penalty_words(row) == "0.001 × 3, 0.01 × 3"
    assert versions()["numpy"] == np.__version__ and "mediafm" in versions()


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _mixed(one, other, share):
    parts = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in parts)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(scheme):
    """WCAG 2.2: 4.5 for text, 3 for what is drawn."""
    sheet = (files("mediafm.probes.report") / "templates" / "table.css").read_text(encoding="utf-8")
    found = re.findall(r"--mfm-([\w-]+): (#[0-9a-f]{6})", sheet)
    half = len(found) // 2
    colours = dict(found[scheme * half : (scheme + 1) * half])
    assert len(colours) == half and "ink" in colours
    for ground in ("ground", "raised"):
        for name in ("ink", "soft", "good", "bad", "blue"):
            assert _contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for name in ("blue", "orange", "green", "purple", "slate", "grey"):
            assert _contrast(colours[name], colours[ground]) >= 3, (name, ground)
    for name in ("ink", "warn"):
        assert _contrast(colours[name], colours["warn-ground"]) >= 4.5
    strongest = _mixed(colours["blue"], colours["ground"], 0.55)  # of a confusion matrix
    assert _contrast(colours["ink"], strongest) >= 4.5
