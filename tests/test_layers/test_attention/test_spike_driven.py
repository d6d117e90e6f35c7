"""Spike-driven attention: the order of its products, its memory and its precision."""

import pytest
import torch

from mmsfa.layers import SpikeDrivenSelfAttention, spike_driven_attention

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


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r'multiple of num_heads=8, got 12\.'):
        SpikeDrivenSelfAttention(12, **CFG)
    with pytest.raises(ValueError, match="order must be 'auto', 'linear' or 'quadratic'"):
        SpikeDrivenSelfAttention(16, order='cubic', **CFG)
