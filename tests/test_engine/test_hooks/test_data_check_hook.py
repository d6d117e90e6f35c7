"""Training and test refuse sets with damaged files before the first batch."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import CocoDataset
from mmdet.evaluation import CocoMetric
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import HOOKS, init_default_scope
from mmseg.datasets import BaseSegDataset
from PIL import Image
from torch.multiprocessing import start_processes

from mmsfa.data_check.check_classes import ClassesError
from mmsfa.engine import DataCheckHook, DataFaultError
from tests.helpers.coco_content import NAMES, coco_content
from tests.helpers.encoded_pictures import tagged
from tests.helpers.faulty_shapes import faulty_shapes


@pytest.fixture
def faulty(shapes_dir: Path, tmp_path: Path) -> Path:
    return faulty_shapes(shapes_dir, tmp_path / 'shapes')


class Named(BaseDataset):
    """Pictures that the metainfo names."""

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=name) for name in self.metainfo['names']]


class Broken(Named):
    """Cannot tell what its samples are."""

    def get_data_info(self, index: int) -> dict:
        raise KeyError(index)


def runner(folder: Path, names: list[str]) -> SimpleNamespace:
    dataset = Named(metainfo=dict(names=names))
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=dataset))
    return SimpleNamespace(log_dir=str(folder), val_loop=loop, test_loop=loop, train_loop=loop)


def one_rank(rank: int, folder: str) -> None:
    """Only rank 0 looks, and both refuse."""
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2
    )
    run = runner(Path(folder), ['/nowhere/a.jpg'] if rank == 0 else [__file__])
    try:
        DataCheckHook().before_test(run)
    except DataFaultError as error:
        Path(folder, f'rank{rank}').write_text(str(error))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_all_ranks_refuse_together(tmp_path: Path) -> None:
    # Forked: a fresh Python could not import this module by its name.
    start_processes(one_rank, (str(tmp_path),), nprocs=2, start_method='fork')
    said = [(tmp_path / f'rank{rank}').read_text() for rank in range(2)]
    assert said[0] == said[1] and '/nowhere/a.jpg: missing' in said[0]
    assert len((tmp_path / 'data_faults.txt').read_text().splitlines()) == 1


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    run = runner(tmp_path, [f'/nowhere/{index}.jpg' for index in range(1000)])
    with pytest.raises(DataFaultError, match='1,000 files .*') as error:
        DataCheckHook(num_shown=3).before_val(run)
    assert str(error.value).endswith('... and 997 more') and str(error.value).count('\n') == 4
    assert len((tmp_path / 'data_faults.txt').read_text().splitlines()) == 1000


def test_it_looks_once_and_can_be_switched_off(tmp_path: Path) -> None:
    DataCheckHook(check_files=False).before_test(runner(tmp_path, ['/nowhere/a.jpg']))
    hook = DataCheckHook()
    hook.before_train(runner(tmp_path, [__file__]))
    hook.before_val(runner(tmp_path, ['/nowhere/a.jpg']))  # each validation of a training
    hook.before_train(SimpleNamespace(train_loop=SimpleNamespace(), val_loop=None))


@pytest.mark.parametrize(
    ('option', 'stage'),
    [
        ('check_train_annotations', 'before_train'),
        ('check_eval_annotations', 'before_val'),
        ('check_eval_annotations', 'before_test'),
    ],
)
def test_faults_of_annotations_are_written_unless_they_are_left_out(
    faulty: Path, tmp_path: Path, option: str, stage: str
) -> None:
    dataset = CocoDataset(
        data_root=str(faulty),
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/train'),
    )
    run = runner(tmp_path / 'run', [__file__])
    for loop in (run.train_loop, run.val_loop, run.test_loop):
        loop.dataloader = SimpleNamespace(dataset=dataset)
    if stage == 'before_train':
        run.val_loop = None
    listed = tmp_path / 'run' / 'data_faults.txt'
    getattr(DataCheckHook(check_files=False, **{option: False}), stage)(run)
    assert not listed.exists()
    getattr(DataCheckHook(check_files=False), stage)(run)
    assert len(listed.read_text().splitlines()) == 2


def of_file(folder: Path, path: Path, metric_path: Path | None = None) -> SimpleNamespace:
    """A runner whose data sets read an annotation file, and whose metric may read another."""
    run = runner(folder, [__file__])
    dataset = CocoDataset(
        ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=NAMES)
    )
    metric = CocoMetric(ann_file=str(metric_path or path))
    for loop in (run.train_loop, run.val_loop, run.test_loop):
        loop.dataloader = SimpleNamespace(dataset=dataset)
        loop.evaluator = SimpleNamespace(metrics=[metric])
    return run


def test_ids_that_lose_boxes_are_refused(tmp_path: Path) -> None:
    path, sound, content = tmp_path / 'a.json', tmp_path / 'sound.json', coco_content()
    sound.write_text(json.dumps(content))
    content['images'][1]['id'] = 1
    path.write_text(json.dumps(content))
    hook = DataCheckHook(check_files=False)
    for begin in (hook.before_train, hook.before_val, hook.before_test):
        with pytest.raises(DataFaultError, match='2.png: image id 1 occurs twice'):
            begin(of_file(tmp_path, path))
    with pytest.raises(DataFaultError, match='ann_file of CocoMetric: image id 1 occurs twice'):
        DataCheckHook(check_files=False).before_test(of_file(tmp_path, sound, path))
    off = DataCheckHook(False, check_train_annotations=False, check_eval_annotations=False)
    off.before_train(of_file(tmp_path, path))


def test_the_ground_truth_of_a_metric_is_mended(tmp_path: Path) -> None:
    path, content = tmp_path / 'a.json', coco_content()
    content['annotations'][0]['id'] = 0
    path.write_text(json.dumps(content))
    run = of_file(tmp_path, path)
    (metric,) = run.val_loop.evaluator.metrics
    assert 0 in metric._coco_api.anns
    DataCheckHook(check_files=False).before_val(run)
    assert sorted(metric._coco_api.anns) == list(range(1, 33))


def test_classes_of_the_config_are_compared(tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(coco_content()))
    run = of_file(tmp_path, path)
    dataset = dict(type='CocoDataset', ann_file=str(path), metainfo=dict(classes=('sqare',)))
    loaders = {f'{split}_dataloader': dict(dataset=dataset) for split in ('train', 'val', 'test')}
    run.cfg = Config(dict(default_scope='mmdet', **loaders))
    hook = DataCheckHook(check_files=False)
    for begin in (hook.before_train, hook.before_val, hook.before_test):
        with pytest.raises(ClassesError, match='none of the classes'):
            begin(run)
    DataCheckHook(check_files=False, check_classes=False).before_train(run)


class Turned(Named):
    """Boxes on pictures of 60 x 40 pixels."""

    def load_data_list(self) -> list[dict]:
        size = dict(width=60, height=40, instances=[])
        return [dict(img_path=name, **size) for name in self.metainfo['names']]


def test_pictures_that_are_turned_under_their_boxes_are_named(tmp_path: Path) -> None:
    names = [str(tmp_path / f'{tag}.jpg') for tag in (1, 3, 6)]
    for name in names:
        Path(name).write_bytes(tagged('.jpg', int(Path(name).stem)))
    listed = tmp_path / 'data_faults.txt'
    for colour, tags in (('color', [6, 3]), ('color_ignore_orientation', [3])):
        run = runner(tmp_path, names)
        run.train_loop.dataloader.dataset = Turned(
            metainfo=dict(names=names), pipeline=[LoadImageFromFile(color_type=colour)]
        )
        run.val_loop = None
        DataCheckHook(check_orientation=False).before_train(run)
        assert not listed.exists()
        DataCheckHook().before_train(run)
        lines = listed.read_text().splitlines()
        assert [line.split('\t')[1] for line in lines] == [
            str(tmp_path / f'{tag}.jpg') for tag in tags
        ]
        listed.unlink()


def test_a_data_set_that_cannot_be_checked_is_left_alone(tmp_path: Path) -> None:
    run = runner(tmp_path, [__file__])
    run.test_loop.dataloader.dataset = Broken(metainfo=dict(names=['a']))
    DataCheckHook().before_test(run)
    for dataset in ([1, 2], None, torch.utils.data.TensorDataset(torch.zeros(2))):
        run.test_loop.dataloader.dataset = dataset
        DataCheckHook().before_test(run)


@pytest.mark.parametrize('name', ['det', 'seg', 'cls', 'mim'])
def test_it_is_on_by_default(repo_dir: Path, name: str) -> None:
    cfg = Config.fromfile(repo_dir / f'configs/_base_/default_runtime_{name}.py')
    assert cfg.default_hooks.data_check.type == 'DataCheckHook'
    assert HOOKS.get('DataCheckHook') is DataCheckHook


def test_a_set_without_a_sample_is_refused(tmp_path: Path) -> None:
    empty, full = runner(tmp_path, [__file__]), runner(tmp_path, [__file__])
    empty.train_loop.dataloader.dataset = []  # one loop for all
    for stage, split in (('train', 'training'), ('val', 'validation'), ('test', 'test')):
        with pytest.raises(DataFaultError, match=f'The {split} set has no sample: .* {stage}_data'):
            getattr(DataCheckHook(), f'before_{stage}')(empty)
        getattr(DataCheckHook(), f'before_{stage}')(full)


def test_classes_without_a_box_are_named_in_one_line(
    shapes_dir: Path, tmp_path: Path, logged: list[str]
) -> None:
    content = json.loads((shapes_dir / 'annotations/instances_train.json').read_text())
    names = [category['name'] for category in content['categories']]
    first = content['categories'][0]['id']
    content['annotations'] = [one for one in content['annotations'] if one['category_id'] != first]
    (tmp_path / 'a.json').write_text(json.dumps(content))
    dataset = CocoDataset(
        ann_file=str(tmp_path / 'a.json'), data_prefix=dict(img=''), metainfo=dict(classes=names)
    )
    run = runner(tmp_path, [__file__])
    for loop in (run.train_loop, run.val_loop):
        loop.dataloader = SimpleNamespace(dataset=dataset)
    DataCheckHook(check_files=False, check_classes=False).before_train(run)
    assert not logged
    DataCheckHook(check_files=False).before_train(run)
    what = f'has no annotation of 1 of {len(names)} classes ({names[0]}), so'
    assert logged == [
        f'The training set {what} nothing can learn them.',
        f'The validation set {what} no metric measures them.',
    ]


def seg_set(root: Path, modes: str) -> BaseSegDataset:
    """A picture and a label map of each mode: L, P, R (colours)."""
    for index, mode in enumerate(modes):
        for folder in ('images', 'maps'):
            (root / folder).mkdir(parents=True, exist_ok=True)
            image = Image.new({'R': 'RGB'}.get(mode, mode) if folder == 'maps' else 'RGB', (4, 4))
            image.save(root / f'{folder}/{index}.{"png" if folder == "maps" else "jpg"}')
    init_default_scope('mmseg')
    return BaseSegDataset(
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='maps'),
        metainfo=dict(classes=('a', 'b')),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
    )


def test_label_maps_are_refused_by_their_headers(tmp_path: Path) -> None:
    run = runner(tmp_path, [__file__])
    loader = run.test_loop.dataloader
    loader.dataset = seg_set(tmp_path / 'test', 'LPRL')
    with pytest.raises(DataFaultError, match='1 file of the test set') as error:
        DataCheckHook().before_test(run)
    assert f'{tmp_path}/test/maps/2.png: a label map has one channel' in str(error.value)
    DataCheckHook(check_files=False).before_test(run)
    run.val_loop = None
    DataCheckHook().before_train(run)  # a few bad ones are replaced as they are met
    loader.dataset = seg_set(tmp_path / 'train', 'RRR')
    with pytest.raises(DataFaultError, match='No label map that was looked at in the training'):
        DataCheckHook().before_train(run)


class Archive(Named):
    """Its paths are names in an archive."""

    def prepare_data(self, index: int) -> dict:
        return dict(number=index)


def test_paths_that_are_no_files_here(tmp_path: Path) -> None:
    run = runner(tmp_path, ['a.jpg'])
    loader = run.test_loop.dataloader
    loader.dataset = Archive(metainfo=dict(names=['key/a', 'key/b']))
    DataCheckHook().before_test(run)
    loader.dataset = Named(metainfo=dict(names=['/nowhere/a.jpg']))
    loader.dataset.pipeline.transforms = [SimpleNamespace(backend_args=dict(backend='petrel'))]
    DataCheckHook().before_test(run)
    loader.dataset.pipeline.transforms = [SimpleNamespace(backend_args=None)]
    loader.dataset.prepare_data = lambda index: 1 / 0
    with pytest.raises(DataFaultError, match='1 file of the test set'):
        DataCheckHook().before_test(run)


def test_an_option_that_is_gone_still_builds() -> None:
    with pytest.warns(DeprecationWarning, match='num_threads of DataCheckHook has no effect'):
        HOOKS.build(dict(type='DataCheckHook', num_threads=4))
