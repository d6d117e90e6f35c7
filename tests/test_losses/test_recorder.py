"""Outputs of modules are kept while a model runs, and only then."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.losses import record_outputs


def hooks_of(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_each_call_is_kept_in_order_with_its_gradient() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid())
    with record_outputs(model, ['0', '1', '']) as outputs:
        first, second = model(torch.ones(1, 2)), model(torch.zeros(3, 2))
    assert outputs[''] == outputs['1']  # the very tensors
    assert outputs['1'][0] is first and outputs['1'][1] is second
    assert [len(one) for one in outputs['0']] == [1, 3]
    (gradient,) = torch.autograd.grad(outputs['0'][1].sum(), model[0].bias)
    assert gradient.tolist() == [3, 3]


def test_what_is_changed_in_place_is_seen_as_it_became() -> None:
    model = nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))
    with record_outputs(model, ['0']) as outputs:
        model(torch.tensor([-1.0, 2.0]))
    assert outputs['0'][0].tolist() == [0, 2]


def test_nothing_stays_behind() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    with record_outputs(model, ['0', '']) as outputs:
        assert hooks_of(model) == 2
    model(torch.ones(1, 2))
    assert outputs == {'0': [], '': []} and hooks_of(model) == 0
    with pytest.raises(RuntimeError), record_outputs(model, ['0']):
        model(torch.ones(1, 3))
    assert hooks_of(model) == 0


def test_a_shared_module_answers_to_either_name() -> None:
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, layer)
    with record_outputs(model, ['0', '1']) as outputs:
        model(torch.ones(1, 2))
    assert len(outputs['0']) == len(outputs['1']) == 2


def test_names_come_in_the_order_of_the_first_calls() -> None:
    model = nn.ModuleDict({name: nn.Identity() for name in 'abcd'})
    with record_outputs(model, 'abcd') as outputs:
        for name in 'dbdc':
            model[name](torch.ones(1))
    assert ''.join(outputs) == 'adbc' and len(outputs['d']) == 2


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('neck', r"Sequential has no module 'neck'\. It has: body, head\."),
        ('body.2', r"no module 'body\.2'\. In body there are: 0, 1\."),
        ('head.fc', r"no module 'head\.fc'\. In head there are: nothing\."),
    ],
)
def test_what_stands_where_a_name_goes_astray(name: str, message: str) -> None:
    model = nn.Sequential()
    model.body, model.head = nn.Sequential(nn.ReLU(), nn.ReLU()), nn.Linear(2, 2)
    with pytest.raises(ValueError, match=message), record_outputs(model, ['body', name]):
        pass
    assert hooks_of(model) == 0
