_base_ = './default_runtime_cls.py'

custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.pretrain'])
default_hooks = dict(reconstruction=dict(type='ReconstructionHook', interval=10))
