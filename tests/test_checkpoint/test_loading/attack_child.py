"""Try every attack file by every way of loading, with little memory; prints one JSON line a try.

Usage: python -m tests.test_checkpoint.test_loading.attack_child ATTACKS SCRATCH_FOLDER [--all]

Ways that build a whole model first try every seventh file; with --all every file.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mmsfa.safe_loading  # noqa: F401  first, as in the tools: it repairs torchvision

# isort: split
import torch
from mmdet.apis import DetInferencer, init_detector
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader, load_checkpoint, runner
from mmpretrain import ImageClassificationInferencer
from mmseg.apis import MMSegInferencer, init_model

from mmsfa.apis.trained_model import load_trained
from mmsfa.engine import safe_load
from tests.helpers.toy_training import ToyModel, toy_runner

ROOT = Path(__file__).resolve().parents[3]
DET, SEG, CLS = (
    str(ROOT / 'configs' / name)
    for name in ('det/mask_rcnn_esf_demo.py', 'seg/upernet_esf_demo.py', 'cls/esf_tiny_flowers5.py')
)
SLOW = {
    'DetInferencer', 'DetInferencer_weights', 'MMSegInferencer', 'ImageClassificationInferencer',
    'init_detector', 'init_model', 'load_trained',
}  # fmt: skip
MEMORY = 2**31  # bytes on top of what the imports took


def ways(scratch: Path) -> dict[str, Callable[[Path], object]]:
    """How a file comes to be read."""

    def toy(**kwargs: object) -> object:
        return toy_runner(scratch / 'run', **kwargs)

    def auto_resume(path: Path) -> None:
        (scratch / 'run' / 'last_checkpoint').write_text(str(path))
        toy(resume=True).train()

    def tool(script: str, *args: object) -> Callable[[Path], None]:
        def run(path: Path) -> None:
            sys.argv = [script, *(str(path if arg is None else arg) for arg in args)]
            runpy.run_path(str(ROOT / script), run_name='__main__')

        return run

    pretrained = dict(type='Pretrained')
    seg = Config.fromfile(SEG)
    return {
        'safe_load': safe_load,
        'CheckpointLoader': lambda path: CheckpointLoader.load_checkpoint(str(path)),
        'load_checkpoint': lambda path: load_checkpoint(ToyModel(), str(path)),
        'load_from': lambda path: toy(load_from=str(path)).load_or_resume(),
        'resume': lambda path: toy(load_from=str(path), resume=True).train(),
        'auto_resume': auto_resume,
        'init_cfg': lambda path: ToyModel(dict(pretrained, checkpoint=str(path))).init_weights(),
        'init_cfg_prefix': lambda path: BaseModule(
            dict(pretrained, checkpoint=str(path), prefix='linear')
        ).init_weights(),
        'DetInferencer': lambda path: DetInferencer(DET, str(path), device='cpu'),
        'DetInferencer_weights': lambda path: DetInferencer(weights=str(path), device='cpu'),
        'MMSegInferencer': lambda path: MMSegInferencer(SEG, str(path), device='cpu'),
        'ImageClassificationInferencer': lambda path: ImageClassificationInferencer(
            CLS, pretrained=str(path), device='cpu'
        ),
        'init_detector': lambda path: init_detector(DET, str(path), device='cpu'),
        'init_model': lambda path: init_model(SEG, str(path), device='cpu'),
        'load_trained': lambda path: load_trained(seg, str(path)),
        'sdt_v3_to_mmsfa': tool(
            'tools/model_converters/sdt_v3_to_mmsfa.py', None, scratch / 'converted.pth'
        ),
        'publish_model': tool('tools/model_converters/publish_model.py', None, scratch / 'out.pth'),
    }


def main() -> None:
    folder, scratch = map(Path, sys.argv[1:3])
    everything = '--all' in sys.argv
    (scratch / 'run').mkdir(parents=True)
    runner.collect_env = dict  # it asks the compilers for their versions, each time
    torch.set_num_threads(1)
    used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, load in ways(scratch).items():
        for path in sorted(folder.iterdir())[:: 7 if name in SLOW and not everything else 1]:
            MessageHub._instance_dict.clear()
            DefaultScope._instance_dict.clear()
            kind, said = 'LOADED', ''
            try:
                load(path)
            except BaseException as error:
                kind, said = type(error).__name__, str(error)
            found = dict(way=name, attack=path.stem, kind=kind, said=said, cpu=time.process_time())
            print('TRY' + json.dumps(found), flush=True)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print('GROWN' + json.dumps(grown))  # MiB


if __name__ == '__main__':
    main()
