# What detection, segmentation and classification share. Each adds its own scope and visualizer:
# `default_runtime_det.py`, `default_runtime_seg.py`, `default_runtime_cls.py`.
custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading'], allow_failed_imports=False)

# By name: a config that adds `custom_hooks` of its own keeps them. With the tools of mmsfa None
# switches one off.
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='MainProcessLoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    firing_rate=dict(type='FiringRateHook', interval=10),
    pretrained_notice=dict(type='PretrainedNoticeHook'),
    data_check=dict(type='DataCheckHook'),
    metric_check=dict(type='MetricCheckHook'),
    sync_norm_stats=dict(type='SyncNormStatsHook'),
    exact_resume=dict(type='ExactResumeHook'),
    numerics=dict(type='NumericsHook'),
    schedule=dict(type='ScheduleHook'),
    quantization_anneal=dict(type='QuantizationAnnealHook'),
    spikes_as_bytes=dict(type='SpikesAsBytesHook'),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)  # the tools take gloo where there is no GPU

vis_backends = [dict(type='LocalVisBackend')]
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
