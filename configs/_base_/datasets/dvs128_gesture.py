# DVS128 Gesture: 11 gestures, several in each recording. Equally many events in each of 16 steps.
dataset_type = 'DVS128Gesture'
data_root = 'data/DvsGesture'
data_preprocessor = dict(num_classes=11)

T = 16
load = dict(type='LoadEvents', shape=(128, 128))
to_image = dict(type='EventsToImage', T=T, by='count')
train_pipeline = [
    load,
    dict(type='EventDrop'),
    to_image,
    dict(type='RandomCrop', crop_size=128, padding=8),
    dict(type='PackInputs'),
]
test_pipeline = [load, to_image, dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='trials_to_train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='trials_to_test.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
