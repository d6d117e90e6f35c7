"""Quantised membranes: parity with the published ones, and one sample alone as in a batch."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmsfa.layers.blocks import kept_statistics
from mmsfa.neurons import IF, LIF, SFA, UniformState
from mmsfa.spiking.inference.streaming import streaming
from tests.helpers.seeds import seeds

Found = dict[str, Any]
T, B = 4, 3
FOUR = dict(type='UniformState', bits=4)
PUBLISHED = dict(squash='tanh', scale='batch')
# Q-SNN's neuron
LEAKY = dict(tau=2.0, decay_input=False, surrogate='triangle', alpha=1.0, strict=True)
NEURONS = [
    pytest.param(lambda **kw: IF(T, **kw), id='IF'),
    pytest.param(lambda **kw: LIF(T, v_reset=None, **kw), id='LIF soft'),
    pytest.param(lambda **kw: LIF(T, **LEAKY, **kw), id='LIF of Q-SNN'),
    pytest.param(lambda **kw: SFA(D=4, T=T, beta=0.5, **kw), id='SFA'),
]
STATES = ('quant_b8', 'quant_b4', 'quant_b2', 'quant_b4_small')
LIFS = ('lif_b8_T4', 'lif_b4_T4', 'lif_b2_T6', 'lif_b4_map_T2')
CASES = [f'qsnn_state/{n}' for n in (*STATES, *LIFS, 'lif_ties', 'lif_alone', 'lif_loud_neighbour')]


def currents(batch: int = B, dtype: torch.dtype = torch.float64) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return 2 * torch.randn(T * batch, 6, dtype=dtype, generator=draw)


# --- as published


def quantiser(inputs: Found, config: Found, state: None) -> Found:
    u = torch.tensor(inputs['u'], requires_grad=True)
    module = UniformState(config['bits'], **PUBLISHED)
    values = module(u)
    (values * torch.tensor(inputs['probe:u_q'])).mean().backward()
    same, integers, limit = module.quantize(u)
    assert torch.equal(same, values)
    return {'u_q': values, 'levels': integers, 'alpha': limit, 'grad:u': u.grad}


def neuron(inputs: Found, config: Found, state: None) -> Found:
    x = torch.tensor(inputs['x'], requires_grad=True)
    state_quant = dict(type='UniformState', bits=config['bits'], **PUBLISHED)
    lif = LIF(len(x), **LEAKY, v_threshold=config['thresh'], state_quant=state_quant)
    spikes = lif(x.flatten(0, 1)).view_as(x)
    (spikes * torch.tensor(inputs['probe:s'])).mean().backward()
    membrane, kept, streamed = None, [], []
    for current in x.detach():
        out, membrane = lif.fire_one_step(current, membrane)
        streamed.append(out)
        kept.append(membrane)
    assert torch.equal(torch.stack(streamed), spikes)
    return {'s': spikes, 'u': torch.stack(kept), 'grad:x': x.grad}


@pytest.mark.parametrize('name', CASES)
def test_case(name: str, shared_dir: Path) -> None:
    case = seeds(shared_dir).Case(name)
    case.check({'qsnn.state': quantiser, 'qsnn.lif': neuron}[case.op])


def test_every_case_is_tried(shared_dir: Path) -> None:
    assert set(CASES) == set(seeds(shared_dir).names('qsnn_state/'))


# --- the quantiser


@pytest.mark.parametrize('squash', [None, 'tanh'])
@pytest.mark.parametrize('bits', [2, 4, 8])
def test_few_levels_near_the_potential(bits: int, squash) -> None:
    module, v = UniformState(bits, squash).double(), currents()
    values, integers, limit = module.train()(v), *module.eval().quantize(v)[1:]
    wanted = v if squash is None else v.tanh()
    assert limit == wanted.abs().max(), 'the first step of all sets the limit'
    n = 2 ** (bits - 1) - 1
    assert torch.equal(integers * (limit / n), values)
    assert integers.abs().max() == n and len(integers.unique()) <= 2**bits - 1
    assert (values - wanted).abs().max() <= limit / n / 2 * (1 + 1e-12)


@pytest.mark.parametrize('make', NEURONS)
def test_many_bits_are_the_neuron_itself(make) -> None:
    plain, fine = make(), make(state_quant=dict(FOUR, bits=16, scale='batch'))
    x = currents()
    assert torch.equal(plain(x), fine(x))
    assert not torch.equal(plain(x), make(state_quant=dict(FOUR, bits=2, scale='batch'))(x))


def test_gradient_stops_where_it_clips() -> None:
    module = UniformState(4).eval()  # the limit is 1
    v = torch.tensor([-3.0, -1.0, 0.4, 1.0, 1.1], requires_grad=True)
    module(v).sum().backward()
    assert v.grad.tolist() == [0, 1, 1, 1, 0]


# --- the stored limit


@pytest.mark.parametrize('make', NEURONS)
def test_a_sample_alone_is_the_sample_in_a_batch(make) -> None:
    loud = currents().view(T, B, 6)
    loud[:, 1] *= 5
    differs = []
    for scale in ('stored', 'batch'):
        one = make(state_quant=dict(FOUR, bits=3, scale=scale))
        one(currents(batch=8))  # learns its limit
        one.eval()
        together = one(loud.flatten(0, 1)).view(T, B, 6)
        alone = [one(loud[:, i]) for i in range(B)]
        differs.append(not torch.equal(together, torch.stack(alone, 1)))
    assert differs == [False, True]


def test_the_limit_is_a_running_mean_of_what_training_saw() -> None:
    module = UniformState(4, momentum=0.25)
    for largest, expected in ((8.0, 8.0), (4.0, 7.0), (3.0, 6.0)):
        module(torch.tensor([[-largest, 0.5]]))
        assert module.running_limit == expected
    module.eval()(torch.full((1, 2), 100.0))
    assert module.running_limit == 6


def test_silence_and_empty_batches_are_no_fault() -> None:
    for module in (UniformState(4), UniformState(4, scale='batch')):
        for mode in (True, False):
            module.train(mode)
            assert torch.equal(module(torch.zeros(2, 3)), torch.zeros(2, 3))
            assert module(torch.zeros(0, 3)).shape == (0, 3)


def test_half_precision() -> None:
    neuron = LIF(T, state_quant=FOUR)
    for _ in range(2):
        out = neuron(currents(dtype=torch.float16))
        neuron.eval()
    assert out.dtype == torch.float16 and neuron.state_quant.running_limit.dtype == torch.float32


def test_it_travels_with_the_weights() -> None:
    neuron = LIF(T, state_quant=FOUR)
    neuron(currents())
    kept = neuron.state_dict()
    assert set(kept) == {'state_quant.running_limit', 'state_quant.num_batches_tracked'}
    other = LIF(T, state_quant=FOUR)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        other.load_state_dict(kept)
    for twin in (other, copy.deepcopy(neuron), pickle.loads(pickle.dumps(neuron))):
        assert torch.equal(twin.eval()(currents()), neuron.eval()(currents()))
        assert twin._hooks().store is twin.state_quant


def test_other_settings_warn_and_older_weights_are_silent() -> None:
    five = LIF(T, state_quant=dict(FOUR, bits=5))
    with pytest.warns(UserWarning, match="trained with state_quant={'type': 'UniformState', 'bits"):
        five.load_state_dict(LIF(T, state_quant=FOUR).state_dict())
    with pytest.warns(UserWarning, match='trained with strict=None, this model has strict=True'):
        LIF(T, strict=True).load_state_dict(LIF(T).state_dict())
    before = {  # what was written before there was the option
        LIF: dict(neuron='LIF', D=1, norm=1, T=T, v_threshold=1.0, v_reset=0.0, tau=2.0,
                  decay_input=True),
        SFA: dict(neuron='SFA', D=4, norm=4, T=T, rounding='half_even', beta=0.25),
    }  # fmt: skip
    assert {kind: kind(T=T).settings() for kind in before} == before


@pytest.mark.parametrize('make', NEURONS)
def test_streamed_equals_batched(make) -> None:
    net = nn.Sequential(make(state_quant=dict(FOUR, bits=3)))
    net(currents())
    net.eval()
    whole = net(currents())
    with streaming(net):
        steps = [net(step) for step in currents().unflatten(0, (T, B))]
    assert torch.equal(torch.cat(steps), whole)


def test_a_recomputed_step_is_counted_once() -> None:
    plain, recomputed = (LIF(T, state_quant=dict(FOUR, momentum=0.5)) for _ in range(2))
    x, y = (currents().requires_grad_() for _ in range(2))
    plain(x).sum().backward()
    contexts = (kept_statistics(nn.Module()), kept_statistics(recomputed))
    checkpoint(recomputed, y, use_reentrant=False, context_fn=lambda: contexts).sum().backward()
    assert torch.equal(x.grad, y.grad)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, recomputed.state_dict()[name]), name


@pytest.mark.slow
@pytest.mark.parametrize('make', NEURONS[2:])
def test_onnx_keeps_the_same_state(tmp_path: Path, make) -> None:
    neuron = make(state_quant=dict(FOUR, bits=3, squash='tanh'))
    x = currents(dtype=torch.float32)
    neuron(x)
    neuron.eval()
    path = tmp_path / 'neuron.onnx'
    torch.onnx.export(neuron, (x.requires_grad_(),), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path)
    (fired,) = session.run(None, {session.get_inputs()[0].name: x.detach().numpy()})
    assert torch.equal(torch.from_numpy(fired), neuron(x).detach())


# --- settings


def test_one_time_step_keeps_nothing() -> None:
    for neuron in (LIF(1, state_quant=FOUR), SFA(state_quant=FOUR)):
        assert not neuron.state_dict() and 'state_quant' not in neuron.settings()


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_every_library_finds_it(scope: str) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        for name in ('UniformState', 'mmpretrain.UniformState', UniformState):
            assert LIF(T, state_quant=dict(type=name, bits=2)).state_quant.bits == 2


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        (dict(bits=1), r'bits of UniformState must be an integer in 2\.\.16, got 1'),
        (dict(bits=True), 'bits of UniformState'),
        (dict(squash='relu'), "squash of UniformState must be None or 'tanh'"),
        (dict(scale='layer'), "scale of UniformState must be 'stored' or 'batch'"),
        (dict(momentum=0), 'momentum of UniformState'),
    ],
)
def test_wrong_settings_get_a_sentence(settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SFA(state_quant=dict(FOUR, **settings))  # checked with one step, too


def test_what_is_no_quantiser_gets_a_sentence() -> None:
    for wrong in (4, dict(bits=4), dict(type='SFA')):
        with pytest.raises(ValueError, match='state_quant must be the config of a UniformState'):
            LIF(T, state_quant=wrong)
    with pytest.raises(ValueError, match="'bit'. UniformState takes bits, squash, scale and"):
        LIF(T, state_quant=dict(FOUR, bit=4))
    with pytest.raises(ValueError, match='nothing that state_quant could quantise'):
        SFA(T=T, beta=0, state_quant=FOUR)


def test_a_graph_has_no_state_that_nothing_reads() -> None:
    neuron = SFA(D=4, T=T, beta=0.5, state_quant=FOUR).eval()
    x = currents(dtype=torch.float32)
    program = torch.export.export(neuron, (x,), strict=False)
    assert torch.equal(program.module()(x), neuron(x))
    text = program.graph_module.code
    assert text.count('aten.round') == T + (T - 1)  # counts, and what is kept for a next step
    assert 'aten.to.' not in text and 'aten._assert_tensor_metadata' not in text
