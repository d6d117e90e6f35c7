# Google Speech Commands v0.02 as it is published: <word>/<speaker>_nohash_<i>.wav, 16 kHz, and the
# lists validation_list.txt and testing_list.txt; what is in neither is for training.
dataset_type = 'SignalDataset'
data_root = 'data/speech_commands_v0.02'
classes = [
    *('backward', 'bed', 'bird', 'cat', 'dog', 'down', 'eight'),
    *('five', 'follow', 'forward', 'four', 'go', 'happy', 'house'),
    *('learn', 'left', 'marvin', 'nine', 'no', 'off', 'on'),
    *('one', 'right', 'seven', 'sheila', 'six', 'stop', 'three'),
    *('tree', 'two', 'up', 'visual', 'wow', 'yes', 'zero'),
]
data_preprocessor = dict(num_classes=35)

T = 2
length = 96  # spectra, one each 10 ms
encode = dict(
    type='OncePerSample',
    transforms=[
        dict(type='LoadSignal', rate=16000),
        dict(type='BandEnergies', bands=32, window=512, hop=160),
        dict(type='ScaleSignal', center=None, scale='std'),
        dict(type='TAEEncode', theta0=0.2, grow_factor=1.5, decay=0.8, theta_min=0.05),
    ],
)
pack = [dict(type='SignalToImage', T=T, order='phases'), dict(type='PackInputs')]
fit = dict(type='CropOrPadSignal', length=length, key='spikes')
words = dict(
    type=dataset_type,
    data_root=data_root,
    classes=classes,
    label_pattern='^([a-z]+)/',
    file_pattern='^[a-z]',  # not _background_noise_
)
lists = ['validation_list.txt', 'testing_list.txt']

train_dataloader = dict(
    batch_size=128,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**words, exclude_lists=lists, pipeline=[encode, dict(fit, jitter=10), *pack]),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**words, file_list=lists[0], pipeline=[encode, fit, *pack]),
)
test_dataloader = dict(
    batch_size=256,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**words, file_list=lists[1], pipeline=[encode, fit, *pack]),
)

val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
