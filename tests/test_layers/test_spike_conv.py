"""The spiking brick: shortcuts that inference takes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmsfa.layers import SpikeConv

CFG = dict(neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))


def brick_with_statistics(**kwargs):
    torch.manual_seed(0)
    brick = SpikeConv(6, 8, 3, **{**CFG, **kwargs}).double()
    for values in (brick.norm.weight, brick.norm.bias, brick.norm.running_mean):
        nn.init.normal_(values)
    nn.init.uniform_(brick.norm.running_var, 0.5, 2)
    return brick


@pytest.mark.parametrize(
    'kwargs', [dict(), dict(bias=True), dict(groups=2), dict(order=('conv', 'norm', 'act'))]
)
def test_without_gradients_the_norm_is_folded(kwargs):
    brick = brick_with_statistics(**kwargs).eval()
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64) * 3
    with_gradients = brick(x)
    norm_runs = []
    brick.norm.register_forward_hook(lambda *_: norm_runs.append(1))
    with torch.no_grad():
        folded = brick(x)
    assert not norm_runs
    torch.testing.assert_close(folded, with_gradients, rtol=0, atol=1e-12)
    brick(x)
    assert norm_runs, 'with gradients, BN runs again'


@MODELS.register_module()
class SignConv(nn.Conv2d):
    """A binary convolution, as others may plug in."""

    def forward(self, x):
        return self._conv_forward(x, self.weight.sign(), self.bias)


def test_a_convolution_of_another_kind_keeps_its_own_forward():
    brick = brick_with_statistics(conv_cfg=dict(type='SignConv')).eval()
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64) * 3
    with torch.no_grad():
        without_gradients = brick(x)
    assert torch.equal(without_gradients, brick(x))


def test_a_training_norm_is_not_folded():
    brick = brick_with_statistics().train()
    with torch.no_grad():
        out = brick(torch.randn(4, 6, 5, 5, dtype=torch.float64))
    assert brick.norm.num_batches_tracked == 1
    torch.testing.assert_close(out.mean((0, 2, 3)), brick.norm.bias.detach())


@pytest.mark.parametrize('owns_input', [False, True])
def test_only_an_input_of_its_own_is_overwritten(owns_input):
    brick = brick_with_statistics(owns_input=owns_input).eval()
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64) * 3
    before = x.clone()
    with torch.no_grad():
        brick(x)
    assert torch.equal(x, before) != owns_input


def test_a_call_that_fails_leaves_nothing_behind():
    brick = brick_with_statistics().eval()
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64) * 3
    with torch.no_grad():
        expected = brick(x)
        with pytest.raises(RuntimeError, match='channels'):
            brick(x[:, :4])
        assert torch.equal(brick(x), expected)


def test_two_threads_share_one_model(lively_weights):
    brick = SpikeConv(4, 5, 3, neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))
    brick = lively_weights(brick).eval()
    x = torch.randn(2, 4, 16, 16)
    with torch.no_grad():
        expected = brick(x)

        def run(_: int) -> bool:
            with torch.no_grad():
                return all(torch.equal(brick(x), expected) for _ in range(100))

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(run, range(4)))
    assert 'forward' not in vars(brick.conv)
