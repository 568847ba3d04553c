from dataclasses import replace

import pytest
import torch

from mediafm.errors import MediafmError
from mediafm.model import ShotTransformer, ShotTransformerConfig

CONFIG = ShotTransformerConfig(blocks=(4, 6), global_dim=6, hidden=32, layers=3, heads=4, max_shots=40)
FORMS = [(positions, norm) for positions in ("learned", "rotary") for norm in ("pre", "post")]
VARIANTS = [
    {},
    {"norm": "post", "positions": "learned"},
    {"positions": "time", "duration_input": True},
    {"mlp": "swiglu", "norm_kind": "rms"},
    {"projection": "late", "head": "mlp"},
]


def make(positions: str = "rotary", norm: str = "pre") -> ShotTransformer:
    generator = torch.Generator().manual_seed(1)
    model = ShotTransformer(replace(CONFIG, positions=positions, norm=norm), generator).eval()
    with torch.no_grad():  # weights large enough that attention is far from uniform
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    return model


@torch.no_grad()
def variant(options: dict[str, object]) -> ShotTransformer:
    model = ShotTransformer(replace(CONFIG, **options), torch.Generator().manual_seed(1)).eval()
    for parameter in model.parameters():  # far from where all attention is uniform
        if parameter.ndim == 2:
            parameter.mul_(8)
    return model


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_post_norm_equals_bert_with_copied_weights() -> None:
    from transformers import BertConfig, BertModel

    model = make("learned", "post")
    with torch.random.fork_rng(devices=[]):
        bert = BertModel(
            BertConfig(
                vocab_size=1,
                hidden_size=32,
                num_hidden_layers=3,
                num_attention_heads=4,
                intermediate_size=128,
                max_position_embeddings=42,
                layer_norm_eps=1e-5,
            ),
            add_pooling_layer=False,
        ).eval()
    copy_to_bert(model, bert)
    fused, glob, masked = randn(3, 20, 10), randn(3, 6, seed=1), randn(3, 20, seed=2) > 0.8
    padding = torch.zeros(3, 20, dtype=torch.bool)
    padding[1, 15:] = True
    shots = torch.where(masked[..., None], model.mask, model.shot_in(fused))
    front = torch.stack([model.cls.expand(3, -1), model.global_in(glob)], dim=1)
    keep = torch.cat([torch.ones(3, 2, dtype=torch.bool), ~padding], dim=1)
    expected = bert(inputs_embeds=torch.cat([front, shots], dim=1), attention_mask=keep.long()).last_hidden_state
    output = model(fused, masked, padding, glob)
    torch.testing.assert_close(output.context_BSH[~padding], expected[:, 2:][~padding], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(output.title_BH, expected[:, 0], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def copy_to_bert(model: ShotTransformer, bert: torch.nn.Module) -> None:
    embeddings = bert.embeddings
    embeddings.position_embeddings.weight.copy_(model.positions.weight)
    embeddings.token_type_embeddings.weight.zero_()  # we have no token types
    embeddings.LayerNorm.load_state_dict(model.input_norm.state_dict())
    for ours, theirs in zip(model.blocks, bert.encoder.layer, strict=True):
        attention = theirs.attention
        parts = zip(ours.attention.qkv.weight.chunk(3), ours.attention.qkv.bias.chunk(3), strict=True)
        for name, (weight, bias) in zip(("query", "key", "value"), parts, strict=True):
            linear = getattr(attention.self, name)
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        attention.output.dense.load_state_dict(ours.attention.out.state_dict())
        attention.output.LayerNorm.load_state_dict(ours.attention_norm.state_dict())
        theirs.intermediate.dense.load_state_dict(ours.mlp.up.state_dict())
        theirs.output.dense.load_state_dict(ours.mlp.down.state_dict())
        theirs.output.LayerNorm.load_state_dict(ours.mlp_norm.state_dict())


@pytest.mark.parametrize(("positions", "norm"), FORMS)
def test_padded_equals_unpadded(positions: str, norm: str) -> None:
    model, fused, glob = make(positions, norm), randn(1, 17, 10), randn(1, 6, seed=1)
    masked = randn(1, 17, seed=2) > 0.8
    alone = model(fused, masked, None, glob)
    padding = torch.ones(1, 25, dtype=torch.bool)
    padding[:, :17] = False
    filler = torch.full((1, 8, 10), 1e3)  # whatever stands there
    wide_mask = torch.cat([masked, torch.zeros(1, 8, dtype=torch.bool)], dim=1)
    padded = model(torch.cat([fused, filler], dim=1), wide_mask, padding, glob)
    torch.testing.assert_close(padded.context_BSH[:, :17], alone.context_BSH, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(padded.predicted_BSD[:, :17], alone.predicted_BSD, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(padded.title_BH, alone.title_BH, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("positions", "norm"), FORMS)
def test_a_masked_shot_does_not_leak(positions: str, norm: str) -> None:
    model, glob = make(positions, norm), randn(1, 6)
    fused = randn(1, 12, 10).requires_grad_()
    masked = torch.zeros(1, 12, dtype=torch.bool)
    masked[0, [3, 7]] = True
    output = model(fused, masked, None, glob)
    (gradient,) = torch.autograd.grad(output.predicted_BSD.square().sum() + output.title_BH.square().sum(), fused)
    shown = ~masked[0]
    assert (gradient[0, masked[0]] == 0).all()
    assert (gradient[0, shown].abs().sum(dim=-1) > 0).all()  # both ways: all shown shots are looked at


def test_whole_title_is_seen_both_ways() -> None:
    model, fused = make(), randn(1, 40, 10).requires_grad_()
    (gradient,) = torch.autograd.grad(model(fused).context_BSH[0, 20].square().sum(), fused)
    assert (gradient.abs().sum(dim=-1) > 0).all()


def test_order_counts_and_rotary_positions_are_relative() -> None:
    model, fused = make(), randn(1, 8, 10)
    assert not torch.allclose(model(fused).context_BSH.flip(1), model(fused.flip(1)).context_BSH, atol=1e-3)
    query, key = randn(1, 1, 8), randn(1, 1, 8, seed=1)
    from mediafm.model.layers import rotary_turns, rotate

    table = rotary_turns(torch.arange(30), 8)
    products = [
        (rotate(query, table[:, i : i + 1]) * rotate(key, table[:, i + 5 : i + 6])).sum().item() for i in (0, 9, 20)
    ]
    assert products == pytest.approx([products[0]] * 3, abs=1e-5)


def test_missing_metadata_is_a_learned_vector() -> None:
    model, fused = make(), randn(2, 5, 10)
    glob = randn(2, 6)
    glob[1] = 0
    mixed, without = model(fused, None, None, glob), model(fused)
    torch.testing.assert_close(mixed.context_BSH[1], without.context_BSH[1])
    assert not torch.allclose(mixed.context_BSH[0], without.context_BSH[0])
    bare = ShotTransformer(replace(CONFIG, global_dim=0)).eval()
    assert bare(fused, None, None, torch.zeros(2, 0)).context_BSH.isfinite().all()


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_shots_without_any_feature_keep_gradients_sane(norm: str) -> None:
    model = ShotTransformer(replace(CONFIG, norm=norm))
    model(torch.zeros(2, 6, 10)).predicted_BSD.square().sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(g.isfinite().all() for g in gradients)
    assert max(float(g.abs().max()) for g in gradients) < 1e3


def test_weights_come_from_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, two = (ShotTransformer(CONFIG, torch.Generator().manual_seed(5)) for _ in range(2))
    other = ShotTransformer(CONFIG, torch.Generator().manual_seed(6))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.head.weight, other.head.weight)


def test_what_does_not_fit_is_refused() -> None:
    model = make()
    with pytest.raises(MediafmError, match="to 41 shots"):
        model(randn(1, 41, 10))
    with pytest.raises(MediafmError, match="size 9"):
        model(randn(1, 4, 9))
    with pytest.raises(MediafmError, match="heads"):
        replace(CONFIG, heads=5)


def times(*lengths: int) -> torch.Tensor:
    """Starts and ends of shots of unequal length, from another zero in each sequence."""
    ends = [(torch.rand(n, generator=torch.Generator().manual_seed(n)) * 6 + 0.5).cumsum(0) + 10 * n for n in lengths]
    return torch.cat([torch.stack([torch.cat([e[:1] - 1, e[:-1]]), e], dim=1) for e in ends])


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_packed_sequences_equal_each_alone(options: dict[str, object]) -> None:
    model, lengths = variant(options), [17, 1, 40, 5]
    fused, glob, when = randn(63, 10), randn(4, 6, seed=1), times(*lengths)
    masked = randn(63, seed=2) > 0.8
    glob[2] = 0
    packed = model.encode(fused, lengths, masked, glob, when)
    start = 0
    for number, n in enumerate(lengths):
        rows = slice(start, start + n)
        alone = model.encode(fused[rows], [n], masked[rows], glob[number : number + 1], when[rows])
        torch.testing.assert_close(packed.shots_NH[rows], alone.shots_NH, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(packed.titles_BH[number], alone.titles_BH[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(packed.layer(0)[rows], alone.layer(0), atol=1e-5, rtol=1e-5)
        start += n


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_no_variant_leaks_a_masked_shot_or_another_sequence(options: dict[str, object]) -> None:
    model, lengths = variant(options), [12, 9]
    fused = randn(21, 10).requires_grad_()
    masked = torch.zeros(21, dtype=torch.bool)
    masked[[3, 7]] = True
    found = model.encode(fused, lengths, masked, None, times(*lengths))
    states = [found.shots_NH[:12], found.titles_BH[0], found.layer(0)[:12]]
    (gradient,) = torch.autograd.grad(sum(s.square().sum() for s in states), fused)
    assert (gradient[masked] == 0).all()
    assert (gradient[12:] == 0).all()
    assert (gradient[:12][~masked[:12]].abs().sum(dim=-1) > 0).all()


def test_even_sequences_are_mixed_alike() -> None:
    model, fused = variant({}), randn(24, 10)
    even, uneven = model.encode(fused, [8, 8, 8]), model.encode(torch.cat([fused, fused[:3]]), [8, 8, 8, 3])
    torch.testing.assert_close(even.shots_NH, uneven.shots_NH[:24], atol=1e-5, rtol=1e-5)


def test_time_positions_are_relative_and_in_seconds() -> None:
    model, fused = variant({"positions": "time"}), randn(9, 10)
    when = times(9)
    here, later = model.encode(fused, [9], times_N2=when), model.encode(fused, [9], times_N2=when + 1000)
    torch.testing.assert_close(here.shots_NH, later.shots_NH, atol=1e-4, rtol=1e-4)
    stretched = model.encode(fused, [9], times_N2=2 * when)
    assert not torch.allclose(here.shots_NH, stretched.shots_NH, atol=1e-3)
    even = torch.arange(9)[:, None] * 4.0 + torch.tensor([0.0, 4.0])
    by_index = variant({}).encode(fused, [9])
    torch.testing.assert_close(
        model.encode(fused, [9], times_N2=even).shots_NH, by_index.shots_NH, atol=1e-5, rtol=1e-5
    )
    with pytest.raises(MediafmError, match="needs the times"):
        model.encode(fused, [9])


def test_the_turn_of_rotary_positions_has_the_right_gradient() -> None:
    from mediafm.model.layers import rotary_turns, rotate

    x = randn(5, 3, 8).double().requires_grad_()
    turns = rotary_turns(torch.arange(5) * 1.7, 8).double()
    assert torch.autograd.gradcheck(lambda rows: rotate(rows, turns), x)
    torch.testing.assert_close(rotate(x, turns).norm(dim=-1), x.norm(dim=-1))


def test_late_projection_tells_a_missing_modality_from_a_present_one() -> None:
    model = variant({"projection": "late"})
    fused = randn(6, 10)
    fused[:, :4] = 0
    before = model.encode(fused, [6]).shots_NH
    with torch.no_grad():
        model.shot_in.missing[0, :16] += 1
    assert not torch.allclose(model.encode(fused, [6]).shots_NH, before, atol=1e-3)
    with torch.no_grad():
        whole = model.encode(randn(6, 10), [6]).shots_NH
        model.shot_in.missing[0] += 1
        assert torch.equal(model.encode(randn(6, 10), [6]).shots_NH, whole)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:torch")  # torch.compile's own
@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_compiled_rows_compute_the_same() -> None:
    import shutil

    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs a C++ compiler on a CPU")
    plain, compiled = variant({}), variant({})
    compiled.compile_rows()
    fused = randn(30, 10)
    for lengths in ([30], [9, 21]):
        torch.testing.assert_close(
            compiled.encode(fused, lengths).shots_NH, plain.encode(fused, lengths).shots_NH, atol=1e-5, rtol=1e-5
        )
