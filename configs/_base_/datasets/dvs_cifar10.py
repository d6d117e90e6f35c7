# CIFAR10-DVS: recordings of an event camera in <class>/*.aedat. The set has no split: name 9000
# recordings in meta/train.txt and 1000 in meta/val.txt, one a line, with the number of the class:
# airplane/cifar10_airplane_0.aedat 0
dataset_type = 'CustomDataset'
data_root = 'data/cifar10_dvs'
classes = [
    'airplane',
    'automobile',
    'bird',
    'cat',
    'deer',
    'dog',
    'frog',
    'horse',
    'ship',
    'truck',
]
data_preprocessor = dict(num_classes=10)

T = 10  # equally many events in each step
load = dict(type='LoadEvents', shape=(128, 128))
to_image = dict(type='EventsToImage', T=T, by='count')
resize = dict(type='Resize', scale=(48, 48))
train_pipeline = [
    load,
    to_image,
    resize,
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomRoll', max_shift=5),
    dict(type='PackInputs'),
]
test_pipeline = [load, to_image, resize, dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='meta/train.txt',
        classes=classes,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='meta/val.txt',
        classes=classes,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
