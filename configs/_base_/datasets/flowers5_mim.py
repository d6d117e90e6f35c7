# The 400 training pictures of flowers5 at 96 pixels. Any folder of pictures will do: labels are
# not read.
_base_ = './imagenet_mim.py'

data_root = 'data/flowers5'

_base_.train_pipeline[1].scale = 96

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root=data_root,
        data_prefix='train',
        with_label=False,
        pipeline=_base_.train_pipeline,
    ),
)
