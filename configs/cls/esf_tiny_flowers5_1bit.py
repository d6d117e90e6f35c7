# The flowers5 classifier in 1 bit, fine-tuned from its float weights, which are the teacher, too:
# train esf_tiny_flowers5.py first. Other bits: `--cfg-options quantization=4`.
_base_ = 'esf_tiny_flowers5.py'

float_model = 'work_dirs/esf_tiny_flowers5/epoch_60.pth'
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
            teacher='configs/cls/esf_tiny_flowers5.py',
            teacher_ckpt=float_model,
        )
    ),
)

train_cfg = dict(max_epochs=10, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
_base_.param_scheduler[0].end = 1
_base_.param_scheduler[1].begin = 1
_base_.param_scheduler[1].end = 10
default_hooks = dict(checkpoint=dict(interval=10))
