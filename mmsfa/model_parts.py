"""Which parts a model of mmdet, mmseg or mmpretrain has, in a config as in the built model.

Whoever asks for heads, classes or stages asks here; a new kind of part is added here alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.model import BaseModel
from mmengine.registry import MODELS
from torch import Tensor, nn

BODY = ('backbone', 'neck')
# They read the maps of the whole picture, by the model's own name for them.
DENSE_HEADS = ('rpn_head', 'decode_head', 'bbox_head', 'head')
AUXILIARY_HEADS = ('auxiliary_head',)
# They read regions that a first stage has proposed.
REGION_STAGE = 'roi_head'
REGION_HEADS = ('bbox_head', 'mask_head')


def get(part: Any, name: str, default: Any = None) -> Any:
    """An attribute of a built part, or a key of its config."""
    if isinstance(part, dict):
        return part.get(name, default)
    return getattr(part, name, default)


def bare_model(model: Any) -> Any:
    """The config of a model itself, inside of what is put around it.

    ``AuxiliaryLosses`` adds losses to it, ``Quantized`` quantises it. It is the config's own
    dictionary, so a change of it reaches the config. A built model is one
    with its losses and comes back as it is.
    """
    while isinstance(model, dict) and isinstance(model.get('of'), dict):
        model = model['of']
    return model


def to_predict(model: Any) -> Any:
    """The config of a model as a prediction needs it: without losses, but quantised as it is.

    Args:
        model: Config of a model.

    Returns:
        A config of its own where something was taken away or may be changed, else the same.
    """
    if not isinstance(model, dict) or not isinstance(model.get('of'), dict):
        return model
    inner = to_predict(model['of'])
    if wraps(model, 'AuxiliaryLosses'):
        return inner
    outer = model.copy()
    outer['of'] = inner
    return outer


def wraps(model: Any, name: str) -> bool:
    """Whether a config is that of a model with something done to it, by its registered name."""
    return isinstance(model, dict) and str(model.get('type')).rpartition('.')[2] == name


def build_inner(
    wrapper: str, of: dict | nn.Module, data_preprocessor: Any, settings: dict[str, Any], takes: str
) -> Any:
    """Build the model that something is put around.

    Args:
        wrapper: Name of what is put around, for errors.
        of: Config of the model, in the default scope of the whole config; or the model.
        data_preprocessor: Of the model, where ``of`` has none: mmengine puts the one from the top
            of a config beside ``of``.
        settings: Others beside ``of``.
        takes: What the wrapper takes, for errors.

    Raises:
        ValueError: There are other settings.
    """
    if settings:
        raise ValueError(
            f'{wrapper} takes {takes}, got {", ".join(settings)}: settings of the model belong '
            f'into `of` (model.of.{next(iter(settings))}).'
        )
    if not isinstance(of, dict):
        return of
    inner = dict(of)
    if data_preprocessor is not None:
        inner.setdefault('data_preprocessor', data_preprocessor)
    return MODELS.build(inner)


def members(part: Any) -> list[Any]:
    """The members of a part that may be a list of several; none for None."""
    if part is None:
        return []
    return list(part) if isinstance(part, (list, tuple, nn.ModuleList)) else [part]


def heads_of(model: Any) -> Iterator[tuple[str, Any]]:
    """(path, head) of every head, those of regions last; a list gives one for each member.

    Args:
        model: A model, or its config.
    """
    for path, part in _present(model, (*DENSE_HEADS, *AUXILIARY_HEADS)):
        single = not isinstance(part, (list, tuple, nn.ModuleList))
        for number, head in enumerate(members(part)):
            yield (path if single else f'{path}.{number}'), head


def parts_of(model: Any) -> list[str]:
    """The paths of what a prediction runs through: backbone, neck and heads, in this order.

    A list of heads is one part. Auxiliary heads are none: they only train.

    Args:
        model: A model, or its config.
    """
    return [path for path, _ in _present(model, (*BODY, *DENSE_HEADS))]


def _present(model: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """(path, part) of those parts that a model has, and of its heads of regions."""
    model = bare_model(model)
    region = get(model, REGION_STAGE)
    paths = [(name, get(model, name)) for name in names]
    paths += [(f'{REGION_STAGE}.{name}', get(region, name)) for name in REGION_HEADS]
    yield from ((path, part) for path, part in paths if part is not None)


def class_heads_of(model: Any) -> Iterator[tuple[str, Any]]:
    """(path, head) of every head that tells its number of classes; auxiliary heads are none.

    The proposals of a first stage have no classes: an RPN calls everything an object.

    Args:
        model: A model, or its config.
    """
    for path, head in heads_of(model):
        known = isinstance(get(head, 'num_classes'), int)
        if known and path.partition('.')[0] not in ('rpn_head', *AUXILIARY_HEADS):
            yield path, head


def class_head_of(model: Any) -> Any:
    """The first head that tells its number of classes; None in pre-training."""
    return next((head for _, head in class_heads_of(model)), None)


def is_behind_proposals(name: str) -> bool:
    """Whether a module, by its name in the model, runs on regions and not on the picture."""
    return REGION_STAGE in name.split('.')


class DensePart(nn.Module):
    """What of a model works on maps of the whole picture: backbone, neck and dense heads.

    Args:
        model: A model with ``extract_feat``.

    Attributes:
        head_names: The model's own names for its dense heads.
    """

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        self.model = model
        self.head_names = [name for name in DENSE_HEADS if get(model, name) is not None]

    def forward(self, image: Tensor) -> Any:
        """(B, C, H, W) -> the maps that the heads read, and what each head makes of them."""
        maps = self.model.extract_feat(image)
        return maps, [getattr(self.model, name)(maps) for name in self.head_names]


class WholeModel(DensePart):
    """All that a model computes for an image of one size, second stage included.

    That stage works on regions: its box head is fed ``num_rois`` of the image's size, its mask
    head a tenth of that, as in mmdet's defaults.

    Args:
        model: A classifier, segmentor or detector.
        num_rois: Regions of the second stage.
        auxiliary: Whether the heads that only train run, too.
    """

    def __init__(self, model: BaseModel, num_rois: int = 1, auxiliary: bool = False) -> None:
        super().__init__(model)
        self.num_rois = num_rois
        self.auxiliary = auxiliary

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> the maps and what every head gives."""
        maps, outputs = self.run(image)
        return tensors_in([maps, outputs])

    def outputs(self, image: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> what every head gives; the maps of a model without heads."""
        maps, outputs = self.run(image)
        return tensors_in(outputs) or tensors_in(maps)

    def run(self, image: Tensor) -> tuple[Any, list[Any]]:
        """(B, C, H, W) -> the maps that the heads read, and what each head makes of them."""
        maps, outputs = super().forward(image)
        if self.auxiliary:
            names = [name for name in AUXILIARY_HEADS if get(self.model, name) is not None]
            outputs += [head(maps) for name in names for head in members(get(self.model, name))]
        if get(self.model, REGION_STAGE) is not None:
            outputs += self._second_stage(maps, image)
        return maps, outputs

    def _second_stage(self, maps: Any, image: Tensor) -> list[Tensor]:
        height, width = image.shape[-2:]
        rois = image.new_tensor([0, 0, 0, width, height]).repeat(self.num_rois, 1)
        head, outputs = get(self.model, REGION_STAGE), []
        stages = range(getattr(head, 'num_stages', 1))
        for stage in stages:
            args = (stage, maps) if len(stages) > 1 else (maps,)
            outputs += tensors_in(_heads_give(head._bbox_forward(*args, rois)))
            if head.with_mask:
                mask = head._mask_forward(*args, rois[: max(1, self.num_rois // 10)])
                outputs += tensors_in(_heads_give(mask))
        return outputs


def _heads_give(results: dict[str, Any]) -> dict[str, Any]:
    """Without the maps of the regions, which mmdet hands back beside the predictions."""
    return {key: value for key, value in results.items() if not key.endswith('feats')}


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in a nest of lists, tuples and dictionaries."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return []
    return [tensor for one in value for tensor in tensors_in(one)]
