"""configs/signal: all are built and take what their pipelines make of files in their layout."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner

import mmsfa.datasets.signals  # noqa: F401  registers
from mmsfa.compression.memory import weight_memory
from mmsfa.compression.quantization import integer_ternary, quantize
from mmsfa.config.check_model import check_model
from mmsfa.config.top_level_options import merge_options
from mmsfa.neurons import TernaryLIF
from mmsfa.spiking import observe
from mmsfa.spiking.measure.emission import Emission

CONFIGS = Path(__file__).parents[2] / 'configs' / 'signal'
NAMES = sorted(path.name for path in CONFIGS.glob('*.py'))


def built(cfg: Config) -> torch.nn.Module:
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    return quantize(model, cfg.quantization) if 'quantization' in cfg else model


def tone(path: Path, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 8000 * np.sin(np.arange(rate) / 7)
    with wave.open(str(path), 'wb') as file:
        file.setparams((1, 2, rate, 0, 'NONE', None))
        file.writeframes(samples.astype('<i2').tobytes())


@pytest.mark.parametrize('name', NAMES)
def test_it_is_parsed_built_and_only_adds(name: str) -> None:
    cfg = Config.fromfile(CONFIGS / name)
    check_model(Config.fromfile(CONFIGS / name))
    model = built(cfg).eval()
    backbone = model.backbone
    length = 8192 if name == 'cnn_fsdd_raw.py' else 96
    length = 1280 if 'eegmmidb' in name else 128 if 'eeg_eye' in name else length
    x = torch.randint(-1, 2, (2, backbone.T * backbone.in_channels, 1, length // backbone.T))
    real: dict[str, bool] = {}

    def received(path: str, layer: object, x: torch.Tensor, output: torch.Tensor) -> None:
        real[path] = Emission.of(x) is None

    with torch.no_grad(), observe(model, synapse=received):
        scores = model(x.float())
    assert scores.shape == (2, cfg.model.head.num_classes)
    assert len(real) > 3 and set(real.values()) == {name.startswith('cnn')}


@pytest.mark.parametrize(('data', 'least'), [('fsdd', 0.85), ('eeg_eye', 0.85)])
def test_bits_save_memory_and_have_a_form_in_whole_numbers(data: str, least: float) -> None:
    four, two, full = (
        built(Config.fromfile(CONFIGS / f'qtsnn_{data}{bits}.py'))
        for bits in ('', '_2bit', '_float')
    )
    saved = [1 - weight_memory(model) / weight_memory(full) for model in (four, two)]
    assert saved[1] > saved[0] > least
    backbone = four.eval().backbone
    x = torch.randint(-1, 2, (2, 2 * backbone.in_channels, 1, 48)).float()
    forms = [integer_ternary(backbone, dtype)(x)[0] for dtype in (torch.int32, torch.float32)]
    assert torch.equal(*forms) and bool(forms[0].any())
    neurons = [m for m in full.modules() if isinstance(m, TernaryLIF)]
    assert len(neurons) == 3 and all(neuron.state_quant is None for neuron in neurons)


def test_speech_commands_are_split_by_their_lists(tmp_path: Path) -> None:
    pytest.importorskip('soundfile')
    words = ('yes/a_nohash_0.wav', 'no/a_nohash_0.wav', 'no/b_nohash_0.wav', 'up/c_nohash_1.wav')
    for name in (*words, '_background_noise_/pink_noise.wav'):
        tone(tmp_path / name, 16000)
    (tmp_path / 'validation_list.txt').write_text(f'{words[1]}\n')
    (tmp_path / 'testing_list.txt').write_text(f'{words[2]}\n')
    cfg = Config.fromfile(CONFIGS / 'qtsnn_speech_commands.py')
    merge_options(cfg, dict(data_root=str(tmp_path)))
    init_default_scope(cfg.default_scope)
    names = []
    for split in ('train', 'val', 'test'):
        dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        assert dataset[0]['inputs'].shape == (64, 1, 48)
        infos = map(dataset.get_data_info, range(len(dataset)))
        names.append([Path(info['img_path']).relative_to(tmp_path).as_posix() for info in infos])
    assert names == [[words[3], words[0]], [words[1]], [words[2]]]
    assert dataset.get_data_info(0)['gt_label'] == dataset.CLASSES.index('no')


def test_eegmmidb_is_split_by_people(tmp_path: Path) -> None:
    for person in (1, 88, 89, 90, 92, 100, 109):
        for run in (1, 2, 3):
            path = tmp_path / f'S{person:03d}' / f'S{person:03d}R{run:02d}.edf'
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b'')
    cfg = Config.fromfile(CONFIGS / 'qtsnn_eegmmidb.py')
    merge_options(cfg, dict(data_root=str(tmp_path)))
    init_default_scope(cfg.default_scope)
    found = []
    for split in ('train', 'val'):
        dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        found.append([(Path(info['img_path']).stem, info['gt_label']) for info in infos])
    train, val = found
    assert train == [('S001R01', 0), ('S001R02', 1), ('S089R01', 0), ('S089R02', 1)]
    assert val == [('S090R01', 0), ('S090R02', 1), ('S109R01', 0), ('S109R02', 1)]


def test_blocks_of_eeg_are_of_one_split_each(shared_data) -> None:
    cfg = Config.fromfile(CONFIGS / 'qtsnn_eeg_eye.py')
    merge_options(cfg, dict(data_root=str(shared_data('eeg_eye_state'))))
    init_default_scope(cfg.default_scope)
    blocks = [set(cfg[f'{split}_dataloader'].dataset.use_blocks) for split in ('train', 'val')]
    assert not blocks[0] & blocks[1] and blocks[0] | blocks[1] == set(range(20))
    sample = DATASETS.build(cfg.train_dataloader.dataset)[5]
    assert sample['inputs'].shape == (28, 1, 64)
    assert set(sample['inputs'].unique().tolist()) == {-1, 0, 1}


def test_digits_learn_one_recording_of_each(shared_data, tmp_path: Path) -> None:
    pytest.importorskip('soundfile')
    cfg = Config.fromfile(CONFIGS / 'qtsnn_fsdd.py')
    merge_options(cfg, dict(data_root=str(shared_data('fsdd'))))
    cfg.work_dir = str(tmp_path)
    loader = cfg.train_dataloader
    loader.dataset.update(
        indices=list(range(0, 1200, 120)), pipeline=cfg.val_dataloader.dataset.pipeline
    )
    loader.batch_size = 10
    cfg.param_scheduler = cfg.default_hooks.checkpoint = None
    cfg.default_hooks.logger = dict(type='LoggerHook', interval=1, log_metric_by_epoch=False)
    cfg.log_processor.window_size = 1
    cfg.train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=8)
    for part in ('cfg', 'dataloader', 'evaluator'):
        cfg[f'val_{part}'] = cfg[f'test_{part}'] = None
    Runner.from_cfg(cfg).train()
    (log,) = tmp_path.glob('*/vis_data/scalars.json')
    losses = [line['loss'] for line in map(json.loads, log.open()) if 'loss' in line]
    assert losses[0] == pytest.approx(np.log(10), abs=0.3) and losses[-1] < 0.6 * losses[0]
