# The nuclei detector in 1 bit, fine-tuned from its float weights, which are the teacher, too:
# train mask_rcnn_esf_nuclei.py first. Other bits: `--cfg-options quantization=4`.
_base_ = 'mask_rcnn_esf_nuclei.py'

float_model = 'work_dirs/mask_rcnn_esf_nuclei/epoch_20.pth'
load_from = float_model
quantization = 1

model = dict(
    _delete_=True,
    type='AuxiliaryLosses',
    of=_base_.model,
    losses=dict(
        kd=dict(
            type='FeatureDistillationLoss',
            features={'neck': 'neck'},
            standardize=True,
            teacher='configs/det/mask_rcnn_esf_nuclei.py',
            teacher_ckpt=float_model,
        )
    ),
)

train_cfg = dict(max_epochs=16, val_interval=16)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
_base_.param_scheduler[0].end = 20
_base_.param_scheduler[1].begin = 20
_base_.param_scheduler[1].end = 480
default_hooks = dict(checkpoint=dict(interval=16))
