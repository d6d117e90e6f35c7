_base_ = './default_runtime_cls.py'

custom_imports = dict(imports=['mmsfa', 'mmsfa.pretrain'])
# No firing rates: nothing is validated.
custom_hooks = [
    dict(type='SyncNormStatsHook'),
    dict(type='DataCheckHook'),
    dict(type='ReconstructionHook', interval=10),
    dict(type='ExactResumeHook'),
    dict(type='NumericsHook'),
    dict(type='ScheduleHook'),
]
