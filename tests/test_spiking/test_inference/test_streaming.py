"""Step by step equals all steps at once, for every neuron with real time steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.backbones import ESpikeFormer
from mmsfa.cls import SpikeTemporalClsHead
from mmsfa.neurons import LIF, SFA
from mmsfa.spiking import FiringRateCounter, OperationCounter, observe, spike_inference, streaming

Fill = Callable[[nn.Module], nn.Module]
T, B, C, SIZE = 4, 2, 2, 64
ARCH = dict(channels=(8, 16, 16, 24), depths=(1, 1, 1, 1, 1))
# Thresholds low enough for every layer to fire.
NEURONS = {
    'sfa': dict(type='mmpretrain.SFA', D=4),
    'sfa_integers': dict(type='mmpretrain.SFA', D=4, norm=1, beta=1.0, rounding='half_up'),
    'sfa_stateless': dict(type='mmpretrain.SFA', D=4, beta=0),
    'if': dict(type='mmpretrain.IF', v_reset=None),
    'lif': dict(type='mmpretrain.LIF', tau=2.0, v_threshold=0.5),
    'lif_soft': dict(type='mmpretrain.LIF', tau=2.0, v_threshold=0.5, v_reset=None),
}
WITH_MEMORY = [name for name in NEURONS if name != 'sfa_stateless']


def frames(batch: int = B, steps: int = T) -> Tensor:
    """(T, B, C, H, W)."""
    draw = torch.Generator().manual_seed(0)
    return torch.randn(steps, batch, C, SIZE, SIZE, generator=draw, dtype=torch.float64)


def batched(x: Tensor) -> Tensor:
    """(T, B, C, H, W) -> (B, T*C, H, W)."""
    return x.transpose(0, 1).flatten(1, 2)


def backbone(lively_weights: Fill, neuron: str, steps: int = T, **settings) -> ESpikeFormer:
    cfg = dict(T=steps, in_channels=C, neuron_cfg=NEURONS[neuron], out_indices=(1, 4))
    return lively_weights(ESpikeFormer(ARCH, **cfg, **settings).eval()).double()


@pytest.fixture(params=['mean', 'fold'])
def out_time(request: pytest.FixtureRequest) -> str:
    return request.param


def classifier(
    lively_weights: Fill, out_time: str, neuron: str = 'sfa', analog: tuple | None = ()
) -> nn.Module:
    """What averages over time has a head without time, and the other way round."""
    head = dict(type='SpikeLinearClsHead', analog=analog)
    head_neuron = dict(NEURONS[neuron], norm=1) if 'sfa' in neuron else NEURONS[neuron]
    if out_time == 'fold':
        head.update(type=SpikeTemporalClsHead, T=T)
    cfg = dict(
        type='ImageClassifier',
        backbone=dict(
            type='ESpikeFormer',
            arch=ARCH,
            in_channels=C,
            out_indices=(4,),
            T=T,
            out_time=out_time,
            neuron_cfg=NEURONS[neuron],
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(**head, num_classes=5, in_channels=24, neuron_cfg=head_neuron),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return lively_weights(MODELS.build(cfg).eval()).double()


def counts_of(model: nn.Module, *inputs: Tensor) -> dict[str, list[Tensor]]:
    """Name -> counts of each call, (steps, B, ...)."""
    found: dict[str, list[Tensor]] = {}

    def keep(name: str, neuron: SFA, output: Tensor) -> None:
        found.setdefault(name, []).append((output * neuron.norm).round())

    with torch.no_grad(), observe(model, neuron=keep):
        for x in inputs:
            model(x)
    return found


@pytest.mark.parametrize('neuron', NEURONS)
def test_a_neuron_gives_the_same_bits(neuron: str) -> None:
    model = nn.Sequential(MODELS.build(dict(NEURONS[neuron], T=T))).eval()
    x = frames() * 3
    with torch.no_grad(), streaming(model) as stream:
        steps = [model(step) for step in x]
        assert stream.steps == T
    whole = model(x.flatten(0, 1))
    assert torch.equal(torch.cat(steps), whole)
    assert 0 < whole.count_nonzero() < whole.numel()


@pytest.mark.parametrize('neuron', NEURONS)
def test_the_backbone_gives_the_same_counts_and_maps(lively_weights: Fill, neuron: str) -> None:
    model = backbone(lively_weights, neuron, out_time='fold')
    x = frames()
    whole = counts_of(model, batched(x))
    with streaming(model):
        streamed = counts_of(model, *x)
    for name, (counts,) in whole.items():
        assert torch.equal(torch.cat(streamed[name]), counts), name
        assert counts.any(), name
    with torch.no_grad():
        wanted = [out.unflatten(0, (T, B)) for out in model(batched(x))]
        with streaming(model):
            for t, step in enumerate(x):
                for got, want in zip(model(step), wanted, strict=True):
                    torch.testing.assert_close(got, want[t], rtol=0, atol=1e-12)


@pytest.mark.parametrize('neuron', ['sfa', 'lif'])
def test_the_mean_over_time_is_that_of_the_steps_so_far(lively_weights: Fill, neuron: str) -> None:
    model = backbone(lively_weights, neuron)
    x = frames()
    with torch.no_grad(), streaming(model):
        streamed = [model(step) for step in x]
    for t, outs in enumerate(streamed, 1):
        shorter = backbone(lively_weights, neuron, steps=t, out_time='mean')
        with torch.no_grad():
            wanted = shorter(batched(x[:t]))
        for got, want in zip(outs, wanted, strict=True):
            torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize('neuron', ['sfa', 'if', 'lif'])
@pytest.mark.parametrize('analog', [None, ()], ids=['potentials', 'spikes'])
def test_a_whole_classifier(
    lively_weights: Fill, out_time: str, neuron: str, analog: tuple | None
) -> None:
    model = classifier(lively_weights, out_time, neuron, analog)
    x = frames()
    with torch.no_grad():
        wanted = model(batched(x))
        with streaming(model):
            streamed = [model(step) for step in x]
    torch.testing.assert_close(streamed[-1], wanted, rtol=0, atol=1e-12)
    assert not torch.equal(streamed[0], streamed[-1])


def test_test_step_is_a_step_too(lively_weights: Fill) -> None:
    model = classifier(lively_weights, 'mean')
    model.data_preprocessor = nn.Module().eval()
    model.data_preprocessor.forward = lambda data, training=False: data
    x = frames()
    with streaming(model) as stream:
        for step in x:
            samples = model.test_step(dict(inputs=step))
        assert stream.steps == T
    whole = model.test_step(dict(inputs=batched(x)))
    for got, want in zip(samples, whole, strict=True):
        torch.testing.assert_close(got.pred_score, want.pred_score, rtol=0, atol=1e-12)


@pytest.mark.parametrize('neuron', WITH_MEMORY)
def test_a_neuron_remembers_and_a_reset_makes_it_forget(lively_weights: Fill, neuron: str) -> None:
    model = backbone(lively_weights, neuron, out_time='fold')
    x = frames()[0]
    with torch.no_grad(), streaming(model) as stream:
        first, second = model(x)[0], model(x)[0]
        stream.reset()
        assert stream.steps == 0
        again = model(x)[0]
        assert not torch.equal(first, second)
        assert torch.equal(first, again)
    with torch.no_grad(), streaming(model):
        assert torch.equal(model(x)[0], first)


def test_afterwards_the_model_is_as_before(lively_weights: Fill) -> None:
    model = backbone(lively_weights, 'lif')
    modules = [vars(module).copy() for module in model.modules()]
    x = batched(frames())
    with torch.no_grad():
        before = model(x)
        with streaming(model):
            model(frames()[0])
        after = model(x)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    for known, module in zip(modules, model.modules(), strict=True):
        assert set(known) == set(vars(module))
    assert model.T == T


def test_a_neuron_that_runs_several_times_in_a_step() -> None:
    class Levels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron = SFA(T=T)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.neuron(x), self.neuron(3 * x[..., ::2])

    model, x = Levels().eval(), frames()
    with torch.no_grad():
        wanted = [out.unflatten(0, (T, B)) for out in model(x.flatten(0, 1))]
        with streaming(model):
            for t, step in enumerate(x):
                for got, want in zip(model(step), wanted, strict=True):
                    assert torch.equal(got, want[t])


@pytest.mark.parametrize('neuron', ['sfa', 'lif'])
def test_spikes_are_emitted_from_the_streamed_counts(lively_weights: Fill, neuron: str) -> None:
    model = backbone(lively_weights, neuron)
    x = frames()
    whole = counts_of(model, batched(x))
    with streaming(model), spike_inference(model):
        streamed = counts_of(model, *x)
    for name, (counts,) in whole.items():
        assert torch.equal(torch.cat(streamed[name]), counts), name


def test_a_change_of_the_batch_size_is_refused_and_does_no_harm(lively_weights: Fill) -> None:
    model = backbone(lively_weights, 'sfa')
    x = frames()
    with torch.no_grad(), streaming(model) as stream:
        whole = [model(step) for step in x][-1]
        stream.reset()
        model(x[0])
        with pytest.raises(ValueError, match=r'same batch and picture size.*\(3, .*\(2, .*reset'):
            model(frames(batch=3)[0])
        for step in x[1:]:
            outs = model(step)
        assert all(torch.equal(a, b) for a, b in zip(outs, whole, strict=True))
        stream.reset()
        model(frames(batch=3)[0])


def test_what_cannot_be_streamed_is_refused(lively_weights: Fill) -> None:
    model = backbone(lively_weights, 'sfa')
    with pytest.raises(ValueError, match='Streaming needs a model in evaluation mode'):
        streaming(model.train()).__enter__()
    model.eval()
    with spike_inference(model), pytest.raises(ValueError, match=r'open streaming\(\) first'):
        streaming(model).__enter__()
    with pytest.raises(ValueError, match=r'no neuron with real time steps.*T > 1'):
        streaming(ESpikeFormer(ARCH).eval()).__enter__()
    whole = classifier(lively_weights, 'mean')
    with streaming(whole), pytest.raises(RuntimeError, match='call the model itself'):
        whole.extract_feat(frames()[0])


def test_one_time_step_changes_nothing(lively_weights: Fill) -> None:
    x = frames()[0].float()
    plain = lively_weights(ESpikeFormer(ARCH, in_channels=C))
    timed = lively_weights(ESpikeFormer(ARCH, in_channels=C, T=1, out_time='fold'))
    for mode in (True, False):
        for a, b in zip(plain.train(mode)(x), timed.train(mode)(x), strict=True):
            assert torch.equal(a, b)


def test_batch_statistics_are_those_of_all_time_steps(lively_weights: Fill) -> None:
    """A neuron without memory sees T*B pictures: so does BN."""
    model = backbone(lively_weights, 'sfa_stateless', out_time='fold').train()
    cfg = dict(in_channels=C, neuron_cfg=NEURONS['sfa_stateless'], out_indices=(1, 4))
    static = lively_weights(ESpikeFormer(ARCH, **cfg)).double().train()
    x = frames()
    for a, b in zip(model(batched(x)), static(x.flatten(0, 1)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    for (name, a), b in zip(model.named_buffers(), static.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12, msg=name)


@pytest.mark.parametrize('neuron', ['sfa', 'if', 'lif'])
def test_the_spiking_form_of_a_model_with_time(lively_weights: Fill, neuron: str) -> None:
    model = classifier(lively_weights, 'fold', neuron)
    x = batched(frames())
    integer = counts_of(model, x)
    with spike_inference(model):
        spikes = counts_of(model, x)
    for name, (counts,) in integer.items():
        assert torch.equal(spikes[name][0], counts), name


def test_membrane_mode_refuses_what_it_does_not_simulate(lively_weights: Fill) -> None:
    model = nn.Sequential(LIF(), nn.Linear(4, 4)).eval()
    with pytest.raises(
        ValueError, match="simulates SFA neurons, and 0 is a LIF: use mode='spikes'"
    ):
        spike_inference(model, 'membrane').__enter__()
    timed = backbone(lively_weights, 'sfa')
    with pytest.raises(ValueError, match='has T = 4 real time steps'):
        spike_inference(timed, 'membrane').__enter__()


@pytest.mark.parametrize('neuron', ['sfa', 'lif'])
def test_a_picture_costs_all_of_its_time_steps(lively_weights: Fill, neuron: str) -> None:
    """Rates and operations of one batched pass are those of its steps, added up."""
    model = backbone(lively_weights, neuron)
    found = []
    for streams in (False, True):
        rates, operations = FiringRateCounter(model), OperationCounter(model)
        rates.attach()
        operations.attach()
        with torch.no_grad():
            if streams:
                with streaming(model):
                    for step in frames():
                        model(step)
            else:
                model(batched(frames()))
        operations.detach()
        rates.detach()
        found.append((rates.layer_totals(), operations.layers()))
    assert found[0] == found[1]
    emitted, possible = found[0][0]['stages.3.0.mlp.fc1.activate']
    assert possible == T * B * 16 * (SIZE // 16) ** 2 * (4 if neuron == 'sfa' else 1)
    assert 0 < emitted < possible
    layer = found[0][1]['stages.3.0.mlp.fc1.conv']
    assert layer.analog_macs == 0
    assert layer.acs == emitted * 64
    assert layer.macs == T * B * 16 * 64 * (SIZE // 16) ** 2


class Twice(nn.Module):
    """Runs a backbone on two windows of each step, as a sliding window does."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=-1)
        return torch.cat([self.inner(left)[1], self.inner(right)[1]], dim=-1)


