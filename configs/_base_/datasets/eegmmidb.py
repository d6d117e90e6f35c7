# The two baselines of PhysioNet's EEG Motor Movement/Imagery Dataset as published, S001/S001R01.edf
# and so on: run 1 with eyes open, run 2 closed, 61 s at 160 Hz, 64 electrodes, 109 people. 90 and
# above are for tests; those of another rate (88, 92, 100) are left out.
dataset_type = 'SignalDataset'
data_root = 'data/eegmmidb'
classes = ['1', '2']  # open, closed
data_preprocessor = dict(num_classes=2)

T = 2
length = 1280  # 8 s
encode = dict(
    type='OncePerSample',
    transforms=[
        dict(type='LoadSignal', rate=160),
        dict(type='ScaleSignal', scale=2e-5, clip=8.0),  # EDF is read in volts
        dict(type='TAEEncode', theta0=0.3, grow_factor=1.5, decay=0.8, theta_min=0.1, theta_max=4),
    ],
)
pack = [dict(type='SignalToImage', T=T, order='phases'), dict(type='PackInputs')]
fit = dict(type='CropOrPadSignal', length=length, key='spikes')
baselines = dict(
    type=dataset_type,
    data_root=data_root,
    classes=classes,
    label_pattern='R0([12])[.]edf$',
)

train_dataloader = dict(
    batch_size=20,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        **baselines,
        file_pattern='^(?!S088)S0[0-8][0-9]/S[0-9]+R0[12][.]edf$',
        pipeline=[encode, dict(fit, jitter=4000), *pack],
    ),
)
val_dataloader = dict(
    batch_size=20,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **baselines,
        file_pattern='^(?!S092|S100)S(09|10)[0-9]/S[0-9]+R0[12][.]edf$',
        pipeline=[encode, fit, *pack],
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
