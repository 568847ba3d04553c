import re

import pytest

from mediafm.probes.report import probe_table_html, probe_table_markdown
from mediafm.probes.report.cells import Bars, Forest
from mediafm.probes.report.groups import Known, base_name, cast_of, group_of, meaning
from mediafm.probes.report.numbers import (
    between,
    capital,
    clock,
    decimal,
    metric_words,
    p_text,
    short_count,
    signed,
    true_minus,
)
from mediafm.probes.report.svg import Scale, number, tag
from mediafm.probes.report.tables import main_table
from mediafm.probes.result import Difference
from probes.report_results import KINDS, LABELS, SETS, make_result, make_titles

KNOWN = Known(elsewhere=["foreign"])


def result_of(kind="multilabel", **changes):
    return make_result(kind, LABELS[kind], make_titles(6), **changes)


def test_numbers_are_written_one_way():
    assert [decimal(v) for v in (0.8125, -0.034, -0.0001, None, float("nan"))] == [
        "0.812", "−0.034", "0.000", "–", "–",
    ]  # fmt: skip
    assert [signed(v) for v in (0.012, -0.012, 0.0, None)] == ["+0.012", "−0.012", "0.000", "–"]
    assert between(0.1, 0.2) == "0.100 to 0.200" and between(-0.1, 0.2, signs=True) == "−0.100 to +0.200"
    assert (
        between(None, None) == "" and p_text(None) == "" and p_text(0.0001) == "< 0.001" and p_text(0.0321) == "0.032"
    )
    assert [clock(s) for s in (0, 59.96, 3599.99, 3661.25)] == ["0:00:00.0", "0:01:00.0", "1:00:00.0", "1:01:01.2"]
    assert [short_count(n) for n in (7, 999, 1234, 9960, 34_000, 2_100_000)] == [
        "7", "999", "1.2k", "10k", "34k", "2.1M",
    ]  # fmt: skip
    assert metric_words("macro_roc_auc") == "macro ROC AUC" and metric_words("f1_within_3s") == "F1 within 3s"
    assert capital("f1 of all") == "F1 of all" and capital("") == ""
    assert true_minus("run-none: -0.012 (-0.020 to +0.004), s01-02") == "run-none: −0.012 (−0.020 to +0.004), s01-02"


def test_rows_stand_in_groups():
    table = main_table(result_of(), KNOWN)
    groups = {block.group.title: [line.name for line in block.lines] for block in table.blocks}
    assert groups == {
        "Context embeddings": ["run"],
        "Controls of the checkpoint": ["run/no_global", "run/own_hidden", "run/radius_2"],
        "Surroundings": ["neighbours", "moving_average_8", "past_future_8"],
        "Inputs": ["concat", "metadata", "video", "video+audio"],
        "Made elsewhere": ["foreign"],
        "Chance": ["chance"],
    }
    lines = {line.name: line for block in table.blocks for line in block.lines}
    assert lines["run"].best and not lines["neighbours"].linear and table.partial and table.judged
    assert (lines["run"].sign.word, lines["run"].sign.mark) == ("real", "▲")
    assert lines["metadata"].sign.mark == "▼" and lines["past_future_8"].sign.word == "open"
    assert lines["concat"].difference == "" and lines["foreign"].examples == "160 of 240"
    assert all(line.meaning for line in lines.values())


def test_groups_without_a_catalog_and_of_other_names():
    result = result_of(sets=["chance", "concat", "run", "run-none", "run (attentive)", "foreign", "lone-none"])
    groups = {row.features: group_of(row.features, result, Known()).key for row in result.rows}
    assert groups == {
        "chance": "chance", "concat": "input", "run": "context", "run-none": "control", "run (attentive)": "context",
        "foreign": "elsewhere", "lone-none": "context",
    }  # fmt: skip
    assert group_of("lone-none", result, Known(without_context=["lone-none"])).key == "control"
    assert base_name("run (attentive)") == "run"
    assert "attention" in meaning("run (attentive)", group_of("run (attentive)", result, Known()))
    assert meaning("run-none", group_of("run-none", result, Known())) == "each shot by itself: no context at all"


