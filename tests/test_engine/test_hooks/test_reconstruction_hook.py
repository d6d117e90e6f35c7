"""The pictures that the hook draws."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmsfa.engine.hooks.reconstruction_hook import (
    HIDDEN,
    ReconstructionHook,
    draw_reconstructions,
)

NORMALISE = dict(mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0])


def batch(size=3):
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (size, 3, 64, 64), generator=draw, dtype=torch.uint8)
    return dict(inputs=inputs, data_samples=[None] * size)


@pytest.mark.parametrize('settings', [{}, NORMALISE, dict(NORMALISE, to_rgb=True)])
def test_original_masked_reconstruction(spike_mae, settings):
    model = spike_mae(data_preprocessor=dict(type='SelfSupDataPreprocessor', **settings)).train()
    state = torch.get_rng_state()
    stats = {name: buffer.clone() for name, buffer in model.named_buffers()}
    data = batch()
    panels = draw_reconstructions(model, data)
    assert panels.shape == (3 * 64, 3 * 64, 3) and panels.dtype == np.uint8
    # nothing of the training has changed
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(stats[name], buffer) for name, buffer in model.named_buffers())

    original, masked, filled = np.split(panels, 3, axis=1)
    true = data['inputs'].flip(1).permute(0, 2, 3, 1).flatten(0, 1).numpy()  # BGR -> RGB
    assert np.array_equal(original, true)
    hidden = np.repeat((masked == HIDDEN).all(-1)[:, :, None], 3, axis=2)
    assert 0.49 < hidden.mean() < 0.51
    assert np.array_equal(masked[~hidden], original[~hidden])
    assert np.array_equal(filled[~hidden], original[~hidden])
    assert (filled[hidden] != original[hidden]).mean() > 0.9


def test_it_always_draws_the_first_pictures_with_the_same_mask(spike_mae):
    drawn = []
    visualizer = SimpleNamespace(add_image=lambda name, image, step: drawn.append(image))
    runner = SimpleNamespace(model=spike_mae().train(), visualizer=visualizer, max_epochs=2)
    hook = ReconstructionHook(interval=1)
    first = batch()
    for runner.epoch, data in enumerate((first, dict(first, inputs=first['inputs'].flip(0)))):
        hook.after_train_iter(runner, 0, data)
        hook.after_train_epoch(runner)
    assert np.array_equal(*drawn)


def test_it_draws_after_every_interval_and_at_the_end(spike_mae):
    drawn = []
    visualizer = SimpleNamespace(
        add_image=lambda name, image, step: drawn.append((name, image.shape, step))
    )
    runner = SimpleNamespace(model=spike_mae().train(), visualizer=visualizer, max_epochs=5)
    hook = ReconstructionHook(interval=2, num_pictures=2)
    for runner.epoch in range(5):
        hook.after_train_iter(runner, 0, batch())
        hook.after_train_epoch(runner)
    assert drawn == [('reconstruction', (128, 192, 3), step) for step in (2, 4, 5)]


def test_an_epoch_that_was_resumed_behind_its_last_batch_has_no_pictures(spike_mae):
    """`ResumableEpochBasedTrainLoop` ends it without a batch."""
    drawn = []
    visualizer = SimpleNamespace(add_image=lambda name, image, step: drawn.append(step))
    runner = SimpleNamespace(model=spike_mae().train(), visualizer=visualizer, max_epochs=3)
    hook = ReconstructionHook(interval=1)
    runner.epoch = 1
    hook.after_train_epoch(runner)
    assert drawn == []
    runner.epoch = 2
    hook.after_train_iter(runner, 0, batch())
    hook.after_train_epoch(runner)
    assert drawn == [3]


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match='num_pictures must be an integer >= 1, got 0'):
        ReconstructionHook(num_pictures=0)
    with pytest.raises(ValueError, match='interval must be an integer >= 1'):
        ReconstructionHook(interval=1.5)
