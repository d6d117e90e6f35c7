_base_ = './default_runtime_cls.py'

custom_imports = dict(imports=['mmsfa', 'mmsfa.pretrain'])
# No firing rates: nothing is validated.
custom_hooks = [
    dict(type='ReconstructionHook', interval=10),  # first: the docs call it custom_hooks.0
    dict(type='SyncNormStatsHook'),
    dict(type='DataCheckHook'),
    dict(type='ExactResumeHook'),
    dict(type='NumericsHook'),
    dict(type='ScheduleHook'),
]