def test_charts_show_the_best_context_embedding_or_the_best_of_all():
    cast = cast_of(result_of(), KNOWN)
    assert [row.features for row in cast.rows.values()] == ["run", "concat", "neighbours"]
    without = cast_of(result_of(sets=["chance", "concat", "metadata", "neighbours"], leaders=["neighbours"]), KNOWN)
    assert {part: row.features for part, row in without.rows.items()} == {"focus": "neighbours", "concat": "concat"}


@pytest.mark.parametrize("kind", KINDS)
def test_fragment_and_markdown_of_every_kind(kind):
    result = result_of(kind)
    html, text = probe_table_html(result), probe_table_markdown(result)
    assert html.startswith('<figure class="mfm-probe">') and html.rstrip().endswith("</figure>")
    assert "<strong>run</strong>" in html and "| **run** |" in text
    for name in SETS:
        assert name in text
    assert "Context hurts a little: −0.012" in html and "Context hurts a little: −0.012" in text
    assert "+0.240" in html and "▲ real" in text and "real</span>" in html
    assert text.startswith("# mood\n") and "- Two titles have no words." in text and "| run | whole title |" in text
    assert ("## Labels" in text) == (kind in ("multilabel", "multiclass", "regression"))
    assert "nan" not in text.lower() and "None" not in text and "None" not in html


def test_markdown_tables_are_whole():
    result = result_of(task="a | b <i> *c*")
    text = probe_table_markdown(result)
    assert text.startswith("# a \\| b \\<i\\> \\*c\\*\n")
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_nothing_is_bold_unless_one_leads_alone():
    result = result_of(leaders=["run", "neighbours"])
    html = probe_table_html(result)
    assert "<strong>" not in html and html.count('<span class="tag">tied best</span>') == 2
    assert "**" not in probe_table_markdown(result)


def test_one_held_out_title_gives_no_intervals():
    result = result_of(intervals=False, test_titles=1, folds=1, leaders=list(SETS[1:]), verdict=[])
    html, text = probe_table_html(result), probe_table_markdown(result)
    assert "cannot tell" in html and "cannot tell" in text
    assert "tied best" not in html and "real?" not in html and 'class="whisker"' not in html
    assert "None" not in html + text


def test_bars_and_differences_lie_where_they_should():
    bars = Bars.of([0.1, 0.83, None])
    assert (bars.scale.low, bars.scale.high) == (0.0, 1.0)
    assert Bars.of([-7.0, 0.2]).scale.low == -1.0  # R2 has no lower bound
    row = result_of().row("run")
    drawing = bars.score(row, "context")
    x = bars.scale(row.score)
    assert f'cx="{number(x)}"' in drawing and f'width="{number(x - bars.scale(0))}"' in drawing
    assert 'aria-label="0.680, 95 % interval 0.650 to 0.710, chance 0.210"' in drawing
    forest = Forest.of([Difference(difference=0.05, low=-0.01, high=0.11)])
    assert forest.scale(0) == pytest.approx((forest.scale.start + forest.scale.stop) / 2)
    drawn = forest.difference(Difference(difference=0.05, low=-0.01, high=0.11), real=False)
    assert "hollow" in drawn and "+0.050, 95 % interval −0.010 to +0.110" in drawn


def test_scales_have_round_ticks_and_tags_escape():
    assert Scale(0, 1, 0, 100).ticks() == [0, 0.25, 0.5, 0.75, 1]
    assert Scale(-0.3, 0.31, 0, 100).ticks() == [-0.2, 0, 0.2]
    assert Scale(1, 1, 0, 100)(5) == 50
    assert tag("text", "a < b", x=1.0, class_='"') == '<text x="1" class="&#34;">a &lt; b</text>'
    assert [number(v) for v in (1.04, -0.04, 10.0, 2.55)] == ["1", "0", "10", "2.5"]
