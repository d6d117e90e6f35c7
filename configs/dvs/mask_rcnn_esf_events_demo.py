# The small Mask R-CNN of the demo on events instead of pictures: moving Shapes before a simulated
# event camera, T x D = 3 x 4. Boxes and masks belong to the last moment.
_base_ = '../det/mask_rcnn_esf_demo.py'

custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.det', 'mmsfa.datasets.events'])
T = 3

model = dict(
    data_preprocessor=dict(mean=None, std=None, bgr_to_rgb=False),
    backbone=dict(T=T, in_channels=2),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='SimulateEvents', T=T),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='SimulateEvents', T=T, direction=0.5),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

# Without colours the classes take longer to learn: twice the epochs of the demo on pictures.
max_epochs = 14
train_cfg = dict(max_epochs=max_epochs, val_interval=7)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=80 * max_epochs, eta_min=1e-5),
]
