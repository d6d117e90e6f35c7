# The small UperNet of the demo on events instead of pictures: moving Shapes before a simulated
# event camera, T x D = 3 x 4. The label map belongs to the last moment.
_base_ = '../seg/upernet_esf_demo.py'

custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.seg', 'mmsfa.datasets.events'])
T = 3

model = dict(
    data_preprocessor=dict(mean=None, std=None, bgr_to_rgb=False),
    backbone=dict(
        # half the blocks of tiny
        arch=dict(_delete_=True, channels=(24, 48, 96, 128), depths=(1, 1, 2, 2, 1)),
        T=T,
        in_channels=2,
    ),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='SimulateEvents', T=T),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='SimulateEvents', T=T, direction=0.5),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = None  # the flips of the test pipeline
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
auto_scale_lr = dict(base_batch_size=4)
