"""A plan for units reaches every module that they run through."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from mmsfa.compression.pruning import masked
from mmsfa.compression.pruning.narrow import narrow
from mmsfa.compression.pruning.plan import plan_of
from mmsfa.compression.pruning.tracing import trace
from mmsfa.compression.pruning.units import units_of
from tests.helpers.small_models import classifier


class Concat(nn.Module):
    """Two layers side by side, then a flattened map."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 6, 1)
        self.norm, self.both = nn.BatchNorm2d(10), nn.Conv2d(10, 5, 1)
        self.last = nn.Linear(5 * 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(torch.cat([self.a(x), self.b(x)], 1))
        return self.last(self.both(x).flatten(1))


def test_channels_behind_a_concatenation_and_a_flattened_map() -> None:
    model, x = Concat().double().eval(), torch.rand(2, 3, 2, 2, dtype=torch.float64)
    units = units_of(model, trace(model, x[:1]))
    plan = plan_of(model, units, {'b': [0, 4], 'both': [1, 2, 3]})
    assert plan.modules['both'].ins == [0, 1, 2, 3, 4, 8] and plan.modules['both'].outs == [1, 2, 3]
    assert plan.modules['norm'].outs == [0, 1, 2, 3, 4, 8]
    assert plan.modules['last'].ins == list(range(4, 16)) and 'a' not in plan.modules
    assert plan.full == {'b': 6, 'both': 5}
    with torch.no_grad():
        before = model(x)
        with masked(model, plan):
            wanted = model(x)
        assert torch.equal(model(x), before) and not torch.allclose(wanted, before)
        found = narrow(deepcopy(model), plan.modules)(x)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_queries_and_keys_are_masked_together() -> None:
    model = classifier()
    name = 'backbone.stages.3.0.attn'
    units = units_of(model, trace(model, torch.rand(1, 3, 64, 64, dtype=torch.float64)))
    plan = plan_of(model, units, {f'{name}.q_conv.conv': [0, 5, 9, 13, 17, 20, 24, 31]})
    assert plan.products == {f'{name}.product': plan.kept[f'{name}.q_conv.conv']}
    seen: list[tuple[Tensor, ...]] = []
    product = model.get_submodule(f'{name}.product')
    with torch.no_grad(), masked(model, plan):
        handle = product.register_forward_pre_hook(lambda _m, args: seen.append(args))
        model.extract_feat(torch.rand(1, 3, 64, 64, dtype=torch.float64))
        handle.remove()
    for spikes in seen[0][:2]:  # (B, 8 heads, 4, N)
        gone = spikes.flatten(1, 2)[
            :, [i for i in range(32) if i not in plan.kept[f'{name}.q_conv.conv']]
        ]
        assert not gone.any() and spikes.any()
