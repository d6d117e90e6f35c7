"""A config of no real model in the scope of any library."""

from __future__ import annotations

from mmengine.config import Config


def config(scope: str, **kwargs) -> Config:
    """A test set, a metric and what draws, in the scope of one library."""
    loader = dict(dataset=dict(pipeline=[dict(type='LoadImageFromFile'), dict(type='Pack')]))
    settings = dict(
        default_scope=scope,
        model=dict(type='Model'),
        test_dataloader=loader,
        test_evaluator=dict(type='Metric'),
        default_hooks=dict(visualization=dict(type='Hook')),
        visualizer=dict(type='Visualizer'),
    )
    return Config(settings | kwargs)
