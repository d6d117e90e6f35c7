"""Step-aligned attention: exact on spikes, straight-through gradients, a scale that folds away."""

from __future__ import annotations

import warnings

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from mmsfa.layers import SpikeDrivenSelfAttention
from mmsfa.layers.attention import StepAlignedAttention
from mmsfa.layers.attention.spike_driven import SpikeDrivenProduct
from mmsfa.layers.attention.step_aligned import StepAlignedProduct
from mmsfa.neurons import SFA
from mmsfa.neurons.functional import straight_through
from mmsfa.spiking import spike_inference

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))


def product_of(D: int = 4, norm: float | None = None, kind=StepAlignedProduct, **settings):
    product = kind(scale=0.3, **settings)
    product.reads(*(SFA(D=D, norm=norm) for _ in range(3)))
    return product.double()


def fired(D: int = 4, norm: float | None = None, N: int = 12) -> tuple[Tensor, ...]:
    torch.manual_seed(0)
    neuron = SFA(D=D, norm=norm)
    return tuple(
        neuron.per_spike(torch.randint(0, D + 1, (2, 3, channels, N)).double())
        for channels in (4, 4, 8)
    )


@pytest.mark.parametrize('norm', [None, 1])
def test_it_is_the_sum_of_the_products_of_each_step(norm: float | None) -> None:
    product, inputs = product_of(norm=norm), fired(norm=norm)
    counts = [(x * (norm or 4)).round() for x in inputs]
    wanted = 0
    for step in range(4):
        q, k, v = ((x > step).double() for x in counts)
        scores = torch.einsum('bhdi,bhdj->bhij', q, k)
        wanted = wanted + torch.einsum('bhij,bhej->bhei', scores, v)
    found = product(*inputs)
    assert torch.equal(found, wanted * (0.3 / (norm or 4) ** 3))
    assert torch.equal(product.stepwise(*inputs), found)


def test_with_one_step_it_is_the_attention_of_counts() -> None:
    inputs = fired(D=1)
    assert torch.equal(product_of(D=1)(*inputs), product_of(D=1, kind=SpikeDrivenProduct)(*inputs))