@torch.no_grad()
def test_windows_keep_their_own_sums(lively_weights: Fill) -> None:
    x, model = frames(), Twice(backbone(lively_weights, 'sfa')).eval()
    with streaming(model):
        for step in x:
            out = model(step)
    torch.testing.assert_close(out, model(batched(x)), rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_step_that_fails_has_not_happened(lively_weights: Fill) -> None:
    """Also where the neurons of the backbone have fired already."""
    x, model = frames(), classifier(lively_weights, 'mean')
    want = model(batched(x))
    with streaming(model) as stream:
        for t, step in enumerate(x):
            if t == 2:
                broken = model.head.register_forward_hook(lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    model(step)
                broken.remove()
            out = model(step)
        assert stream.steps == T
    torch.testing.assert_close(out, want, rtol=0, atol=1e-12)


def test_a_temperature_with_the_name_of_time_is_no_time() -> None:
    class Softer(nn.Module):
        T = 3.0  # of a softmax

        def forward(self, x: Tensor) -> Tensor:
            return x / self.T

    model = nn.Sequential(LIF(T=2), Softer()).eval()
    x = torch.randn(2 * 1, 4)
    with streaming(model), torch.no_grad():
        steps = [model(step) for step in x.unflatten(0, (2, 1))]
    assert torch.equal(torch.cat(steps), model(x))
