"""Adaptive thresholds: of each sample in training, stored ones in evaluation."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path

import onnxruntime
import pytest
import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmsfa.layers.blocks import kept_statistics
from mmsfa.neurons import AFT, IF, LIF, SFA
from mmsfa.neurons.learnt_steps import LearntStepsError
from mmsfa.spiking.inference.spike_inference import spike_inference
from mmsfa.spiking.inference.streaming import streaming

T, B = 4, 3
BAR = dict(type='AFT', k=0.4)
FOUR = dict(type='UniformState', bits=4)
NEURONS = [
    pytest.param(lambda **kw: IF(T, **kw), id='IF'),
    pytest.param(lambda **kw: LIF(T, v_reset=None, **kw), id='LIF soft'),
    pytest.param(lambda **kw: LIF(T, v_reset=-0.5, state_quant=FOUR, **kw), id='LIF in few bits'),
    pytest.param(lambda **kw: LIF(T, grad_mask='fired', **kw), id='LIF masked'),
    pytest.param(lambda **kw: SFA(D=4, T=T, **kw), id='SFA'),
    pytest.param(lambda **kw: SFA(D=4, T=T, state_quant=FOUR, **kw), id='SFA in few bits'),
    pytest.param(lambda **kw: SFA(D=4, T=T, beta=0, grad_mask='fired', **kw), id='SFA leaking all'),
]


def currents(batch: int = B, dtype: torch.dtype = torch.float64) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return 2 * torch.randn(T * batch, 6, 2, dtype=dtype, generator=draw)


def taught(make) -> nn.Module:
    """A neuron that has learnt a threshold of each step."""
    neuron = make(threshold=BAR).double()
    for batch in (8, 5):
        neuron(currents(batch))
    learnt = neuron.threshold.running_threshold
    assert len(learnt.unique()) == T and not (learnt == 1).any()
    return neuron.eval()


@pytest.mark.parametrize('make', NEURONS)
def test_a_sample_alone_is_the_sample_in_a_batch(make) -> None:
    loud = currents().view(T, B, 6, 2)
    loud[:, 1] *= 5
    neuron = taught(make)
    together = neuron(loud.flatten(0, 1)).view_as(loud)
    assert torch.equal(together, torch.stack([neuron(loud[:, i]) for i in range(B)], 1))
    assert 0 < together.count_nonzero() < together.numel()


@pytest.mark.parametrize('make', NEURONS)
def test_streamed_equals_batched(make) -> None:
    net = nn.Sequential(taught(make)).eval()
    whole = net(currents())
    with streaming(net) as stream:
        for _ in range(2):
            steps = [net(step) for step in currents().unflatten(0, (T, B))]
            assert torch.equal(torch.cat(steps), whole)
            with pytest.raises(LearntStepsError, match='AFT has learnt thresholds for 4 time'):
                net(currents()[:B])
            stream.reset()


@pytest.mark.parametrize('make', NEURONS)
def test_a_constant_threshold_of_1_is_the_neuron_itself(make) -> None:
    neuron = make(threshold=BAR).double().eval()
    assert (
        neuron.threshold.running_threshold == (1.5 if getattr(neuron, 'v_reset', 0) else 1)
    ).all()
    x, y = (currents().requires_grad_() for _ in range(2))
    fired, plain = neuron(x), make().double().eval()(y)
    assert torch.equal(fired, plain)
    for out in (fired, plain):
        (out * torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view_as(out)).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize('steps', [1, T])
def test_counts_are_potentials_in_thresholds(steps: int) -> None:
    x = currents()[: steps * B]
    neuron = SFA(D=4, T=steps, beta=0, threshold=BAR)
    bar = (x.flatten(1).mean(1) + 0.4 * x.flatten(1).std(1, correction=0)).clamp(min=0.1)
    assert torch.equal(neuron(x), SFA(D=4)(x * (1 / bar).view(-1, 1, 1)))
    x.requires_grad_()
    neuron.eval()(x).sum().backward()
    assert torch.isin(x.grad * 4 * neuron.threshold.running_threshold.double().repeat_interleave(B)
                      .view(-1, 1, 1), torch.tensor([0.0, 1.0]).double()).all()  # fmt: skip


def test_more_spikes_with_a_lower_k() -> None:
    rates = [LIF(T, threshold=dict(BAR, k=k))(currents()).mean() for k in (-0.5, 0.5, 1.5)]
    assert rates[0] > rates[1] > rates[2] > 0


def test_the_threshold_is_a_running_mean_of_what_training_saw() -> None:
    bar = AFT(k=0.0, momentum=0.25)
    for mean, expected in ((8.0, 8.0), (4.0, 7.0), (3.0, 6.0)):
        bar(torch.tensor([[mean - 1, mean + 1], [mean - 2, mean + 2]]))
        assert bar.running_threshold == expected
    assert bar.eval()(torch.full((2, 2), 100.0)) == 6


def test_silence_and_empty_batches_are_no_fault() -> None:
    bar = AFT(eps=0.25)
    assert bar(torch.zeros(2, 3, 4)).flatten().tolist() == [0.25, 0.25]
    assert bar(torch.zeros(0, 3)).shape == (0, 1) and bar.running_threshold == 0.25
    assert bar(torch.zeros(5)).shape == (5,)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    for neuron in (LIF(T, threshold=BAR), SFA(T=T, threshold=BAR), SFA(threshold=BAR)):
        for _ in range(2):
            out = neuron(300 * currents().to(dtype))  # squares that float16 cannot hold
            assert out.dtype == dtype and 0 < out.count_nonzero() < out.numel()
            neuron.eval()
        assert neuron.threshold.running_threshold.dtype == torch.float32


def test_it_travels_with_the_weights() -> None:
    neuron = LIF(T, threshold=BAR)
    neuron(currents())
    kept = neuron.state_dict()
    assert set(kept) == {'threshold.running_threshold', 'threshold.num_batches_tracked'}
    other = LIF(T, threshold=BAR)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        other.load_state_dict(kept)
    for twin in (other, copy.deepcopy(neuron), pickle.loads(pickle.dumps(neuron))):
        assert torch.equal(twin.eval()(currents()), neuron.eval()(currents()))


def test_other_settings_warn_and_other_steps_are_refused() -> None:
    kept = LIF(T, threshold=BAR).state_dict()
    with pytest.warns(UserWarning, match="trained with threshold={'type': 'AFT', 'k': 0.4"):
        LIF(T, threshold=dict(BAR, k=1.0)).load_state_dict(kept)
    with pytest.raises(LearntStepsError, match='threshold.running_threshold for T = 4 time'):
        nn.Sequential(LIF(2, threshold=BAR)).load_state_dict({f'0.{k}': v for k, v in kept.items()})


def test_a_recomputed_step_is_counted_once() -> None:
    plain, recomputed = (SFA(T=T, threshold=BAR) for _ in range(2))
    x, y = (currents().requires_grad_() for _ in range(2))
    plain(x).sum().backward()
    contexts = (kept_statistics(nn.Module()), kept_statistics(recomputed))
    checkpoint(recomputed, y, use_reentrant=False, context_fn=lambda: contexts).sum().backward()
    assert torch.equal(x.grad, y.grad)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, recomputed.state_dict()[name]), name


@pytest.mark.parametrize('mode', ['spikes', 'membrane'])
def test_spike_driven_inference_knows_it(mode) -> None:
    net = nn.Sequential(nn.Linear(6, 8), SFA(threshold=BAR), nn.Linear(8, 5)).double()
    x = currents()[..., 0]
    net(x)
    net.eval()
    with torch.no_grad(), spike_inference(net, mode):  # nothing is approximate behind one layer
        torch.testing.assert_close(net(x), net(x), rtol=0, atol=0)
        spiking = net(x)
    torch.testing.assert_close(spiking, net(x), rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize('make', [NEURONS[2], NEURONS[5]])
def test_onnx_keeps_the_thresholds(tmp_path: Path, make) -> None:
    neuron = taught(make).float()
    x = currents(dtype=torch.float32)
    path = tmp_path / 'neuron.onnx'
    torch.onnx.export(neuron, (x.requires_grad_(),), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path)
    (fired,) = session.run(None, {session.get_inputs()[0].name: x.detach().numpy()})
    assert torch.equal(torch.from_numpy(fired), neuron(x).detach())


@pytest.mark.slow
@pytest.mark.parametrize('make', [lambda: LIF(2, threshold=BAR), lambda: SFA(threshold=BAR)])
def test_compiles_without_graph_breaks(make) -> None:
    neuron, twin = make(), make()
    compiled = torch.compile(twin, fullgraph=True, backend='aot_eager')
    x, y = (currents(dtype=torch.float32).requires_grad_() for _ in range(2))
    for _ in range(2):
        a, b = neuron(x), compiled(y)
        torch.testing.assert_close(a, b, rtol=0, atol=0)
        a.sum().backward()
        b.sum().backward()
        torch.testing.assert_close(x.grad, y.grad)
        for name, value in neuron.state_dict().items():
            torch.testing.assert_close(value, twin.state_dict()[name])
        neuron.eval(), twin.eval()


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_every_library_finds_it(scope: str) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        for name in ('AFT', 'mmpretrain.AFT', AFT):
            assert IF(T, threshold=dict(type=name, k=2)).threshold.k == 2


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        (dict(k='1'), 'k of AFT must be a number'),
        (dict(eps=0), r'eps of AFT \(its smallest threshold\) must be > 0, got 0'),
        (dict(momentum=2), r'momentum of AFT must lie in \(0, 1\], got 2'),
        (dict(K=1), 'AFT takes k, eps and momentum'),
        (dict(T=3), 'threshold must have the real time steps of its neuron, T=1, got T=3'),
        (dict(type='UniformState'), r"threshold must be the config of a AFT, as dict\(type='AFT'"),
    ],
)
def test_wrong_settings_get_a_sentence(settings: dict, words: str) -> None:
    for kind in (IF, SFA):
        with pytest.raises(ValueError, match=words):
            kind(threshold={**BAR, **settings})


def test_two_ways_to_set_the_height_are_refused() -> None:
    with pytest.raises(ValueError, match="threshold and scale='learned' of SFA both set"):
        SFA(threshold=BAR, scale='learned')


def test_a_membrane_that_was_changed_is_refused() -> None:
    neuron = taught(NEURONS[0].values[0])
    _, membrane = neuron.fire_one_step(currents()[:B], None)
    with pytest.raises(ValueError, match='must get back the membrane that fire_one_step gave'):
        neuron.fire_one_step(currents()[:B], membrane + 0)
