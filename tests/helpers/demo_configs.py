"""A small shipped config of each task, and the names of its classes."""

DET = 'configs/det/mask_rcnn_esf_demo.py'
SEG = 'configs/seg/upernet_esf_demo.py'
CLS = 'configs/cls/esf_tiny_flowers5.py'
CLASSES = {
    DET: ('circle', 'square', 'triangle'),
    SEG: ('circle', 'square', 'triangle', 'stripes', 'grid', 'clouds'),
    CLS: ('daisy', 'dandelion', 'roses', 'sunflowers', 'tulips'),
}
