"""Making a head of the OpenMMLab libraries spike-driven."""

import copy

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import nn

from mmsfa.layers import SpikeDriven, make_spike_driven
from mmsfa.neurons import SFA
from mmsfa.neurons.functional import integer_fire

NEURON = dict(type='mmpretrain.SFA', norm=1)


class Head(nn.Module):
    """A convolution with BN and ReLU, a transposed convolution and a linear layer."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([ConvModule(3, 4, 3, norm_cfg=dict(type='BN'))])
        self.upsample = nn.ConvTranspose2d(4, 4, 2, 2)
        self.fc = nn.Linear(4, 2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.relu(self.upsample(self.convs[0](x)))
        return self.fc(x.mean((2, 3)))


def test_every_layer_gets_spikes_and_every_relu_goes():
    head = Head()
    make_spike_driven(head, NEURON, analog=())
    inputs = {}
    for name, layer in head.named_modules():
        if hasattr(layer, 'neuron'):
            layer.neuron.register_forward_hook(lambda m, i, o, name=name: inputs.update({name: o}))
    head(torch.randn(2, 3, 8, 8) * 3)
    assert sorted(inputs) == ['convs.0.conv', 'fc', 'upsample']
    assert all(torch.equal(x, integer_fire(x, norm=1)) for x in inputs.values())
    assert not any(isinstance(module, nn.ReLU) for module in head.modules())


def test_parameter_names_stay_so_that_ordinary_checkpoints_load():
    ordinary, head = Head(), Head()
    make_spike_driven(head, NEURON)
    head.load_state_dict(ordinary.state_dict(), strict=True)


def test_analog_layers_keep_their_real_valued_input():
    head = Head()
    make_spike_driven(head, NEURON, analog=('convs', 'fc'))
    assert [n for n, m in head.named_modules() if isinstance(m, SFA)] == ['upsample.neuron']
    # an analog part stays as it is, with its own ReLU; the one between spiking layers goes
    assert [n for n, m in head.named_modules() if isinstance(m, nn.ReLU)] == ['convs.0.activate']


def test_what_cannot_be_made_spike_driven_is_refused():
    head = Head()
    head.attention = nn.MultiheadAttention(4, 2)
    with pytest.raises(ValueError, match='attention of Head is a MultiheadAttention, which cannot'):
        make_spike_driven(head, NEURON)
    make_spike_driven(head, NEURON, analog=('attention',))
    assert not hasattr(head.attention.out_proj, 'neuron') and hasattr(head.fc, 'neuron')


def test_unknown_analog_layer():
    with pytest.raises(ValueError, match=r"got \['fcs'\]; it has \['convs.0.conv', 'fc'"):
        make_spike_driven(Head(), NEURON, analog=('fcs',))


def test_a_copy_fires_its_own_neurons():
    head = Head().eval()
    make_spike_driven(head, NEURON)
    twin = copy.deepcopy(head)
    for module in twin.modules():
        if isinstance(module, SFA):
            module.D = 1
    x = torch.randn(2, 3, 8, 8) * 4
    assert not torch.equal(head.convs[0](x), twin.convs[0](x))


def test_a_relu_neuron_is_not_taken_out():
    head = Head()
    make_spike_driven(head, dict(type='ReLU'))
    assert sum(isinstance(module, nn.ReLU) for module in head.modules()) == 3


class PlainNeck(nn.Module):
    """As YOLOF's encoder and mmseg's MLANeck: no ``BaseModule``."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        return self.conv(x)


def test_a_plain_module_and_one_of_mmengine_take_their_own_arguments():
    class SpikePlain(SpikeDriven, PlainNeck):
        pass

    class Other(BaseModule):
        def __init__(self, in_channels, init_cfg=None):
            super().__init__(init_cfg)
            self.conv = nn.Conv2d(in_channels, 2, 1)

    class SpikeOther(SpikeDriven, Other):
        pass

    neck = SpikePlain(3, out_channels=4, neuron_cfg=NEURON)
    assert isinstance(neck.conv.neuron, SFA) and neck(torch.ones(1, 3, 2, 2)).shape == (1, 4, 2, 2)
    init_cfg = dict(type='Constant', layer='Conv2d', val=3)
    other = SpikeOther(in_channels=3, init_cfg=init_cfg, neuron_cfg=NEURON)
    other.init_weights()
    assert isinstance(other, BaseModule) and (other.conv.weight == 3).all()


def test_norms_of_several_axes_and_parameters_of_a_head_are_no_layers():
    head = Head()
    head.norm = nn.LayerNorm((4, 8, 8))
    head.query_embed = nn.Embedding(5, 4)
    head.tokens = nn.Parameter(torch.zeros(1, 3, 4))
    make_spike_driven(head, NEURON)
    assert hasattr(head.upsample, 'neuron') and not hasattr(head.norm, 'neuron')


def test_what_is_refused_is_named_with_its_weights():
    head = Head()
    head.kernel_weight = nn.Parameter(torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"It is Head itself, .*\(kernel_weight\).*analog \(''\)"):
        make_spike_driven(head, NEURON)
    make_spike_driven(head, NEURON, analog=('', 'fc'))
    assert hasattr(head.upsample, 'neuron') and not hasattr(head.fc, 'neuron')


def test_a_head_in_evaluation_mode_stays_in_it():
    head = Head().eval()
    make_spike_driven(head, NEURON)
    assert not any(module.training for module in head.modules())
