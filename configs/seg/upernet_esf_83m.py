# UperNet on E-SpikeFormer 83M.
_base_ = './upernet_esf.py'

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

model = dict(
    backbone=dict(
        arch='83m',
        # the neuron that the large models were trained with
        neuron_cfg=dict(rounding='half_up', grad_range='open'),
        layer_scale_init=1e-6,
        drop_path_rate=0.1,
        init_cfg=dict(checkpoint=pretrained),
    ),
    decode_head=dict(in_channels=[128, 256, 512, 512]),
    auxiliary_head=dict(in_channels=512),
)
