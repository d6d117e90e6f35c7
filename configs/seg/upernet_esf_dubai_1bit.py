# The Dubai segmentor in 1 bit, fine-tuned from its float weights, which are the teacher, too:
# train upernet_esf_dubai.py first. Other bits: `--cfg-options quantization=4`.
_base_ = 'upernet_esf_dubai.py'

float_model = 'work_dirs/upernet_esf_dubai/iter_1400.pth'
load_from = float_model
quantization = 1

model = dict(
    _delete_=True,
    type='AuxiliaryLosses',
    of=_base_.model,
    losses=dict(
        kd=dict(
            type='LogitDistillationLoss',
            kind='soft',
            tau=2.0,
            teacher='configs/seg/upernet_esf_dubai.py',
            teacher_ckpt=float_model,
        )
    ),
)

train_cfg = dict(max_iters=300, val_interval=300)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
_base_.param_scheduler[0].end = 20
_base_.param_scheduler[1].begin = 20
_base_.param_scheduler[1].end = 300
default_hooks = dict(checkpoint=dict(interval=300))
