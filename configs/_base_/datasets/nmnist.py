# N-MNIST: digits seen by an event camera, in Train/<digit>/*.bin and Test/<digit>/*.bin.
dataset_type = 'CustomDataset'
data_root = 'data/nmnist_small'
classes = [str(digit) for digit in range(10)]
data_preprocessor = dict(num_classes=10)

T = 3  # one step for each of the three saccades
load = dict(type='LoadEvents', shape=(34, 34))
to_image = dict(type='EventsToImage', T=T, by='time')

train_pipeline = [
    load,
    dict(type='EventDrop'),
    to_image,
    dict(type='RandomRoll', max_shift=3),
    dict(type='PackInputs'),
]
test_pipeline = [load, to_image, dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=20,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix='Train',
        classes=classes,
        extensions=('.bin',),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=50,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix='Test',
        classes=classes,
        extensions=('.bin',),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
