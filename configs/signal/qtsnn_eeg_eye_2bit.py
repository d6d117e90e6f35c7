# As qtsnn_eeg_eye.py with weights of 2 bits: -1, 0 and +1.
_base_ = './qtsnn_eeg_eye.py'

quantization = dict(default=2, stem=2)
