# Spoken digits, a part of FSDD at 8 kHz: train/<digit>_<speaker>_<index>.wav, test/ likewise.
dataset_type = 'SignalDataset'
data_root = 'data/fsdd'
classes = [str(digit) for digit in range(10)]
data_preprocessor = dict(num_classes=10)

T = 2
length = 96  # spectra, one each 10 ms
encode = dict(
    type='OncePerSample',
    transforms=[
        dict(type='LoadSignal', rate=8000),
        dict(type='BandEnergies', bands=32, window=256, hop=80),
        dict(type='ScaleSignal', center=None, scale='std'),
        dict(type='TAEEncode', theta0=0.2, grow_factor=1.5, decay=0.8, theta_min=0.05),
    ],
)
pack = [dict(type='SignalToImage', T=T, order='phases'), dict(type='PackInputs')]
fit = dict(type='CropOrPadSignal', length=length, key='spikes')
train_pipeline = [encode, dict(fit, jitter=16), *pack]
test_pipeline = [encode, fit, *pack]

train_dataloader = dict(
    batch_size=40,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix='train',
        classes=classes,
        label_pattern='^([0-9])_',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=60,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix='test',
        classes=classes,
        label_pattern='^([0-9])_',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
