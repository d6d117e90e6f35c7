# As qtsnn_fsdd.py with weights of 2 bits: -1, 0 and +1.
_base_ = './qtsnn_fsdd.py'

quantization = dict(default=2, stem=2)
