# Cascade Mask R-CNN, E-SpikeFormer 19M, COCO, 3x schedule.
_base_ = [
    'mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py',
    '../_base_/datasets/coco_instance.py',
    '../_base_/schedules/coco_3x.py',
    '../_base_/default_runtime_det.py',
]

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

head_neuron = dict(type='mmpretrain.SFA', D=4, norm=1)
strides = [4, 8, 16, 16, 32]  # the true ones
anchor_sizes = [4, 8, 16, 32, 64]
target_stds = ([0.1, 0.1, 0.2, 0.2], [0.05, 0.05, 0.1, 0.1], [0.033, 0.033, 0.067, 0.067])

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ESpikeFormer',
        arch='19m',
        out_indices=(1, 2, 3, 4),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    neck=dict(type='SpikeFPN', in_channels=[64, 128, 256, 360], neuron_cfg=head_neuron),
    rpn_head=dict(
        type='SpikeRPNHead',
        neuron_cfg=head_neuron,
        anchor_generator=dict(strides=strides, base_sizes=anchor_sizes),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
        bbox_head=[
            dict(
                type='SpikeShared4Conv1FCBBoxHead',
                neuron_cfg=head_neuron,
                in_channels=256,
                fc_out_channels=1024,
                roi_feat_size=7,
                num_classes=80,
                bbox_coder=dict(
                    type='DeltaXYWHBBoxCoder',
                    target_means=[0.0, 0.0, 0.0, 0.0],
                    target_stds=stds,
                ),
                reg_class_agnostic=False,
                reg_decoded_bbox=True,
                norm_cfg=dict(type='SyncBN', requires_grad=True),
                loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
                loss_bbox=dict(type='GIoULoss', loss_weight=10.0),
            )
            for stds in target_stds
        ],
        mask_head=dict(type='SpikeFCNMaskHead', neuron_cfg=head_neuron),
    ),
)

train_dataloader = dict(batch_size=2)  # per GPU, as published
auto_scale_lr = dict(base_batch_size=16)
