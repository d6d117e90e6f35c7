# 384 pixels, 1 x 8: the best published result. Its recipe is not published: that of 224 pixels is
# taken. Smaller batches with the same learning rate: --cfg-options train_dataloader.batch_size=49
# optim_wrapper.accumulative_counts=4
_base_ = './esf_173m_8xb196-distill_in1k_D8.py'

_base_.train_dataloader.dataset.pipeline[1].scale = 384
_base_.val_dataloader.dataset.pipeline[1].scale = 384
_base_.val_dataloader.dataset.pipeline[2].crop_size = 384
test_dataloader = _base_.val_dataloader
