"""Spike-driven attention: the order of its products, its memory and its precision."""

import warnings

import pytest
import torch
from mmpretrain.registry import MODELS

from mmsfa.layers import SpikeDrivenSelfAttention, spike_driven_attention
from mmsfa.layers.attention import spike_driven
from mmsfa.layers.attention.spike_driven import SpikeDrivenProduct
from mmsfa.neurons import SFA

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))


def counts(*shape, dtype=torch.float64, D=4):
    """Normalised outputs of a neuron: multiples of 1/D."""
    return torch.randint(0, D + 1, shape).to(dtype) / D


@pytest.mark.parametrize('N', [3, 80, 500])
@pytest.mark.parametrize('D', [4, 8])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_both_orders_give_the_same_bits(N, dtype, D):
    q, k, v = (counts(2, 8, channels, N, dtype=dtype, D=D) for channels in (24, 24, 96))
    linear, quadratic, auto = (
        spike_driven_attention(q, k, v, 2 * 24**-0.5, order)
        for order in ('linear', 'quadratic', 'auto')
    )
    assert torch.equal(linear, quadratic)
    assert torch.equal(linear, auto)


def test_it_is_the_published_formula():
    q, k, v = counts(1, 2, 4, 9), counts(1, 2, 4, 9), counts(1, 2, 16, 9)
    out = spike_driven_attention(q, k, v, 0.7)
    for head in range(2):
        scores = q[0, head].T @ k[0, head]  # (N, N)
        assert torch.equal(out[0, head], (scores @ v[0, head].T * 0.7).T)


@pytest.mark.parametrize(('N', 'largest'), [(4096, 24 * 96), (16, 16 * 16)])
def test_nothing_larger_than_needed_is_kept(N, largest):
    q, k, v = (counts(1, 1, c, N).requires_grad_() for c in (24, 24, 96))
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        spike_driven_attention(q, k, v, 1.0)
    inputs = {t.data_ptr() for t in (q, k, v)}
    assert max(t.numel() for t in kept if t.data_ptr() not in inputs) == largest


def test_products_run_in_float32_under_autocast():
    q = k = torch.ones(1, 8, 45, 4200)
    v = torch.ones(1, 8, 180, 4200)
    with torch.autocast('cpu', dtype=torch.float16):
        out = spike_driven_attention(q.half(), k.half(), v.half(), 1.0)
    assert out.dtype == torch.float32
    assert (out == 45 * 4200).all(), 'half precision would overflow at 65504'


@pytest.mark.parametrize('order', ['linear', 'quadratic'])
def test_module_gradients_equal_finite_differences(order):
    torch.manual_seed(0)
    # A neuron that clips but does not round has the surrogate as its true gradient.
    cfg = dict(CFG, neuron_cfg=dict(type='ReLU6'))
    attention = SpikeDrivenSelfAttention(8, num_heads=2, order=order, **cfg).double().eval()
    x = torch.randn(1, 8, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(attention, x, eps=1e-7, atol=1e-6)


def test_additions_are_those_of_every_spike():
    q, k, v = counts(2, 2, 4, 9), counts(2, 2, 4, 9, D=2), counts(2, 2, 16, 9)
    product = SpikeDrivenProduct(0.7)
    product.reads(SFA(D=4), SFA(D=2), SFA(D=4))
    matrix = (2 * k[..., :, None, :] * 4 * v[..., None, :, :]).sum()  # each pair at one token
    rows = (4 * q).sum() * 16  # each spike of q adds one row of the matrix
    assert product.additions(q, k, v) == matrix + rows


def test_a_graph_with_a_free_number_of_tokens_is_linear(monkeypatch):
    monkeypatch.setattr(spike_driven, 'is_exporting', lambda: True)
    test_nothing_larger_than_needed_is_kept(16, 24 * 96)


@pytest.fixture
def attention(lively_weights):
    """A function: settings -> attention of 16 channels that fires."""

    def build(**settings):
        made = SpikeDrivenSelfAttention(16, num_heads=2, **CFG, **settings)
        return lively_weights(made).double().eval()

    return build


def test_a_picture_of_the_training_size_is_scaled_by_one(attention):
    x = 2 * torch.randn(2, 16, 4, 6, dtype=torch.float64)
    ours = attention(token_norm=24)(x)
    assert ours.unique().numel() > 20
    assert torch.equal(ours, attention()(x))


@pytest.mark.parametrize(('token_norm', 'equal'), [(16, True), (None, False)])
def test_a_picture_shown_twice_is_attended_as_once(attention, token_norm, equal):
    x = 2 * torch.randn(1, 16, 4, 4, dtype=torch.float64)
    made = attention(token_norm=token_norm)
    once, twice = made(x), made(torch.cat([x, x], dim=-1))
    assert torch.equal(twice, torch.cat([once, once], dim=-1)) is equal


def test_tokens_are_counted_in_the_stepwise_form_too(attention):
    made = attention(token_norm=8)
    q, k, v = (counts(1, 2, channels, 16) for channels in (8, 8, 32))
    with_norm = made.product.stepwise(q, k, v)
    made.product.token_norm = None
    assert with_norm.abs().max() > 0
    assert torch.equal(with_norm, made.product.stepwise(q, k, v) / 2)


def test_weights_tell_their_number_of_tokens(attention):
    with pytest.warns(UserWarning, match='trained with token_norm=64, this model has token_norm=N'):
        attention().load_state_dict(attention(token_norm=64).state_dict())
    older = attention().state_dict()
    del older._metadata['product']['mmsfa']
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        attention().load_state_dict(older)
    with pytest.warns(UserWarning, match='trained with token_norm=None, this model has token_norm'):
        attention(token_norm=64).load_state_dict(older)


@pytest.mark.parametrize(('stride', 'tokens'), [(1, 256), (2, 64)])
def test_the_last_stage_of_a_backbone_counts_its_own_tokens(stride, tokens):
    backbone = MODELS.build(
        dict(
            type='mmpretrain.ESpikeFormer',
            arch=dict(channels=(16, 16, 16, 16), depths=(0, 0, 0, 1, 1)),
            attn_cfg=dict(token_norm=256),
            stage4_stride=stride,
        )
    )
    assert [stage[0].attn.product.token_norm for stage in backbone.stages[3:]] == [256, tokens]


def test_wrong_arguments():
    for wrong in (0, -1, '256', float('nan'), float('inf'), True):
        with pytest.raises(ValueError, match=rf'token_norm .* greater than 0, got {wrong!r}'):
            SpikeDrivenSelfAttention(16, token_norm=wrong, **CFG)
    with pytest.raises(ValueError, match=r'multiple of num_heads=8, got 12\.'):
        SpikeDrivenSelfAttention(12, **CFG)
    for message, settings in {
        "order must be 'auto', 'linear' or 'quadratic'": dict(order='cubic'),
        'num_heads must be a whole number from 1 on, got -2': dict(num_heads=-2),
        "num_heads must be a whole number from 1 on, got '2'": dict(num_heads='2'),
        'v_ratio .* must be a whole number from 1 on, got 0': dict(v_ratio=0),
        'scale must be None or a number greater than 0, got nan': dict(scale=float('nan')),
        r'local must be None or settings .*dilations=\(1, 2, 3\)\), got True': dict(local=True),
    }.items():
        with pytest.raises(ValueError, match=message):
            SpikeDrivenSelfAttention(16, **settings, **CFG)