def test_real_values_are_one_step() -> None:
    product, plain = StepAlignedProduct(0.3).double(), SpikeDrivenProduct(0.3)
    inputs = torch.randn(3, 2, 3, 4, 12, dtype=torch.float64).unbind()
    torch.testing.assert_close(product(*inputs), plain(*inputs), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize('norm', [None, 1])
def test_each_spike_has_the_gradient_of_its_count(norm: float | None) -> None:
    """By autograd on slices that are put in the place of counts."""
    product, inputs = product_of(norm=norm), [x.requires_grad_() for x in fired(norm=norm)]
    weights = torch.randn(2, 3, 8, 12, dtype=torch.float64)
    found = torch.autograd.grad((product(*inputs) * weights).sum(), inputs)
    slices = [
        [straight_through(x * (norm or 4), one) for one in SFA(D=4, norm=norm).spikes_of(x)]
        for x in inputs
    ]
    out = sum((v @ k.transpose(-2, -1)) @ q for q, k, v in zip(*slices, strict=True))
    wanted = torch.autograd.grad((out * weights * (0.3 / (norm or 4) ** 3)).sum(), inputs)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_real_values_learn_though_an_activation_overwrites_the_output() -> None:
    """As in the twin, whose ReLU works in place; gradients are those of plain autograd."""
    product = StepAlignedProduct(0.3).double()
    with torch.no_grad():
        product.log_theta.fill_(0.7)
    inputs = [x.requires_grad_() for x in torch.randn(3, 2, 3, 4, 12).double().unbind()]
    wanted = [*inputs, product.log_theta]
    found = torch.autograd.grad(torch.relu_(product(*inputs)).square().sum(), wanted)
    q, k, v = inputs
    plain = ((v @ k.transpose(-2, -1)) @ q) * 0.3
    out = (plain * product.inverse_theta()).detach().requires_grad_()
    (of_out,) = torch.autograd.grad(torch.relu(out).square().sum(), [out])
    expected = torch.autograd.grad((plain * of_out).sum(), inputs)
    for one, other in zip(found, expected, strict=False):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    of_theta = -(of_out * out).sum() / out.numel() ** 0.5
    torch.testing.assert_close(found[-1], of_theta.to(found[-1]))


@pytest.mark.parametrize('grad', [False, True])
def test_products_are_exact_under_autocast(grad: bool) -> None:
    """Their sums are larger than bfloat16 can count."""
    product, inputs = product_of().float(), [x.float() for x in fired(N=400)]
    with torch.set_grad_enabled(grad):
        expected = product(*inputs)
        with torch.autocast('cpu', torch.bfloat16):
            found = [product(*inputs), product(*(x.bfloat16() for x in inputs))]
    for one in found:
        assert one.dtype == torch.float32 and torch.equal(one, expected)
    assert not torch.equal(expected.bfloat16().float(), expected)


def test_theta_folds_into_the_scale_and_learns_gently() -> None:
    product, inputs = product_of(), [x.requires_grad_() for x in fired()]
    plain = product(*inputs)
    (before,) = torch.autograd.grad(plain.sum(), inputs[:1])
    with torch.no_grad():
        product.log_theta.fill_(0.7)
    out = product(*inputs)
    torch.testing.assert_close(out, plain * torch.tensor(-0.7).double().exp())
    gradient, after = torch.autograd.grad(out.sum(), [product.log_theta, inputs[0]])
    assert torch.equal(after, before), 'the gradient of the products passes without 1 / theta'
    torch.testing.assert_close(gradient.double(), -out.sum() / (out.numel() * 4) ** 0.5)
    with torch.no_grad():
        product.log_theta.fill_(9)
    (gradient,) = torch.autograd.grad(product(*inputs).sum(), [product.log_theta])
    assert gradient == 0
    with torch.no_grad():
        torch.testing.assert_close(product(*inputs), plain * torch.tensor(-8.0).double().exp())


def test_nothing_but_the_inputs_and_a_small_matrix_is_kept() -> None:
    product, inputs = product_of(), [x.requires_grad_() for x in fired(N=200)]
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        out = product(*inputs)
    known = {x.data_ptr() for x in [*inputs, out]}
    assert all(x.data_ptr() in known or x.numel() <= 2 * 3 * 4 * 8 for x in kept)


def test_its_additions_are_those_of_the_spikes_that_meet() -> None:
    product, inputs = product_of(), fired()
    q, k, v = (SFA(D=4).spikes_of(x) for x in inputs)
    pairs = torch.einsum('sbhdn,sbhen->', k, v)
    assert product.additions(*inputs) == pairs + q.sum() * 8
    assert product.additions(*inputs) < product_of(kind=SpikeDrivenProduct).additions(*inputs)


@pytest.mark.parametrize('T', [1, 2])
@pytest.mark.parametrize('arch', ['tiny', dict(family='large', channels=(16, 24, 32))])
def test_a_network_runs_on_binary_spikes_alone(arch: object, T: int, lively_weights) -> None:
    backbone = MODELS.build(
        dict(
            type='mmpretrain.ESpikeFormer',
            arch=arch,
            T=T,
            attn_cfg=dict(type='mmpretrain.StepAlignedAttention', token_norm=16),
        )
    )
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if name.endswith('log_theta'):
                parameter.fill_(-0.5)
    backbone = lively_weights(backbone).double().eval()
    image = torch.randn(1, T * 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        expected = backbone(image)
        with spike_inference(backbone, 'stepwise_attention'):
            found = backbone(image)
    for one, other in zip(found, expected, strict=True):
        assert other.std() > 0.1
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_weights_of_counts_load_and_say_that_they_were_others() -> None:
    counts = SpikeDrivenSelfAttention(16, num_heads=2, **CFG)
    aligned = StepAlignedAttention(16, num_heads=2, **CFG)
    with torch.no_grad():
        aligned.product.log_theta.fill_(1)
    with pytest.warns(UserWarning, match=r"attention=None, this model has attention='StepAligned"):
        aligned.load_state_dict(counts.state_dict())
    assert aligned.product.log_theta == 0
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        aligned.load_state_dict(aligned.state_dict())


def test_it_is_linear_only() -> None:
    with pytest.raises(ValueError, match="order must be 'auto' or 'linear', got 'quadratic'"):
        StepAlignedAttention(16, num_heads=2, order='quadratic', **CFG)
