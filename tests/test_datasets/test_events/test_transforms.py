"""Event augmentations, and transforms of three libraries on pictures of 16 channels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope

from mmsfa.datasets.events import make_events, read_events
from mmsfa.datasets.events.transforms.har_dvs_frames import two_channels
from mmsfa.datasets.events.transforms.simulate_events import frames_to_events
from mmsfa.errors import OptionError, UserError

T, SHAPE = 8, (34, 34)


@pytest.fixture
def recording(shared_data) -> Path:
    return min(shared_data('nmnist_small').glob('Train/5/*.bin'))


@pytest.fixture
def sample(recording: Path) -> dict:
    np.random.seed(0)
    events = read_events(recording)
    return dict(events=events, img_shape=SHAPE, ori_shape=SHAPE, img_path=str(recording))


def build(kind: str, **settings):
    return TRANSFORMS.build(dict(type=kind, **settings))


# --- events


def test_a_pipeline_makes_an_event_tensor(recording: Path, sample: dict) -> None:
    steps = [dict(type='LoadEvents', shape=SHAPE), dict(type='EventsToImage', T=T, by='time')]
    results = Compose(steps)(dict(img_path=str(recording)))
    assert results['img'].shape == (*SHAPE, 2 * T) and results['img'].dtype == np.float32
    assert results['img'].sum() == len(sample['events'])
    assert results['img_shape'] == results['ori_shape'] == SHAPE
    half = len(sample['events']) // 2
    t = sample['events']['t']
    part = Compose(steps)(dict(img_path=str(recording), event_range=(t[0], t[half])))
    assert 0 < part['img'].sum() <= half


def test_events_outside_of_the_camera_name_file_and_option(recording: Path) -> None:
    with pytest.raises(OptionError, match=f'{recording}: .*change shape'):
        build('LoadEvents', shape=(20, 34))(dict(img_path=str(recording)))


@pytest.mark.parametrize('settings', [
    dict(by='voxel'), dict(by='voxel', signed=True), dict(by='count', clip=1.0),
])  # fmt: skip
def test_forms_of_the_tensor(sample: dict, settings: dict) -> None:
    img = build('EventsToImage', T=T, **settings)(sample)['img']
    signed = settings.get('signed', False)
    assert img.shape == (*SHAPE, T if signed else 2 * T)
    assert (img.min() < 0) == signed
    assert (img.max() == 1) == ('clip' in settings)


def test_event_drop_by_time_leaves_a_gap(sample: dict) -> None:
    before = sample['events']
    after = build('EventDrop', prob=(1, 0, 0), time_ratio=(0.5, 0.5))(sample)['events']
    gap = np.diff(after['t'], prepend=before['t'][0], append=before['t'][-1]).max()
    duration = before['t'][-1] - before['t'][0]
    assert 0.5 * duration <= gap < 0.55 * duration
    assert set(after.tolist()) < set(before.tolist())


def test_event_drop_by_area_empties_a_rectangle(sample: dict) -> None:
    before = build('EventsToImage', T=1)(dict(sample))['img'].sum(-1)
    dropped = build('EventDrop', prob=(0, 1, 0), area_ratio=(0.25, 0.25))(sample)
    after = build('EventsToImage', T=1)(dropped)['img'].sum(-1)
    rows, columns = np.nonzero(before != after)
    assert len(rows) and (after[rows, columns] == 0).all()
    inside = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert not after[inside].any() and max(before[inside].shape) <= 9


def test_event_drop_by_point_takes_a_share_everywhere(sample: dict) -> None:
    before = sample['events']
    after = build('EventDrop', prob=(0, 0, 1), point_ratio=(0.5, 0.5))(sample)['events']
    assert 0.45 < len(after) / len(before) < 0.55
    for half in (after['t'] < np.median(before['t'])), (after['x'] < np.median(before['x'])):
        assert 0.4 < half.mean() < 0.6


def test_event_drop_may_drop_nothing(sample: dict) -> None:
    drop, before = build('EventDrop'), sample['events']
    unchanged = sum(drop(dict(sample))['events'] is before for _ in range(200))
    assert 30 < unchanged < 70  # one in four


def test_polarity_and_time(sample: dict) -> None:
    before = sample['events'].copy()
    flipped = build('EventPolarityFlip', prob=1)(dict(sample))['events']
    assert (flipped['p'] == 1 - before['p']).all() and (flipped['t'] == before['t']).all()
    reverse = build('EventTimeReverse', prob=1)
    backwards = reverse(dict(sample))['events']
    assert (backwards['x'] == before['x'][::-1]).all()
    assert (np.diff(backwards['t']) == np.diff(before['t'])[::-1]).all()
    assert (reverse(dict(events=backwards))['events'] == before).all()
    jittered = build('EventTimeJitter', std=500)(dict(sample))['events']
    assert (np.diff(jittered['t']) >= 0).all()
    assert 300 < np.abs(jittered['t'] - before['t']).max() < 5000
    assert sorted(jittered['x']) == sorted(before['x'])
    assert (sample['events'] == before).all()  # nothing was changed in place


@pytest.mark.parametrize('kind', ['EventPolarityFlip', 'EventTimeReverse'])
def test_a_probability_of_zero_changes_nothing(sample: dict, kind: str) -> None:
    assert build(kind, prob=0)(dict(sample))['events'] is sample['events']


@pytest.mark.parametrize('kind', ['EventDrop', 'EventTimeReverse', 'EventTimeJitter'])
def test_augmentations_bear_a_recording_without_events(kind: str) -> None:
    none = make_events(*np.zeros((4, 0), int))
    for _ in range(8):
        assert not len(build(kind)(dict(events=none, img_shape=SHAPE))['events'])


@pytest.mark.parametrize(('kind', 'settings', 'words'), [
    ('EventDrop', dict(prob=(0.5, 0.5, 0.5)), 'at most 1'),
    ('EventDrop', dict(area_ratio=(0.5, 2)), r'area_ratio .* got \(0.5, 2\)'),
    ('EventsToImage', dict(T=2, by='sum'), "got 'sum'"),
    ('EventsToImage', dict(T=2, signed=True), "needs by='voxel'"),
    ('EventsToImage', dict(T=2, clip=0), 'clip'),
    ('LoadEventFrames', dict(T=0), 'T .* got 0'),
    ('LoadEventFrames', dict(start='first'), "got 'first'"),
    ('SimulateEvents', dict(T=0), 'T .* got 0'),
    ('SimulateEvents', dict(speed=0), 'speed and threshold'),
])  # fmt: skip
def test_settings_out_of_range_are_refused(kind: str, settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(kind, **settings)


# --- the picture of 16 channels in three libraries


def still(height: int = 40, width: int = 48) -> dict:
    """All T frames show the same, so that they stay equal where they are treated alike."""
    frame = np.random.default_rng(0).poisson(0.3, (height, width, 2)).astype(np.float32)
    shape = (height, width)
    return dict(img=np.tile(frame, T), img_shape=shape, ori_shape=shape, gt_label=3)


ALIKE = [
    ('mmpretrain', dict(type='RandomFlip', prob=1.0, direction='horizontal')),
    ('mmpretrain', dict(type='RandomCrop', crop_size=(40, 48), padding=4)),
    ('mmpretrain', dict(type='RandomCrop', crop_size=60, pad_if_needed=True)),
    ('mmpretrain', dict(type='RandomResizedCrop', scale=32)),
    ('mmpretrain', dict(type='ResizeEdge', scale=64, edge='short')),
    ('mmpretrain', dict(type='CenterCrop', crop_size=32)),
    ('mmpretrain', dict(type='Rotate', angle=15, prob=1.0, pad_val=0)),
    ('mmpretrain', dict(type='Translate', magnitude=0.1, prob=1.0, pad_val=0)),
    ('mmpretrain', dict(type='RandomRoll', max_shift=5)),
    ('mmdet', dict(type='Resize', scale=(60, 50), keep_ratio=True)),
    ('mmdet', dict(type='RandomFlip', prob=1.0)),
    ('mmdet', dict(type='RandomCrop', crop_size=(24, 24))),
    ('mmdet', dict(type='Pad', size_divisor=32, pad_val=dict(img=0.0))),
    ('mmdet', dict(type='RandomAffine', border_val=(0, 0, 0, 0))),
    ('mmseg', dict(type='RandomResize', scale=(60, 50), ratio_range=(0.5, 2.0), keep_ratio=True)),
    ('mmseg', dict(type='RandomCrop', crop_size=(24, 24))),
    ('mmseg', dict(type='RandomFlip', prob=1.0)),
    ('mmseg', dict(type='RandomRotate', prob=1.0, degree=20)),
]  # fmt: skip


@pytest.mark.parametrize(('scope', 'step'), ALIKE, ids=lambda value: str(value)[:60])
def test_a_transform_treats_all_frames_alike(scope: str, step: dict) -> None:
    init_default_scope(scope)
    np.random.seed(1)
    sample = still()
    before = sample['img'].copy()
    if scope == 'mmdet':
        from mmdet.structures.bbox import HorizontalBoxes

        sample |= dict(
            gt_bboxes=HorizontalBoxes([[1.0, 1, 47, 39]]),
            gt_bboxes_labels=np.array([0]),
            gt_ignore_flags=np.array([False]),
        )
    if scope == 'mmseg':
        labels = np.zeros(sample['img_shape'], np.uint8)
        sample |= dict(gt_seg_map=labels, seg_fields=['gt_seg_map'])
    results = TRANSFORMS.build(step)(sample)
    img = results['img']
    assert img.shape[-1] == 2 * T and img.dtype == np.float32 and img.any()
    assert img.shape != before.shape or (img != before).any()
    frames = img.reshape(*img.shape[:2], T, 2)
    assert np.allclose(frames, frames[:, :, :1], atol=1e-5)


def test_roll_is_for_classification_only() -> None:
    sample = still() | dict(gt_seg_map=np.zeros((40, 48)))
    with pytest.raises(ValueError, match='gt_seg_map.*RandomCrop'):
        build('RandomRoll', max_shift=2)(sample)


def test_roll_goes_round_the_edge(sample: dict) -> None:
    img = build('EventsToImage', T=T)(sample)['img']
    rolled = build('RandomRoll', max_shift=5)(dict(img=img))['img']
    shifts = [
        (down, right)
        for down in range(-5, 6)
        for right in range(-5, 6)
        if (np.roll(img, (down, right), (0, 1)) == rolled).all()
    ]
    assert len(shifts) == 1 and shifts != [(0, 0)]
    never = build('RandomRoll', max_shift=5, prob=0)
    assert never(dict(img=img))['img'] is img


PACK = dict(mmpretrain='PackInputs', mmdet='PackDetInputs', mmseg='PackSegInputs')
PREPROCESS = dict(
    mmpretrain=dict(type='ClsDataPreprocessor', pad_size_divisor=32),
    mmdet=dict(type='DetDataPreprocessor', pad_size_divisor=32),
    mmseg=dict(type='SegDataPreProcessor', size_divisor=32, pad_val=0, seg_pad_val=255),
)


@pytest.mark.parametrize('scope', PACK)
def test_packing_and_preprocessing_keep_the_order_of_channels(scope: str) -> None:
    init_default_scope(scope)
    sample = still()
    sample['img'] = sample['img'] + np.arange(2 * T, dtype=np.float32)
    expected = torch.from_numpy(sample['img'].transpose(2, 0, 1).copy())
    if scope == 'mmseg':
        sample |= dict(gt_seg_map=np.zeros(sample['img_shape'], np.uint8))
    if scope == 'mmdet':
        sample |= dict(flip=False, flip_direction=None, scale_factor=(1.0, 1.0), img_id=0)
    meta = {} if scope == 'mmpretrain' else dict(meta_keys=('img_shape', 'ori_shape'))
    packed = TRANSFORMS.build(dict(type=PACK[scope], **meta))(sample)
    assert torch.equal(packed['inputs'], expected)
    batch = dict(inputs=[packed['inputs']] * 2, data_samples=[packed['data_samples']] * 2)
    inputs = MODELS.build(PREPROCESS[scope])(batch, training=True)['inputs']
    assert inputs.shape == (2, 2 * T, 64, 64)
    assert torch.equal(inputs[1, :, :40, :48], expected) and not inputs[:, :, 40:].any()


# --- HAR-DVS frames


def test_the_published_two_channel_rule() -> None:
    grey = np.array([[0, 0.119, 0.12, 0.3, 0.301, 0.78, 0.781, 1]])
    channels = two_channels(grey)
    assert channels.dtype == np.float32
    assert channels[0, :, 0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert channels[0, :, 1].tolist() == [0, 0, 0, 0, 1, 1, 0, 0]


@pytest.fixture
def clip(tmp_path: Path):
    def write(number: int) -> dict:
        """Frame i has i dark pixels, 10 medium ones and a bright rest."""
        for index in range(number):
            grey = np.full((20, 30), 255, np.uint8)
            grey[1, :index] = 10
            grey[2, :10] = 128
            cv2.imwrite(str(tmp_path / f'{index:04d}.png'), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
        return dict(img_path=str(tmp_path))

    return write


def dark_pixels(img: np.ndarray) -> list[int]:
    return img[..., 0::2].sum((0, 1)).astype(int).tolist()


def test_a_clip_is_read_in_the_order_of_its_names(clip) -> None:
    sample = clip(15)
    middle = build('LoadEventFrames', T=8, start='middle')(dict(sample))
    assert dark_pixels(middle['img']) == list(range(3, 11))
    assert middle['img'][..., 1::2].sum((0, 1)).tolist() == [10] * 8
    assert middle['img'].shape == (20, 30, 16) and middle['img_shape'] == (20, 30)
    starts = set()
    for _ in range(60):
        numbers = dark_pixels(build('LoadEventFrames', T=8)(dict(sample))['img'])
        assert numbers == list(range(numbers[0], numbers[0] + 8))
        starts.add(numbers[0])
    assert starts == set(range(8))


def test_a_short_clip_ends_with_empty_frames(clip) -> None:
    img = build('LoadEventFrames', T=8, start='middle')(clip(3))['img']
    assert dark_pixels(img) == [0, 1, 2, 0, 0, 0, 0, 0]
    assert not img[..., 6:].any()


def test_broken_clips_are_named(clip, tmp_path: Path) -> None:
    load = build('LoadEventFrames', T=8)
    with pytest.raises(UserError, match=f'{tmp_path} has none'):
        load(dict(img_path=str(tmp_path)))
    sample = clip(3)
    cv2.imwrite(str(tmp_path / '0001.png'), np.zeros((5, 6), np.uint8))
    with pytest.raises(UserError, match=r'0001.png has \(5, 6\) instead of \(20, 30\)'):
        load(sample)
    (tmp_path / '0001.png').write_bytes(b'')
    with pytest.raises(UserError, match='0001.png cannot be read'):
        load(sample)


# --- simulated events


def test_events_count_thresholds_and_remember_the_rest() -> None:
    frames = np.array([0.0, 0.5, 1.3, 1.3, -0.2])[:, None, None]
    counts = frames_to_events(frames, threshold=0.4)[0, 0]  # levels 0, .4, 1.2, 1.2, 0
    assert counts.tolist() == [0, 1, 0, 2, 0, 0, 3, 0]


def test_a_bright_disc_moves_with_on_events_in_front(shapes_dir: Path) -> None:
    picture = np.full((65, 65, 3), 40, np.uint8)
    cv2.circle(picture, (32, 32), 12, (200, 200, 200), -1)
    img = build('SimulateEvents', T=1, speed=4.0, direction=np.pi)(dict(img=picture))['img']
    assert img.shape == (65, 65, 2)
    columns = np.arange(65)[None, :, None] * img
    off, on = columns.sum((0, 1)) / img.sum((0, 1))
    assert abs(on - off) > 12  # on one side it becomes brighter, on the other darker
    assert not img[30:35, 26:39].any() and not img[:10].any()


def test_all_contours_are_seen_and_the_labels_stay(shapes_dir: Path) -> None:
    picture = cv2.imread(str(min(shapes_dir.glob('images/training/*.png'))))
    sample = dict(img=picture, gt_bboxes='boxes', img_shape=(128, 128))
    simulate = build('SimulateEvents', T=4, direction=0.5)
    results = simulate(dict(sample))
    assert results['img'].shape == (128, 128, 8) and results['img'].dtype == np.float32
    assert results['gt_bboxes'] == 'boxes' and results['img_shape'] == (128, 128)
    assert (results['img'].reshape(-1, 8).sum(0) > 100).all()
    assert (simulate(dict(sample))['img'] == results['img']).all()
    other = build('SimulateEvents', T=4)(dict(sample))['img']
    assert (other != results['img']).any()
