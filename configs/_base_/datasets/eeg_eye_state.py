# EEG with eyes open or closed: one person, one recording of 117 s at 128 Hz, 14 electrodes.
# It is split by blocks of 6 s, every fifth of which is for tests: neighbours in time look alike.
dataset_type = 'SignalWindows'
data_root = 'data/eeg_eye_state'
classes = ['open', 'closed']
data_preprocessor = dict(num_classes=2)

T = 2
windows = dict(
    type=dataset_type,
    data_root=data_root,
    ann_file='eeg_eye_state.csv',
    label='class',
    classes=classes,
    window=128,
    stride=16,
    blocks=20,
)
test_blocks = [4, 9, 14, 19]
train_blocks = [i for i in range(20) if i % 5 != 4]

encode = dict(
    type='OncePerSample',
    transforms=[
        dict(type='LoadSignal'),
        dict(type='ScaleSignal', scale=10.0, clip=8.0),  # outliers are ten times as large
        dict(type='TAEEncode', theta0=0.3, grow_factor=1.5, decay=0.8, theta_min=0.1, theta_max=4),
    ],
)
pipeline = [encode, dict(type='SignalToImage', T=T, order='phases'), dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=40,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**windows, use_blocks=train_blocks, pipeline=pipeline),
)
val_dataloader = dict(
    batch_size=60,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**windows, use_blocks=test_blocks, pipeline=pipeline),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
