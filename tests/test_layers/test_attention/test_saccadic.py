"""Saccadic attention: a gate a token, linear in tokens, learnt over time, counted and streamed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.layers.attention.saccadic import (
    SaccadicAttention,
    SpikeGate,
    TokenCounts,
    expected_output,
)
from mmsfa.layers.effective_weight import has_product
from mmsfa.neurons import LIF, SFA, SaccadicNeuron
from mmsfa.neurons.learnt_steps import LearntStepsError
from mmsfa.neurons.saccadic import SaccadicMix
from mmsfa.spiking import observe, spike_inference, streaming
from mmsfa.spiking.measure.emission import Emission
from mmsfa.spiking.measure.operations import OperationCounter
from mmsfa.spiking.measure.uncounted import uncounted

Fill = Callable[[nn.Module], nn.Module]
NEURONS = dict(
    sfa=dict(type='mmpretrain.SFA', D=4),
    lif=dict(type='mmpretrain.LIF', T=3, v_threshold=0.5, detach_reset=True),
    sfa_in_time=dict(type='mmpretrain.SFA', D=4, T=3),
)


def attention(fill: Fill, neuron: str = 'lif', **settings) -> SaccadicAttention:
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=NEURONS[neuron])
    made = fill(SaccadicAttention(16, **settings, **cfg)).double().eval()
    with torch.no_grad():  # so that about half of the gates are open
        made.saccade.mix.add_(0.3 * torch.randn_like(made.saccade.mix).tril())
    return made


def picture(*size: int) -> Tensor:
    return 3 * torch.randn(3 * 2, 16, *(size or (4, 5)), dtype=torch.float64)


def counts_of(*shape: int, most: int = 1) -> Tensor:
    return torch.randint(most + 1, shape).double()


def test_first_version_without_a_matrix_of_tokens() -> None:
    """c1 and c2: row sums of a matrix of rank 1, bit for bit."""
    q, k = counts_of(2, 16, 7, 7), counts_of(2, 16, 7, 7)
    counts = TokenCounts('sum')
    counts.reads(LIF(), LIF())
    per_token = [x.sum(1).flatten(1) for x in (q, k)]
    relevance = per_token[0][:, :, None] * per_token[1][:, None]
    assert torch.equal(counts(q, k).flatten(1), relevance.sum(2))
    assert torch.linalg.matrix_rank(relevance).tolist() == [1, 1]
    dot = q.flatten(2).transpose(1, 2) @ k.flatten(2)
    assert (torch.linalg.matrix_rank(dot) > 10).all()
    mean = TokenCounts('mean')
    mean.reads(LIF(), LIF())
    torch.testing.assert_close(mean(q, k) * 49, counts(q, k))


def test_it_keeps_the_order_of_the_keys_of_a_query() -> None:
    """c3: what is left of the cross-entropy ranks the keys of each query alike, and not all."""
    rates = counts_of(1, 32, 40).sum(1)[0] / 32
    q, k = rates[:20].clamp(min=1 / 32), rates[20:].unique()
    k = k[k > 0]
    term = q[:, None] * k.log()  # the active term of the negative cross-entropy
    ours = q[:, None] * k
    assert torch.equal(term.argsort(1), ours.argsort(1))
    assert not torch.equal(term.flatten().argsort(), ours.flatten().argsort())


def test_keys_of_one_sum_are_the_factor_of_the_second_version() -> None:
    """c8: V1 with a constant sum of keys equals V2 with alpha = that sum."""
    q, keys = counts_of(3 * 2, 1, 4, 5, most=9), 4.0  # a power of two divides exactly
    first, second = SaccadicNeuron(3, threshold=8.0), SaccadicNeuron(3, threshold=8.0, scaled=True)
    with torch.no_grad():
        first.mix.add_(torch.randn(3, 3).tril())
        second.mix.copy_(first.mix)
        second.log_alpha.fill_(torch.tensor(keys).log())
    a, b = first.double()(q * keys), second.double()(q)
    assert torch.equal(a, b) and 0 < a.mean() < 1


@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('neuron', NEURONS)
def test_silent_tokens_stay_silent_and_others_pass(
    lively_weights: Fill, neuron: str, version: int
) -> None:
    made = attention(lively_weights, neuron, version=version)
    assert (made.k_conv is None) is (version == 2)
    assert (made.saccade.log_alpha is None) is (version == 1)
    assert made.learns_steps
    seen: dict[str, Tensor] = {}
    for name in ('counts', 'saccade', 'gate', 'v_conv', 'q_conv'):
        getattr(made, name).register_forward_hook(
            lambda _m, _i, out, name=name: seen.update({name: out})
        )
    made(picture())
    gate = seen['saccade']
    assert gate.shape[1] == 1 and set(gate.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(seen['gate'], torch.where(gate == 1, seen['v_conv'], 0.0))
    if version == 2:  # whole numbers
        D = made.q_conv.activate.D
        assert torch.equal(seen['counts'], (seen['q_conv'] * D).sum(1, keepdim=True))
    silent = made.saccade(torch.zeros(6, 1, 4, 5, dtype=torch.float64))
    assert not silent.any()


def test_counts_are_whole_numbers_for_every_number_of_levels() -> None:
    for D in (3, 5, 6, 7):
        neuron = SFA(D=D)
        q = neuron(5 * torch.randn(2, 96, 5, 5)).requires_grad_()
        counts = TokenCounts()
        counts.reads(neuron)
        found = counts(q)
        assert torch.equal(found, neuron.counts_of(q).sum(1, keepdim=True))
        found.sum().backward()
        assert torch.equal(q.grad, torch.full_like(q, D))


def test_additions_are_linear_in_tokens() -> None:
    """c9, and the additions of one by one."""
    q, k = counts_of(2, 8, 5, 6, most=4) / 4, counts_of(2, 8, 5, 6, most=2) / 2
    for inputs in ((q,), (q, k)):
        counts = TokenCounts()
        counts.reads(*(SFA(D=4), SFA(D=2))[: len(inputs)])
        assert counts.additions(*inputs) == sum(
            x.sum() * n for x, n in zip(inputs, (4, 2), strict=False)
        )
    macs, adds = [], []
    for side in (8, 16, 32):
        x = torch.ones(1, 8, side, side)
        macs.append(counts.macs(x, x) + SpikeGate().macs(x[:, :1], x))
        adds.append(counts.additions(x, x).item())
    for found in (macs, adds):
        assert [b / a for a, b in pairwise(found)] == [4, 4]
    assert SpikeGate().additions(q[:, :1], q) == 0
    tokens = 2 * 5 * 6
    assert TokenCounts().macs(q) == 8 * tokens
    assert TokenCounts().macs(q, k) == 8 * tokens + 8 * tokens + tokens


@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('neuron', NEURONS)
def test_everything_in_it_is_counted(lively_weights: Fill, neuron: str, version: int) -> None:
    made = nn.Sequential(attention(lively_weights, neuron, version=version))
    x = picture()
    counter = OperationCounter(made)
    with torch.no_grad(), uncounted(made) as unknown:
        made(x)
    counter.attach()
    with torch.no_grad():
        made(x)
    counter.detach()
    assert not unknown
    found = counter.layers()
    assert not any(layer.analog_macs for layer in found.values())
    assert found['0.counts'].acs > 0 and found['0.gate'].acs == 0
    assert 0 < found['0.proj.conv'].acs < found['0.proj.conv'].macs * 4
    assert not any(has_product(m) for m in (made[0].saccade, made[0].counts, made[0].gate))


@pytest.mark.parametrize('neuron', NEURONS)
@pytest.mark.parametrize('version', [1, 2])
def test_spikes_give_the_same(lively_weights: Fill, neuron: str, version: int) -> None:
    made = attention(lively_weights, neuron, version=version)
    x = picture()
    expected = made(x)
    spikes: list[object] = []
    made.proj.conv.register_forward_pre_hook(
        lambda _m, args: spikes.append(Emission.of(args[0]).spikes)
    )
    exact = ['spikes', 'stepwise_attention'] if version == 2 or neuron == 'lif' else ['spikes']
    for mode in exact:
        with spike_inference(made, mode), torch.no_grad():
            torch.testing.assert_close(made(x), expected, rtol=0, atol=1e-12)
        assert spikes[-1].dtype == torch.bool and len(spikes[-1]) == made.v_conv.activate.D
    if exact == ['spikes']:  # counts of queries and keys: products of other virtual steps are lost
        counts, q = made.counts, counts_of(2, 16, 4, 4, most=4) / 4
        assert (counts.stepwise(q, q) <= counts(q, q)).all()
        assert not torch.equal(counts.stepwise(q, q), counts(q, q))


class InTime(nn.Module):
    """Attention as all there is, T steps in the batch axis."""

    def __init__(self, attn: SaccadicAttention) -> None:
        super().__init__()
        self.attn = attn

    def forward(self, x: Tensor) -> Tensor:
        return self.attn(x)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('temporal', ['causal', 'decoupled'])
@pytest.mark.parametrize('version', [1, 2])
def test_a_stream_gives_the_same_bits(
    lively_weights: Fill, version: int, temporal: str, dtype: torch.dtype
) -> None:
    """c6, of the whole attention."""
    made = attention(lively_weights, version=version, temporal=temporal).to(dtype)
    model, x = InTime(made).eval(), picture().to(dtype)
    gates: list[Tensor] = []
    with observe(model, neuron=lambda n, _m, out: gates.append(out) if 'saccade' in n else None):
        whole = model(x)
        with streaming(model) as stream:
            for _ in range(2):
                stream.reset()
                steps = torch.cat([model(step) for step in x.chunk(3)])
            with pytest.raises(LearntStepsError, match='3 time steps.*on to step 4: call reset'):
                model(x[:2])
    assert torch.equal(torch.cat(gates[-4:-1] if len(gates) == 8 else gates[-3:]), gates[0])
    assert 0 < gates[0].mean() < 1
    atol = 1e-12 if dtype == torch.float64 else 1e-5  # of the convolution behind
    torch.testing.assert_close(steps, whole, rtol=0, atol=atol)


@pytest.mark.parametrize('version', [1, 2])
def test_it_is_one_line_in_an_espikeformer(version: int) -> None:
    arch = dict(channels=(16, 16, 16, 16), depths=(1, 1, 1, 1, 0))
    attn_cfg = dict(type='mmpretrain.SaccadicAttention', version=version)
    settings = dict(type='mmpretrain.ESpikeFormer', arch=arch, out_indices=(3,), attn_cfg=attn_cfg)
    backbone = MODELS.build(settings)
    found = [m for m in backbone.modules() if isinstance(m, SaccadicAttention)]
    assert len(found) == 1 and found[0].version == version
    assert found[0].saccade.mix.shape == (1, 1), 'no time: a gate with a learnt threshold'
    backbone(torch.randn(2, 3, 64, 64))[0].square().mean().backward()
    assert found[0].saccade.threshold.grad.any() and found[0].q_conv.conv.weight.grad.any()
    twin = MODELS.build(dict(settings, neuron_cfg=dict(type='ReLU')))
    assert twin(torch.randn(1, 3, 64, 64))[0].std() > 0


def test_an_ordinary_network_mixes_over_time_too(lively_weights: Fill) -> None:
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='ReLU'))
    made = lively_weights(SaccadicAttention(16, T=3, **cfg))
    assert isinstance(made.saccade[0], SaccadicMix) and made.saccade[0].mix.shape == (3, 3)
    assert not made.gate.gets_spikes and made.gate.emitter is None
    assert made(picture().float()).std() > 0


def test_some_of_the_gates_are_open_at_the_start() -> None:
    """Thresholds are measured in what a token has when BN gives normal potentials."""
    assert expected_output(dict(type='mmpretrain.SFA', D=4)) == pytest.approx(0.382, abs=2e-3)
    for name, neuron in NEURONS.items():
        cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=neuron)
        for version in (1, 2):
            made = SaccadicAttention(64, version, **cfg)
            fired: list[float] = []
            made.saccade.register_forward_hook(
                lambda _m, _i, out, fired=fired: fired.append(out.mean().item())
            )
            made(torch.randn(6, 64, 8, 8))
            made(torch.randn(2, 64, 8, 8).repeat(3, 1, 1, 1))  # a still picture
            assert min(fired) > 0.1 and max(fired) < 0.95, (name, version, fired)


class Direction(nn.Module):
    """Which way a bar moves; nothing but the mix knows of time."""

    def __init__(self, past: float) -> None:
        super().__init__()
        cfg = dict(neuron_cfg=dict(type='mmpretrain.SFA', D=4), norm_cfg=dict(type='BN'))
        self.embed = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16))
        self.attn = SaccadicAttention(16, T=2, past=past, conv_cfg=None, **cfg)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        features = self.attn(self.embed(x)).mean((2, 3))
        return self.head(features.unflatten(0, (2, -1)).mean(0))


def bars(number: int) -> tuple[Tensor, Tensor]:
    """(T*B, 1, 1, 12) and classes: each pair of frames comes in both orders."""
    places = torch.randint(1, 10, (number,))
    frames = torch.zeros(2, number, 12)
    for t in range(2):
        frames[t, torch.arange(number), places + t] = 1
    frames = torch.cat([frames, frames.flip(0)], 1)
    return frames.flatten(0, 1)[:, None, None], torch.arange(2).repeat_interleave(number)


@pytest.mark.parametrize('learns', [False, True], ids=['memoryless', 'learnt_mix'])
def test_order_alone_tells_the_direction_of_a_bar(learns: bool) -> None:
    """c10: a mean over time of a network without memory is the same for both orders."""
    model = Direction(past=0.1 if learns else 0.0).train()
    model.attn.saccade.mix.requires_grad_(learns)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, 0.02)
    for _ in range(150 if learns else 30):
        x, y = bars(32)
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y = bars(100)
    with torch.no_grad():
        right = (model.eval()(x).argmax(1) == y).double().mean()
    assert right >= 0.95 if learns else right == 0.5
    assert not model.attn.saccade.mix.triu(1).any()


def test_weights_for_other_keys_say_so(lively_weights: Fill) -> None:
    state = attention(lively_weights, version=1, keys='sum').state_dict()
    with pytest.warns(UserWarning, match="trained with keys='sum', this model has keys='mean'"):
        attention(lively_weights, version=1).load_state_dict(state)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        attention(lively_weights, keys='sum').load_state_dict(
            attention(lively_weights).state_dict()
        )


def test_wrong_arguments() -> None:
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=NEURONS['sfa'])
    for message, settings in {
        r'version must be 1 \(with keys\) or 2, got 3': dict(version=3),
        "keys must be 'mean' or 'sum'": dict(keys='max'),
        "temporal must be 'causal' or 'decoupled', got 'fast'": dict(temporal='fast'),
        r'past .* must lie in \[0, 1\], got 2': dict(past=2),
        r"past .* must lie in \[0, 1\], got '0.1'": dict(past='0.1'),
    }.items():
        with pytest.raises(ValueError, match=message):
            SaccadicAttention(16, **settings, **cfg)
