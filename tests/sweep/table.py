"""Configs of the OpenMMLab libraries, and the lines that each needs for the spiking backbone."""

from __future__ import annotations

from dataclasses import dataclass, field

CHANNELS = [12, 24, 48, 96, 128]  # of arch='tiny'


@dataclass
class Row:
    """One config.

    Attributes:
        config: Its file in the library's own configs.
        lines: What is changed below ``model``, by dotted names.
        maps: ``out_indices`` of the backbone.
        stage4_stride: Of the backbone.
        size: Pixels of the pictures.
        library: Whose config it is.
        uncounted: Patterns of what the proof must name as uncounted.
        views: Of one picture, for algorithms that compare several; these predict nothing.
        still: Whether the first step is not meant to reach the backbone.
        tested: Whether it is among the few that the tests try.
    """

    config: str
    lines: dict = field(default_factory=dict)
    maps: tuple[int, ...] = (1, 2, 3, 4)
    stage4_stride: int = 2
    size: int = 64
    library: str = 'mmdet'
    uncounted: tuple[str, ...] = ()
    views: int = 1
    still: bool = False
    tested: bool = False

    @property
    def name(self) -> str:
        """The folder, which names the method, and the file."""
        return f'{self.library}/{self.config}'


def fpn(config: str, **options: object) -> Row:
    """A detector whose neck reads four maps; strides double, so nothing else is to be changed."""
    lines = {'neck.in_channels': CHANNELS[1:], **options.pop('lines', {})}
    return Row(config, lines, **options)


def three(config: str, **options: object) -> Row:
    """A detector whose neck reads the last three maps."""
    lines = {'neck.in_channels': CHANNELS[2:], **options.pop('lines', {})}
    return Row(config, lines, maps=(2, 3, 4), **options)


def last(config: str, channels: object, **options: object) -> Row:
    """A detector whose neck reads the last map alone."""
    return Row(
        config, {'neck.in_channels': channels, **options.pop('lines', {})}, maps=(4,), **options
    )


DETECTORS = [
    fpn('atss/atss_r50_fpn_1x_coco.py'),
    fpn(
        'autoassign/autoassign_r50-caffe_fpn_1x_coco.py',
        uncounted=('bbox_head.center_prior',),  # weighs the places of the loss
    ),
    fpn('boxinst/boxinst_r50_fpn_ms-90k_coco.py'),
    fpn('carafe/faster-rcnn_r50_fpn-carafe_1x_coco.py'),
    fpn('cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py', tested=True),
    fpn('cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py'),
    fpn('cascade_rpn/cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco.py'),
    fpn('centernet/centernet-update_r50-caffe_fpn_ms-1x_coco.py'),
    last('centernet/centernet_r18_8xb16-crop512-140e_coco.py', CHANNELS[4], tested=True),
    fpn('condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py'),
    last('conditional_detr/conditional-detr_r50_8xb2-50e_coco.py', CHANNELS[4:]),
    fpn('crowddet/crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman.py'),
    last('dab_detr/dab-detr_r50_8xb2-50e_coco.py', CHANNELS[4:]),
    fpn('ddod/ddod_r50_fpn_1x_coco.py'),
    three('ddq/ddq-detr-4scale_r50_8xb2-12e_coco.py'),
    three('deformable_detr/deformable-detr_r50_16xb2-50e_coco.py'),
    last(
        'detr/detr_r50_8xb2-150e_coco.py',
        CHANNELS[4:],
        uncounted=('*coder.layers.*_attn.attn',),
        tested=True,
    ),
    three('dino/dino-4scale_r50_8xb2-12e_coco.py', lines={'num_queries': 30}),
    fpn('double_heads/dh-faster-rcnn_r50_fpn_1x_coco.py'),
    fpn('dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py'),
    fpn('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', tested=True),
    fpn('fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py', tested=True),
    fpn('foveabox/fovea_r50_fpn_4xb4-1x_coco.py'),
    fpn('fpg/retinanet_r50_fpg-chn128_crop640_50e_coco.py'),
    fpn('free_anchor/freeanchor_r50_fpn_1x_coco.py'),
    fpn('fsaf/fsaf_r50_fpn_1x_coco.py'),
    fpn('gfl/gfl_r50_fpn_1x_coco.py'),
    fpn('ghm/retinanet_r50_fpn_ghm-1x_coco.py'),
    fpn('grid_rcnn/grid-rcnn_r50_fpn_gn-head_2x_coco.py'),
    fpn('groie/faste-rcnn_r50_fpn_groie_1x_coco.py'),
    fpn('guided_anchoring/ga-retinanet_r50-caffe_fpn_1x_coco.py'),
    fpn('htc/htc_r50_fpn_1x_coco.py'),
    Row('libra_rcnn/libra-retinanet_r50_fpn_1x_coco.py', {'neck.0.in_channels': CHANNELS[1:]}),
    Row(
        'mask2former/mask2former_r50_8xb2-lsj-50e_coco.py',
        {'panoptic_head.in_channels': CHANNELS[1:]},
    ),
    fpn('mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', tested=True),
    Row(
        'maskformer/maskformer_r50_ms-16xb1-75e_coco.py',
        {'panoptic_head.in_channels': CHANNELS[1:]},
    ),
    fpn('ms_rcnn/ms-rcnn_r50-caffe_fpn_1x_coco.py'),
    fpn('nas_fcos/nas-fcos_r50-caffe_fpn_fcoshead-gn-head_4xb4-1x_coco.py'),
    fpn('nas_fpn/retinanet_r50_nasfpn_crop640-50e_coco.py', size=128),
    fpn('paa/paa_r50_fpn_1x_coco.py'),
    fpn('pafpn/faster-rcnn_r50_pafpn_1x_coco.py', tested=True),
    fpn('panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco.py'),
    fpn('pisa/retinanet-r50_fpn_pisa_1x_coco.py'),
    fpn('point_rend/point-rend_r50-caffe_fpn_ms-1x_coco.py'),
    fpn(
        'queryinst/queryinst_r50_fpn_1x_coco.py',
        # mmdet cannot paste the mask of a box outside of the picture on a CPU
        lines={f'roi_head.bbox_head.{stage}.bbox_coder.clip_border': True for stage in range(6)},
    ),
    fpn('reppoints/reppoints-moment_r50_fpn_1x_coco.py'),
    fpn('retinanet/retinanet_r50_fpn_1x_coco.py', tested=True),
    fpn('rpn/rpn_r50_fpn_1x_coco.py'),
    three('rtmdet/rtmdet_tiny_8xb32-300e_coco.py', tested=True),
    three('rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py'),
    fpn('sabl/sabl-retinanet_r50_fpn_1x_coco.py'),
    fpn('scnet/scnet_r50_fpn_1x_coco.py'),
    fpn('solo/decoupled-solo_r50_fpn_1x_coco.py'),
    fpn('solo/solo_r50_fpn_1x_coco.py'),
    fpn('solov2/solov2_r50_fpn_1x_coco.py'),
    fpn('sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py'),
    Row(
        'ssd/ssd300_coco.py',
        {
            'neck.in_channels': (48, 96),
            'neck.out_channels': (48, 96, 64, 32, 32, 32),
            'bbox_head.in_channels': (48, 96, 64, 32, 32, 32),
        },
        maps=(2, 3),
        size=300,
    ),
    fpn('tood/tood_r50_fpn_1x_coco.py'),
    fpn('vfnet/vfnet_r50_fpn_1x_coco.py'),
    fpn('yolact/yolact_r50_1xb8-55e_coco.py', size=128),
    Row(
        'yolo/yolov3_d53_8xb8-320-273e_coco.py',
        {'neck.in_channels': [128, 96, 48]},
        maps=(2, 3, 4),
        tested=True,
    ),
    last('yolof/yolof_r50-c5_8xb8-1x_coco.py', CHANNELS[4], tested=True),
    three('yolox/yolox_tiny_8xb8-300e_coco.py', tested=True),
]


