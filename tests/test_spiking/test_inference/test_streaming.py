"""Step by step equals all steps at once, for every neuron with real time steps."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.backbones import ESpikeFormer
from mmsfa.neurons import LIF, SFA
from mmsfa.spiking import spike_inference, streaming
from tests.helpers.real_time_models import (
    ARCH,
    NEURONS,
    WITH_MEMORY,
    B,
    Fill,
    T,
    backbone,
    batched,
    classifier,
    counts_of,
    frames,
)


@pytest.fixture(params=['mean', 'batch'])
def out_time(request: pytest.FixtureRequest) -> str:
    return request.param


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
    model = backbone(lively_weights, neuron, out_time='batch')
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
    model = backbone(lively_weights, neuron, out_time='batch')
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
