_base_ = './default_runtime.py'

default_scope = 'mmseg'
custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.seg'])

default_hooks = dict(
    logger=dict(log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=8000, save_best='mIoU'),
    visualization=dict(type='SegVisualizationHook'),
)
visualizer = dict(
    type='SegLocalVisualizer', vis_backends={{_base_.vis_backends}}, name='visualizer'
)
log_processor = dict(by_epoch=False)
