# RetinaNet, E-SpikeFormer 19M, COCO boxes, 3x schedule with its usual steps.
# The published RetinaNet stands on Meta-SpikeFormer with LIF heads; this one is new.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/schedules/coco_3x.py',
    '../_base_/default_runtime_det.py',
]

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

head_neuron = dict(type='mmpretrain.SFA', D=4, norm=1)

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ESpikeFormer',
        arch='19m',
        out_indices=(2, 3, 4),
        # RetinaNet wants strides 8, 16, 32 and makes 64 and 128 itself. Weights from ImageNet fit,
        # though their last stage was trained at stride 16.
        stage4_stride=2,
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    neck=dict(
        type='SpikeFPN',
        in_channels=[128, 256, 360],
        start_level=0,
        add_extra_convs='on_input',
        neuron_cfg=head_neuron,
    ),
    bbox_head=dict(type='SpikeRetinaHead', neuron_cfg=head_neuron),
)

train_dataloader = dict(batch_size=2)  # per GPU, as published
auto_scale_lr = dict(base_batch_size=16)
