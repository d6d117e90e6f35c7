"""What a config does to a picture in its test, as settings of `mmsfa.runtime`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmengine.config import Config
from torch import nn

from mmsfa.errors import OptionError
from mmsfa.model_parts import bare_model
from mmsfa.runtime.resize import PILLOW

Settings = dict[str, Any]
# Of any library; what they pad, they pad at the right and at the bottom.
PREPROCESSORS = (
    'ImgDataPreprocessor',
    'DetDataPreprocessor',
    'SegDataPreProcessor',
    'ClsDataPreprocessor',
    'AnyChannelsDetDataPreprocessor',
    'AnyChannelsSegDataPreProcessor',
)


def picture_settings(cfg: Config, model: nn.Module) -> Settings:
    """What happens to a picture before the model sees it.

    Args:
        cfg: The whole config.
        model: Its model.

    Returns:
        ``picture`` of a folder.

    Raises:
        OptionError: Something happens that the runtime does not know.
    """
    return dict(steps=_steps(cfg), **_preprocessing(cfg, model))


def _steps(cfg: Config) -> list[Settings]:
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in dataset and dataset.get('dataset'):
        dataset = dataset['dataset']
    pipeline = dataset.get('pipeline')
    if not pipeline:
        raise OptionError(
            'A whole model needs test_dataloader.dataset.pipeline, which says what happens to a '
            'picture, and the config has none: inherit one of configs/_base_/datasets.'
        )
    steps = []
    for transform in pipeline:
        name = str(transform['type']).rpartition('.')[2]
        if name not in STEPS:
            raise OptionError(
                f'The test pipeline has a {name}, which the runtime does not know: it knows '
                f'{", ".join(sorted(STEPS))}. Export the tensor part alone: --out FILE.onnx.'
            )
        step = STEPS[name](dict(transform))
        if step is not None:
            steps.append(step)
    return steps


def _refuse(name: str, option: str, value: Any, known: str) -> None:
    raise OptionError(
        f'{name}.{option} of the test pipeline must be {known} in a whole model, got {value!r}. '
        'Export the tensor part alone: --out FILE.onnx.'
    )


def _load(transform: Settings) -> None:
    """Pillow reads what OpenCV reads."""
    for option, known in (('to_float32', False), ('color_type', 'color')):
        if transform.get(option, known) != known:
            _refuse('LoadImageFromFile', option, transform[option], repr(known))


def _interpolation(transform: Settings) -> Settings:
    name = str(transform['type']).rpartition('.')[2]
    backend = transform.get('backend') or 'cv2'
    interpolation = transform.get('interpolation', 'bilinear')
    known = list(PILLOW) if backend == 'pillow' else ['bilinear']
    if interpolation not in known:
        _refuse(name, 'interpolation', interpolation, f'one of {known} with {backend}')
    return dict(backend=backend, interpolation=interpolation)


def _resize(transform: Settings) -> Settings:
    scale, factor = transform.get('scale'), transform.get('scale_factor')
    return dict(
        type='resize',
        scale=_pair(scale) if scale else None,
        factor=_pair(factor) if factor and not scale else None,
        keep_ratio=transform.get('keep_ratio', False),
        **_interpolation(transform),
    )


def _resize_edge(transform: Settings) -> Settings:
    edge, scale = transform.get('edge', 'short'), transform['scale']
    return dict(type='resize_edge', scale=scale, edge=edge, **_interpolation(transform))


def _center_crop(transform: Settings) -> Settings:
    if transform.get('auto_pad'):
        _refuse('CenterCrop', 'auto_pad', True, 'False')
    width, height = _pair(transform['crop_size'])
    return dict(type='center_crop', size=[height, width])


def _pair(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value, value]


def _nothing(_transform: Settings) -> None:
    """It concerns the ground truth, or what a sample holds."""


STEPS: dict[str, Callable[[Settings], Settings | None]] = {
    'LoadImageFromFile': _load,
    'Resize': _resize,
    'ResizeEdge': _resize_edge,
    'CenterCrop': _center_crop,
    **dict.fromkeys(('LoadAnnotations', 'PackDetInputs', 'PackSegInputs', 'PackInputs'), _nothing),
}


def _preprocessing(cfg: Config, model: nn.Module) -> Settings:
    """Order of the channels, mean, standard deviation and padding."""
    preprocessor: Any = model.data_preprocessor
    name = type(preprocessor).__name__
    if name not in PREPROCESSORS:
        raise OptionError(
            f'A whole model needs one of the data preprocessors {", ".join(PREPROCESSORS)}, got '
            f'{name}. Export the tensor part alone: --out FILE.onnx.'
        )
    config = bare_model(cfg.model).get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    swapped = any(config.get(key) for key in ('bgr_to_rgb', 'rgb_to_bgr', 'to_rgb'))
    mean, std = (getattr(preprocessor, key, None) for key in ('mean', 'std'))
    if mean is not None and mean.numel() not in (1, 3):
        raise OptionError(
            f'A whole model reads pictures of 3 channels, and the mean of its data_preprocessor '
            f'has {mean.numel()}. Export the tensor part alone: --out FILE.onnx.'
        )
    return dict(
        channels='rgb' if swapped else 'bgr',
        mean=None if mean is None else mean.flatten().tolist(),
        std=None if std is None else std.flatten().tolist(),
        **_padding(preprocessor),
    )


def _padding(preprocessor: Any) -> Settings:
    if not hasattr(preprocessor, 'pad_val'):
        divisor, value = preprocessor.pad_size_divisor, preprocessor.pad_value
        return dict(pad_size=None, pad_divisor=divisor, pad_value=value)
    in_test = preprocessor.test_cfg or {}  # mmseg's: size_divisor beside it is for training
    size = in_test.get('size')
    return dict(
        pad_size=None if size is None else _pair(size),
        pad_divisor=in_test.get('size_divisor') or 1,
        pad_value=preprocessor.pad_val,
    )
