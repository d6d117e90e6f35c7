"""A whole model as a folder of graphs and settings, which `mmsfa.runtime` runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx_ir as ir
from mmengine.config import Config
from torch import nn

from mmsfa.errors import OptionError
from mmsfa.export.onnx.export import INTEGER_FORMS, export_model, save
from mmsfa.export.onnx.tensor_part import head_of
from mmsfa.model_parts import REGION_STAGE, class_head_of, members
from mmsfa.runtime.folder import FORMAT, SETTINGS

from .graphs import align_graph, export_head
from .head_settings import TENSOR_PART, check_predicts_as, one_stage_settings, proposal_settings
from .picture_settings import picture_settings
from .region_settings import align_settings, region_settings

Settings = dict[str, Any]


def export_folder(
    cfg: Config,
    model: nn.Module,
    folder: Path,
    forms: Sequence[str] = (),
    channels: int | None = None,
    category_ids: list[int] | None = None,
) -> Settings:
    """Write what a model needs to run from a picture to its result without PyTorch.

    Args:
        cfg: The whole config; its test pipeline says what happens to a picture.
        model: Its trained model, with ``dataset_meta``, in evaluation mode, on the CPU.
        folder: Where the graphs and ``pipeline.json`` go.
        forms: What to write besides the float graphs: 'int8', 'qdq'.
        channels: Of the image; see `export_model`.
        category_ids: Numbers that the annotation file of the data gives the classes.

    Returns:
        What ``pipeline.json`` holds.

    Raises:
        OptionError: The runtime does not know something that the config asks for.
    """
    settings = whole_settings(cfg, model)
    settings['category_ids'] = category_ids
    graphs = {'dense': export_model(model, channels), **region_graphs(model, settings)}
    return write_folder(folder, settings, graphs, forms)


def whole_settings(cfg: Config, model: nn.Module) -> Settings:
    """What the runtime must know of a model besides its graphs.

    Args:
        cfg: The whole config.
        model: Its model.

    Raises:
        OptionError: The runtime does not know something that the config asks for.
    """
    meta = getattr(model, 'dataset_meta', None) or {}
    settings = dict(
        format=FORMAT,
        classes=_classes(model, meta),
        category_ids=None,
        palette=_palette(meta),
        picture=picture_settings(cfg, model),
        **_task(model),
    )
    cuts = any(step['type'] == 'center_crop' for step in settings['picture']['steps'])
    if cuts and settings['task'] != 'classification':
        raise OptionError(
            'The test pipeline of a whole detector or segmentor must not crop, and it has a '
            f'CenterCrop: a part of a picture has no place in the picture. {TENSOR_PART}'
        )
    return settings


def write_folder(
    folder: Path, settings: Settings, graphs: dict[str, ir.Model], forms: Sequence[str]
) -> Settings:
    """Write graphs and settings.

    Args:
        folder: Where they go.
        settings: Those of `whole_settings`.
        graphs: Name -> float graph.
        forms: What to write besides the float graphs: 'int8', 'qdq'.

    Returns:
        What ``pipeline.json`` holds.
    """
    (folder / SETTINGS).unlink(missing_ok=True)  # of an earlier export, which these files replace
    files = {name: _write(graph, name, folder, forms) for name, graph in graphs.items()}
    settings = settings | dict(graphs=files)
    text = json.dumps(settings, indent=1, allow_nan=False)
    (folder / SETTINGS).write_text(text + '\n', encoding='utf-8')  # last: a folder with it is whole
    return settings


def _write(graph: ir.Model, name: str, folder: Path, forms: Sequence[str]) -> dict[str, str]:
    files = dict(float=f'{name}.onnx')
    save(graph, folder / files['float'])
    for form in forms:
        try:
            integer = INTEGER_FORMS[form](graph)
        except OptionError:
            if name == 'dense':
                raise
            continue  # no spikes arrive at a layer of this one: it stays float
        files[form] = f'{name}_{form}.onnx'
        save(integer, folder / files[form])
    return files


def _task(model: Any) -> Settings:
    """What the model does, and how the runtime has to do it."""
    name = head_of(model)
    head = getattr(model, name)
    if name == 'rpn_head' and getattr(model, REGION_STAGE, None) is not None:
        from mmdet.models.detectors import TwoStageDetector

        check_predicts_as(model, TwoStageDetector)
        regions, _ = region_settings(model.roi_head)
        return dict(
            task='detection',
            one_stage=None,
            proposals=proposal_settings(head),
            regions=regions,
        )
    if name == 'bbox_head':
        from mmdet.models.detectors import SingleStageDetector

        check_predicts_as(model, SingleStageDetector)
        return dict(task='detection', one_stage=one_stage_settings(head), regions=None)
    if name == 'decode_head':
        return dict(task='segmentation', segmentation=_segmentation(model))
    return dict(task='classification', **_classification(model, head))


def _segmentation(model: Any) -> Settings:
    from mmseg.models.decode_heads.decode_head import BaseDecodeHead
    from mmseg.models.segmentors import EncoderDecoder

    check_predicts_as(model, EncoderDecoder)
    check_predicts_as(model.decode_head, BaseDecodeHead)
    test = model.test_cfg
    windows = None
    if test.get('mode', 'whole') == 'slide':
        windows = dict(size=list(test.crop_size), stride=list(test.stride))
    threshold = model.decode_head.threshold
    return dict(windows=windows, align_corners=model.align_corners, threshold=threshold)


def _classification(model: Any, head: Any) -> Settings:
    from mmpretrain.models.classifiers import ImageClassifier
    from mmpretrain.models.heads import ClsHead

    check_predicts_as(model, ImageClassifier)
    check_predicts_as(head, ClsHead)
    return {}


def _classes(model: nn.Module, meta: Settings) -> list[str]:
    """Names of the classes; their numbers where the data give no names."""
    number = class_head_of(model).num_classes
    names = list(meta.get('classes') or meta.get('CLASSES') or ())
    return [str(name) for name in names] if len(names) == number else list(map(str, range(number)))


def _palette(meta: Settings) -> list[list[int]] | None:
    palette = meta.get('palette')
    if not isinstance(palette, (list, tuple)) or not palette:
        return None
    return [[int(value) for value in colour] for colour in palette]


def region_graphs(model: Any, settings: Settings) -> dict[str, ir.Model]:
    """Heads of a second stage, and the operators that cut regions out."""
    if not settings.get('regions'):
        return {}
    _, heads = region_settings(model.roi_head)
    aligns = align_settings(model.roi_head)
    graphs = {name: align_graph(attributes) for name, attributes in aligns.items()}
    stages = settings['regions']['stages'] + ((settings['regions']['mask'] or {}).get('stages', []))
    channels = members(model.roi_head.bbox_roi_extractor)[0].out_channels
    for stage in stages:
        align = aligns[stage['extractor']['graph']]
        size = align['output_height'], align['output_width']
        graphs[stage['graph']] = export_head(stage['graph'], heads[stage['graph']], channels, size)
    return graphs
