"""Real time steps in the backbone: where time lies in the input and what becomes of it."""

import pytest
import torch
from mmpretrain.registry import MODELS

from mmsfa.neurons import SFA

SMALL = dict(channels=(16, 16, 24, 32), depths=(1, 1, 1, 1, 1))


@pytest.fixture
def build(lively_weights):
    def make(**kwargs):
        torch.manual_seed(0)
        model = MODELS.build(dict(type='ESpikeFormer', arch=SMALL, in_channels=2, **kwargs))
        return lively_weights(model).double().eval()

    return make


def events(B=2, T=3, size=32):
    draw = torch.Generator().manual_seed(0)
    return torch.randn(B, T * 2, size, size, dtype=torch.float64, generator=draw)


def test_time_is_the_slow_part_of_the_channels(build):
    """The same as folding it into the batch axis by hand."""
    T, x = 3, events()
    by_hand = x.unflatten(1, (T, 2)).transpose(0, 1).flatten(0, 1)  # (T*B, 2, H, W)
    want = build(neuron_cfg=dict(type='mmpretrain.SFA', T=T))(by_hand)
    for out_time in ('batch', 'mean'):
        outs = build(T=T, out_time=out_time)(x)
        for got, maps in zip(outs, want, strict=True):
            maps = maps if out_time == 'batch' else maps.unflatten(0, (T, -1)).mean(0)
            assert torch.equal(got, maps)


def test_every_neuron_knows_the_time(build):
    assert {m.T for m in build(T=3).modules() if isinstance(m, SFA)} == {3}


def test_a_still_image_is_shown_at_every_step(build):
    model, x = build(T=3), events(T=1)
    for a, b in zip(model(x), model(x.repeat(1, 3, 1, 1)), strict=True):
        assert torch.equal(a, b)


def test_one_step_changes_no_bit(build):
    x = events(T=1)
    for a, b in zip(build()(x), build(T=1, out_time='batch')(x), strict=True):
        assert torch.equal(a, b)


def test_the_old_name_of_time_in_the_batch_axis_warns(build):
    with pytest.warns(DeprecationWarning, match="out_time='fold' is called 'batch'"):
        model = build(T=3, out_time='fold')
    assert model.out_time == 'batch' and model(events())[0].shape[0] == 3 * 2


def test_statistics_are_those_of_all_steps_together(build):
    """BN sees T*B maps, as in the published event-camera model."""
    model, T, x = build(T=3).train(), 3, events()
    model(x)
    norm = model.downsample_layers[0].norm
    folded = x.unflatten(1, (T, 2)).transpose(0, 1).flatten(0, 1)
    maps = model.downsample_layers[0].conv(folded)
    fresh = torch.nn.BatchNorm2d(maps.shape[1]).double()
    fresh.load_state_dict(build(T=3).downsample_layers[0].norm.state_dict())
    fresh(maps)
    torch.testing.assert_close(norm.running_mean, fresh.running_mean)
    torch.testing.assert_close(norm.running_var, fresh.running_var)


def test_the_relu_twin_takes_event_tensors_too(build):
    outs = build(T=3, neuron_cfg=dict(type='ReLU'))(events())
    assert outs[0].shape[0] == 2


def test_wrong_channels_are_named(build):
    with pytest.raises(ValueError, match=r'T\*C = 3\*2 channels .* got 4'):
        build(T=3)(events(T=2))


def test_a_neuron_without_a_type_is_refused(build):
    with pytest.raises(ValueError, match=r"must name a type, as dict\(type='mmpretrain.SFA'"):
        build(neuron_cfg=dict(D=8))
