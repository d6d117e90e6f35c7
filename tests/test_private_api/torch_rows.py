"""torch and torchvision."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import mmcv.cnn.bricks.wrappers as mmcv_layers
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.utils.data import DataLoader

from mmsfa.ops.torchvision_ops import torchvision_loads
from tests.test_private_api.rows import row


@row('_BatchNorm', used_by='*')
def every_batch_norm_is_one(folder: Path) -> None:
    for kind in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm):
        assert isinstance(kind(2), _BatchNorm)
        assert {'running_mean', 'running_var'} <= set(dict(kind(2).named_buffers()))
    assert not any(isinstance(norm, _BatchNorm) for norm in (nn.GroupNorm(1, 2), nn.LayerNorm(2)))


@row('_ConvNd', '_ConvTransposeNd', used_by='*')
def every_convolution_is_one(folder: Path) -> None:
    for kind in (nn.Conv1d, nn.Conv2d, nn.Conv3d, mmcv_layers.Conv2d):
        assert isinstance(kind(2, 2, 1), _ConvNd) and not isinstance(
            kind(2, 2, 1), _ConvTransposeNd
        )
    for kind in (nn.ConvTranspose1d, nn.ConvTranspose2d, mmcv_layers.ConvTranspose2d):
        assert issubclass(kind, _ConvTransposeNd) and issubclass(kind, _ConvNd)


@row('_reversed_padding_repeated_twice', used_by='spiking/measure/fan_out.py')
def convolutions_keep_their_padding(folder: Path) -> None:
    conv = nn.Conv2d(1, 1, (3, 5), padding=(1, 2), padding_mode='reflect')
    assert list(conv._reversed_padding_repeated_twice) == [2, 2, 1, 1]


@row('_conv_forward', '_output_padding', used_by='compression/quantization/layers.py')
def convolutions_take_another_weight(folder: Path) -> None:
    x = torch.randn(1, 2, 5, 5)
    conv = nn.Conv2d(2, 3, 3, padding=1, padding_mode='reflect')
    assert torch.equal(conv._conv_forward(x, conv.weight, conv.bias), conv(x))
    up = nn.ConvTranspose2d(2, 3, 2, stride=2, output_padding=1)
    sizes = up.stride, up.padding, up.kernel_size
    assert list(up._output_padding(x, None, *sizes, 2, up.dilation)) == [1, 1]
    assert list(up._output_padding(x, [10, 11], *sizes, 2, up.dilation)) == [0, 1]


@row('_metadata', used_by='checkpoint/loading/whole_model.py neurons/weight_settings.py')
def state_dicts_carry_what_modules_tell(folder: Path) -> None:
    layer = nn.Sequential(nn.Linear(1, 1))
    layer[0].register_state_dict_post_hook(
        lambda module, state, prefix, metadata: metadata.update(told=True)
    )
    torch.save(layer.state_dict(), folder / 'weights.pth')
    assert torch.load(folder / 'weights.pth')._metadata['0']['told']


@row('_modules', '_parameters', used_by='*')
def modules_keep_their_parts_in_dicts(folder: Path) -> None:
    layer = nn.Sequential(nn.Linear(1, 1))
    assert list(layer._modules) == ['0'] and list(layer[0]._parameters) == ['weight', 'bias']
    weight = nn.Parameter(torch.full((1, 1), 2.0))
    layer[0]._parameters = {'weight': weight, 'bias': None}
    assert layer[0].weight is weight and layer(torch.ones(1, 1)) == 2


@row(
    '_load_from_state_dict', used_by='layers/blocks.py compression/quantization/quantized_layer.py'
)
def each_module_loads_its_own_part(folder: Path) -> None:
    class Filled(nn.Linear):
        def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: object) -> None:
            state_dict[f'{prefix}bias'] = torch.ones(1)
            super()._load_from_state_dict(state_dict, prefix, *args)

    net, given = nn.Sequential(Filled(1, 1)), {'0.weight': torch.zeros(1, 1)}
    net.load_state_dict(given)
    assert net[0].bias == 1 and set(given) == {'0.weight'}, "the caller's stays as it was"


@row('_version', used_by='neurons/functional/stored_spikes.py spiking/measure/emission.py')
def tensors_count_their_changes(folder: Path) -> None:
    x = torch.zeros(2)
    before = x._version
    x.add_(1)
    x[0] = 3
    assert x._version == before + 2
    with torch.inference_mode():
        y = torch.zeros(1)
    with pytest.raises(RuntimeError, match='version counter'):
        _ = y._version


@row('_forward_hooks', used_by='compression/pruning/tracing.py')
def hooks_run_in_the_order_of_their_dict(folder: Path) -> None:
    layer, called = nn.Linear(1, 1), []
    for name in ('first', 'second'):
        layer.register_forward_hook(lambda *_, name=name: called.append(name))
    layer._forward_hooks.move_to_end(next(reversed(layer._forward_hooks)), last=False)
    layer(torch.ones(1, 1))
    assert called == ['second', 'first']


@row(
    '_forward_hooks', '_optimizer_step_pre_hooks',
    used_by='tools/analysis_tools/benchmark_training_hooks.py',
)  # fmt: skip
def hooks_lie_in_dicts(folder: Path) -> None:
    layer, called = nn.Linear(1, 1), []
    layer.register_forward_hook(lambda *_: called.append('never'))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    optimizer.register_step_pre_hook(lambda *_: called.append('never'))
    for hooks in (layer._forward_hooks, optimizer._optimizer_step_pre_hooks):
        for key in hooks:
            hooks[key] = lambda *_: called.append('other')
    layer(torch.ones(1, 1))
    optimizer.step()
    assert called == ['other', 'other']


@row('_python_dispatch', used_by='apis/matrix_products.py')
def a_mode_sees_each_operator(folder: Path) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Noting(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
        ) -> Any:
            seen.append((func, len(args)))
            return func(*args, **(kwargs or {}))

    seen: list[tuple[Any, int]] = []
    with Noting(), torch.no_grad():
        nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 2, 2))
    assert seen[-1] == (torch.ops.aten.convolution.default, 9), 'the last argument: groups'


@row('_iterator', used_by='engine/loader/resumable_loader.py')
def persistent_workers_hang_on_the_iterator(folder: Path) -> None:
    loader = DataLoader(torch.arange(2), num_workers=1, persistent_workers=True)
    assert loader._iterator is None
    list(loader)
    first = loader._iterator
    list(loader)
    assert loader._iterator is first is not None
    loader._iterator = None
    list(loader)
    assert loader._iterator not in (None, first)


@row('TORCH_FORCE_WEIGHTS_ONLY_LOAD', used_by='checkpoint/loading/patches.py')
def torch_load_asks_the_environment(folder: Path) -> None:
    name = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
    before = os.environ.pop(name, None)
    torch.save(Path('a'), folder / 'code.pth')
    try:
        assert torch.load(folder / 'code.pth', weights_only=False) == Path('a')
        os.environ[name] = '1'
        with pytest.raises(Exception, match='weights_only|Weights only'):
            torch.load(folder / 'code.pth', weights_only=False)
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


@row('_C', '_dispatch_has_kernel_for_dispatch_key', used_by='ops/torchvision_ops.py')
def torch_says_which_kernels_it_has(folder: Path) -> None:
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    assert has_kernel('aten::mm', 'CPU') and not has_kernel('aten::mm', 'MkldnnCPU')


@row('_has_ops', used_by='ops/torchvision_ops.py')
def torchvision_says_whether_it_loads(folder: Path) -> None:
    assert torchvision.extension._has_ops() in (True, False)


def same_gradients(call: object, inputs: list[Tensor], found: object) -> None:
    """Compare with what autograd gives through the public operator."""
    out = call()
    expected = torch.autograd.grad(out, inputs, torch.ones_like(out))
    for one, other in zip(found(torch.ones_like(out)), expected, strict=False):
        torch.testing.assert_close(one, other)


@row('_roi_align_backward', used_by='ops/roi_align.py')
def torchvision_differentiates_roi_align(folder: Path) -> None:
    if not torchvision_loads():
        return
    x = torch.randn(1, 2, 6, 6, requires_grad=True)
    boxes = torch.tensor([[0, 1.0, 1.0, 4.0, 5.0]])
    backward = torch.ops.torchvision._roi_align_backward
    same_gradients(
        lambda: torchvision.ops.roi_align(x, boxes, 2, 1.0, 2, aligned=True),
        [x],
        lambda grad: [backward(grad, boxes, 1.0, 2, 2, *x.shape, 2, True)],
    )


@row('_deform_conv2d_backward', used_by='ops/deform_conv.py')
def torchvision_differentiates_deform_conv(folder: Path) -> None:
    if not torchvision_loads():
        return
    x, weight = torch.randn(1, 2, 4, 4), torch.randn(3, 2, 3, 3)
    offset, mask = torch.randn(1, 18, 4, 4) / 4, torch.rand(1, 9, 4, 4)
    inputs = [part.requires_grad_() for part in (x, weight, offset, mask)]
    backward = torch.ops.torchvision._deform_conv2d_backward
    geometry = (1, 1, 1, 1, 1, 1, 1, 1)  # stride, padding, dilation; groups of weights, of offsets
    same_gradients(
        lambda: torchvision.ops.deform_conv2d(x, offset, weight, padding=1, mask=mask),
        inputs,
        lambda grad: backward(grad, x, weight, offset, mask, torch.zeros(3), *geometry, True)[:4],
    )
