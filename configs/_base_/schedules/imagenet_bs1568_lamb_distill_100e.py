# The published distillation: LAMB, 100 epochs, batch 1568 (8 x 196).
_base_ = './imagenet_bs2048_lamb_200e.py'

train_cfg = dict(max_epochs=100)

optim_wrapper = dict(optimizer=dict(lr=6.125e-3))  # 1e-3 for each 256 pictures of a batch

auto_scale_lr = dict(base_batch_size=1568)
