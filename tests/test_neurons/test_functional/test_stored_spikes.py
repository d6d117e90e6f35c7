"""Spikes as bytes: the same gradients from a quarter of the memory."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.backbones import ESpikeFormer
from mmsfa.compression.quantization import quantize
from mmsfa.neurons import IF, LIF, SFA, spikes_as_bytes
from mmsfa.neurons.functional import stored_spikes

ARCH = dict(channels=(8, 8, 16, 16), depths=(1, 1, 1, 1, 1))


@contextmanager
def counting(kept: dict[int, int]) -> Iterator[None]:
    """As `spikes_as_bytes`, and note what is kept: bytes by storage."""
    pack = stored_spikes._pack

    def note(tensor: Tensor) -> object:
        found = pack(tensor)
        inner = getattr(found, 'tensor', None)
        inner = found.fired.codes if inner is None else inner
        kept[inner.untyped_storage().data_ptr()] = inner.untyped_storage().nbytes()
        return found

    stored_spikes._pack = note
    try:
        with spikes_as_bytes():
            yield
    finally:
        stored_spikes._pack = pack


def gradients(
    model: nn.Module, x: Tensor, context: Callable = nullcontext, backward_inside: bool = False
) -> list[Tensor]:
    model, x = deepcopy(model).train(), x.clone().requires_grad_()
    with context():
        outs = model(x)
        outs = outs if isinstance(outs, tuple) else (outs,)
        loss = sum((out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum() for out in outs)
        if backward_inside:
            loss.backward()
    if not backward_inside:
        loss.backward()
    return [x.grad, *(p.grad for p in model.parameters() if p.grad is not None)]


class Twice(nn.Module):
    """Two layers read the same spikes, and one a part of them."""

    def __init__(self, neuron: nn.Module) -> None:
        super().__init__()
        self.neuron = neuron
        self.one, self.two = nn.Conv2d(6, 4, 3, padding=1), nn.Conv2d(6, 4, 1)
        self.part = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.neuron(x)
        part = self.part(spikes[:, 1:4].transpose(1, 3)).transpose(1, 3)
        product = spikes.flatten(2) @ spikes.flatten(2).transpose(1, 2)
        return self.one(spikes) * self.two(spikes) + part + product.sum()


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('backward_inside', [False, True])
@pytest.mark.parametrize(
    'neuron',
    [
        SFA(),
        SFA(norm=1),
        SFA(D=63, norm=3.0),
        SFA(D=200),
        SFA(rounding='half_up', grad_range='open'),
        SFA(T=2),
        SFA(scale='learned'),
        SFA(grad_mask='fired', threshold=dict(type='AFT', k=0.2)),
        SFA(grad_mask='fired_cut', T=2),
        LIF(grad_mask='fired', threshold=dict(type='AFT')),
        LIF(T=2),
        IF(T=4),
        nn.ReLU(),
    ],
    ids=str,
)
def test_gradients_are_the_same_to_the_last_bit(
    neuron: nn.Module, backward_inside: bool, memory_format: torch.memory_format
) -> None:
    x = (3 * torch.randn(4, 6, 5, 7)).to(memory_format=memory_format)
    model = Twice(neuron)
    plain = gradients(model, x)
    assert all(grad.abs().sum() > 0 for grad in plain)
    found = gradients(model, x, spikes_as_bytes, backward_inside)
    assert all(torch.equal(a, b) for a, b in zip(plain, found, strict=True))


@pytest.mark.parametrize(
    'settings',
    [
        {},
        dict(with_cp=True),
        dict(T=2),
        dict(attn_cfg=dict(type='mmpretrain.StepAlignedAttention')),
        dict(arch=dict(family='large', channels=(16, 24, 32), depths=(1, 1, 1, 1))),
        dict(neuron_cfg=dict(type='mmpretrain.LIF'), T=2),
    ],
    ids=str,
)
@pytest.mark.parametrize('bits', [None, 4])
def test_so_are_those_of_whole_backbones(settings: dict, bits: int | None, lively_weights) -> None:
    backbone = lively_weights(ESpikeFormer(**{'arch': ARCH, **settings}))
    if bits:
        quantize(backbone, bits)
    x = torch.randn(2, 3 * settings.get('T', 1), 64, 64)
    plain = gradients(backbone, x)
    for inside in (False, True):  # where a checkpointed block is computed anew
        found = gradients(backbone, x, spikes_as_bytes, inside)
        assert all(torch.equal(one, other) for one, other in zip(plain, found, strict=True))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_so_are_those_under_autocast(dtype: torch.dtype) -> None:
    @contextmanager
    def both() -> Iterator[None]:
        with torch.autocast('cpu', dtype), spikes_as_bytes():
            yield

    model, x = Twice(SFA()), 2 * torch.randn(2, 6, 8, 8)
    plain = gradients(model, x, lambda: torch.autocast('cpu', dtype))
    assert all(torch.equal(a, b) for a, b in zip(plain, gradients(model, x, both), strict=True))


def test_spikes_are_kept_once_and_in_one_byte_each() -> None:
    neuron = SFA()
    one, two = nn.Conv2d(8, 8, 1, bias=False), nn.Linear(16, 3, bias=False)
    x = 2 * torch.randn(4, 8, 16, 16, requires_grad=True)
    kept: dict[int, int] = {}
    with counting(kept):
        spikes = neuron(x)
        out = one(spikes).sum() + two(spikes).sum()
    weights = {layer.weight.untyped_storage().data_ptr() for layer in (one, two)}
    assert sum(size for place, size in kept.items() if place not in weights) == x.numel()
    out.backward()


def test_a_backbone_keeps_less_than_with_relu() -> None:
    kept: dict[str, dict[int, int]] = {}
    x = torch.randn(1, 3, 128, 128)
    for name, cfg in (('SFA', None), ('ReLU', dict(type='ReLU'))):
        backbone = ESpikeFormer('tiny', neuron_cfg=cfg).train()
        kept[name] = {}
        with counting(kept[name]):
            outs = backbone(x)
        for parameter in backbone.parameters():
            kept[name].pop(parameter.untyped_storage().data_ptr(), None)
        del outs
    assert sum(kept['SFA'].values()) <= 0.65 * sum(kept['ReLU'].values())


def test_what_was_overwritten_is_kept_as_it_is() -> None:
    """The mask of a dropout that works in place is no count."""
    conv = nn.Conv2d(6, 4, 1)
    x = 3 * torch.randn(2, 6, 5, 5)

    def run() -> Tensor:
        conv.zero_grad()
        spikes = SFA()(x.clone().requires_grad_())
        conv(spikes.mul_(0.3)).sum().backward()
        return conv.weight.grad.clone()

    with spikes_as_bytes():
        found = run()
    assert torch.equal(found, run())


def test_nothing_stays_behind() -> None:
    x = torch.randn(2, 6, 5, 5, requires_grad=True)
    with spikes_as_bytes():
        F.conv2d(SFA()(x), torch.ones(1, 6, 1, 1, requires_grad=True)).sum().backward()
        gc.collect()
        assert not stored_spikes._fired
        assert stored_spikes.are_stored()
    assert not stored_spikes.are_stored()
    spikes = SFA()(x)
    assert not stored_spikes._fired and spikes.requires_grad


OVERWRITES = {
    'an input': lambda x: (x * x, x.add_(1))[0],
    'an output': lambda x: x.exp().add_(1),
    'a part': lambda x: (x[0] * x[0], x[:, :1].zero_())[0],
}


@pytest.mark.parametrize('case', OVERWRITES)
def test_what_backward_needs_may_not_be_overwritten(case: str) -> None:
    """PyTorch alone notices it, and does not while something else keeps its tensors."""
    for context in (nullcontext, spikes_as_bytes):
        x = torch.randn(3, 4, requires_grad=True) * 1
        with context():
            y = OVERWRITES[case](x)
        with pytest.raises(RuntimeError, match='modified by an inplace operation'):
            y.sum().backward()


def test_overwritten_spikes_give_the_gradient_of_those_that_were() -> None:
    weight = torch.ones(4, requires_grad=True)
    with spikes_as_bytes():
        spikes = SFA()(torch.tensor([1.0, 2.0, 3.0, -1.0], requires_grad=True))
        y = (spikes * weight).sum()
        with torch.no_grad():
            spikes.add_(1)
    y.backward()
    assert weight.grad.tolist() == [0.25, 0.5, 0.75, 0]


def test_a_graph_is_freed_without_a_collection() -> None:
    gc.disable()
    try:
        x = torch.randn(3, requires_grad=True)
        with spikes_as_bytes():
            y = SFA()(x).exp()  # keeps its own output
        found = weakref.ref(y)
        del y
        assert found() is None
    finally:
        gc.enable()


def test_gradients_of_gradients_are_the_same() -> None:
    found = []
    for context in (nullcontext, spikes_as_bytes):
        x = torch.tensor([0.3, 1.2, 2.0], requires_grad=True, dtype=torch.float64)
        with context():
            y = (x.exp() * SFA()(x) * x.sigmoid()).sum()
            (grad,) = torch.autograd.grad(y, x, create_graph=True)
        found.append(torch.autograd.grad(grad.square().sum(), x)[0])
    assert torch.equal(*found)


def test_a_compiled_model_gives_the_same_gradients() -> None:
    model = torch.compile(Twice(SFA()), backend='aot_eager')
    x = 2 * torch.randn(2, 6, 5, 7)
    found = []
    for context in (nullcontext, spikes_as_bytes):
        model.zero_grad()
        with context():
            model(x).square().sum().backward()
        found.append([p.grad.clone() for p in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_so_does_a_compiled_step_with_its_backward_pass() -> None:
    """The compiler sees the hooks then, and would compare versions of tensors of its own."""
    model, x = Twice(SFA()), 2 * torch.randn(2, 6, 5, 7)

    def step(x: torch.Tensor) -> torch.Tensor:
        loss = model(x).square().sum()
        loss.backward()
        return loss.detach()

    found = []
    for one in (step, torch.compile(step, backend='aot_eager')):
        model.zero_grad()
        with spikes_as_bytes():
            one(x)
        found.append([p.grad.clone() for p in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize('layout', [torch.sparse_coo, torch.sparse_csr])
def test_what_is_sparse_is_kept_as_it_is(layout: torch.layout) -> None:
    matrix, found = torch.eye(4).to_sparse(layout=layout), []
    for context in (nullcontext, spikes_as_bytes):
        x = torch.tensor([[0.3, 1.2, 2.0, 7.0]]).t().requires_grad_()
        with context():
            (matrix @ (SFA(D=4)(x) * x)).sum().backward()
        found.append(x.grad)
    assert torch.equal(*found)


def test_within_itself_it_does_nothing() -> None:
    with spikes_as_bytes():
        with spikes_as_bytes():
            pass
        assert stored_spikes.are_stored()
    first, second = spikes_as_bytes(), spikes_as_bytes()
    first.__enter__()
    second.__enter__()
    first.__exit__()  # as two hooks end, in the order in which they began
    second.__exit__()
    assert not stored_spikes.are_stored()
    # ... which refuses to run within hooks
    assert torch.func.grad(lambda x: x**2)(torch.tensor(2.0)) == 4