def last_two(config: str, lines: dict | None = None, **options: object) -> Row:
    """A segmentor whose head reads the last map and whose auxiliary head the one before."""
    heads = {
        'decode_head.in_channels': CHANNELS[4],
        'auxiliary_head.in_channels': CHANNELS[3],
        **(lines or {}),
    }
    return Row(config, heads, library='mmseg', stage4_stride=1, **options)


def single(config: str, lines: dict, **options: object) -> Row:
    """A segmentor with lines of its own."""
    return Row(config, lines, library='mmseg', **options)


ALL = {'decode_head.in_channels': CHANNELS[1:]}
AUX = {'auxiliary_head.in_channels': CHANNELS[3]}
SEGMENTORS = [
    last_two(
        'ann/ann_r50-d8_4xb2-40k_cityscapes-512x1024.py', {'decode_head.in_channels': CHANNELS[3:]}
    ),
    last_two('apcnet/apcnet_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
    last_two('ccnet/ccnet_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
    last_two(
        'danet/danet_r50-d8_4xb2-40k_cityscapes-512x1024.py',
        uncounted=('decode_head.pam', 'decode_head.cam'),
        tested=True,
    ),
    last_two('deeplabv3/deeplabv3_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
    last_two(
        'deeplabv3plus/deeplabv3plus_r50-d8_4xb2-40k_cityscapes-512x1024.py',
        {'decode_head.c1_in_channels': CHANNELS[1]},
        tested=True,
    ),
    last_two('dmnet/dmnet_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
    last_two('dnlnet/dnl_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
    last_two('emanet/emanet_r50-d8_4xb2-80k_cityscapes-512x1024.py'),
    last_two(
        'encnet/encnet_r50-d8_4xb2-40k_cityscapes-512x1024.py',
        {'decode_head.in_channels': CHANNELS[2:]},
    ),
    single(
        'fastfcn/fastfcn_r50-d32_jpu_psp_4xb2-80k_cityscapes-512x1024.py',
        {
            'neck.in_channels': (48, 96, 128),
            'decode_head.in_index': 2,
            **AUX,
            'auxiliary_head.in_index': 1,
        },
        maps=(2, 3, 4),
    ),
    last_two('fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py', tested=True),
    last_two('gcnet/gcnet_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
    last_two('isanet/isanet_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
    last_two('nonlocal_net/nonlocal_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
    last_two('psanet/psanet_r50-d8_4xb2-40k_cityscapes-512x1024.py', size=128),
    last_two('pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py', tested=True),
    single('mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024.py', ALL),
    single('maskformer/maskformer_r50-d32_8xb2-160k_ade20k-512x512.py', ALL),
    single(
        'mobilenet_v3/mobilenet-v3-d8-s_lraspp_4xb4-320k_cityscapes-512x1024.py',
        {'decode_head.in_channels': (24, 48, 128)},
        maps=(1, 2, 4),
        stage4_stride=1,
        size=800,  # it pools 49 x 49 positions
    ),
    single(
        'ocrnet/ocrnet_hr18_4xb2-160k_cityscapes-512x1024.py',
        {
            'decode_head.0.in_channels': CHANNELS[1:],
            'decode_head.0.channels': sum(CHANNELS[1:]),
            'decode_head.1.in_channels': CHANNELS[1:],
        },
        uncounted=('decode_head.1.spatial_gather_module', 'decode_head.1.object_context_block'),
        tested=True,
    ),
    single(
        'knet/knet-s3_r50-d8_fcn_8xb2-adamw-80k_ade20k-512x512.py',
        {'decode_head.kernel_generate_head.in_channels': CHANNELS[4], **AUX},
    ),
    single(
        'point_rend/pointrend_r50_4xb2-80k_cityscapes-512x1024.py',
        {'neck.in_channels': CHANNELS[1:]},
    ),
    single('segformer/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024.py', ALL, tested=True),
    single(
        'segnext/segnext_mscan-t_1xb16-adamw-160k_ade20k-512x512.py',
        {'decode_head.in_channels': CHANNELS[2:]},
    ),
    single(
        'sem_fpn/fpn_r50_4xb2-80k_cityscapes-512x1024.py',
        {'neck.in_channels': CHANNELS[1:]},
        tested=True,
    ),
    single('upernet/upernet_r50_4xb2-40k_cityscapes-512x1024.py', {**ALL, **AUX}, tested=True),
    single(
        'vit/vit_deit-b16_mln_upernet_8xb2-160k_ade20k-512x512.py',
        {'neck.in_channels': CHANNELS[1:], 'neck.scales': [4, 2, 1, 0.5]},
    ),
]


def head(config: str, lines: dict, **options: object) -> Row:
    """A classifier whose head reads the pooled last map."""
    return Row(config, lines, library='mmpretrain', maps=(4,), **options)


READS = {'head.in_channels': CHANNELS[4]}
CLASSIFIERS = [
    head('resnet/resnet50_8xb32_in1k.py', READS),
    head('csra/resnet101-csra_1xb16_voc07-448px.py', READS),
    head('levit/levit-128s_8xb256_in1k.py', {**READS, 'head.distillation': False}),
    head('vig/vig-tiny_8xb128_in1k.py', READS),
    head(
        'vision_transformer/vit-base-p32_64xb64_in1k.py',
        {**READS, 'neck': dict(_delete_=True, type='GlobalAveragePooling')},
        still=True,  # its read-out begins with zeros
    ),
]


def views(config: str, lines: dict | None = None, **options: object) -> Row:
    """An algorithm that learns from two views, with layers of a few channels."""
    lines = {'neck.in_channels': CHANNELS[4], 'neck.hid_channels': 64, **(lines or {})}
    return head(config, lines, views=2, **options)


PREDICTS = {'neck.out_channels': 32, 'head.predictor.in_channels': 32}
PREDICTS |= {'head.predictor.hid_channels': 64, 'head.predictor.out_channels': 32}
PRETRAINING = [
    views(
        'barlowtwins/barlowtwins_resnet50_8xb256-coslr-300e_in1k.py',
        {'neck.out_channels': 32, 'head.in_channels': 32},
    ),
    views('byol/byol_resnet50_16xb256-coslr-200e_in1k.py', PREDICTS),
    views('densecl/densecl_resnet50_8xb32-coslr-200e_in1k.py', {'queue_len': 64}),
    views('mocov2/mocov2_resnet50_8xb32-coslr-200e_in1k.py', {'queue_len': 64}),
    views('mocov3/mocov3_resnet50_8xb512-amp-coslr-100e_in1k.py', PREDICTS),
    views('simclr/simclr_resnet50_8xb32-coslr-200e_in1k.py'),
    views('simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py', PREDICTS),
    views(
        'swav/swav_resnet50_8xb32-mcrop-coslr-200e_in1k-224px-96px.py', {'head.loss.num_crops': [2]}
    ),
]
ROWS = [*DETECTORS, *SEGMENTORS, *CLASSIFIERS, *PRETRAINING]
