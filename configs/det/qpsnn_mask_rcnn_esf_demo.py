# The detector of the demo at 4 bit, to be pruned: docs/pruning.md. The scale is the one of QP-SNN's
# detectors and transformers, which clips 11 % of the weights instead of 43 %.
_base_ = 'mask_rcnn_esf_demo.py'

quantization = dict(
    default=dict(type='mmpretrain.ReScaWQuantizer', bits=4, scale='mean_levels'),
    stem=8,
    readout=8,
)
