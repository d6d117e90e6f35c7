"""Learn the features of a teacher."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmsfa.losses import AuxiliaryLoss, Batch
from mmsfa.rng_state import isolated_rng

from .teacher import Teacher

GRAM_SIDE = 16  # 256 x 256 cosines a picture


@MODELS.register_module()
class FeatureDistillationLoss(AuxiliaryLoss):
    r"""The maps of a student follow those of a teacher: mean squared distance.

    With ``standardize`` each channel of both is brought to mean 0 and deviation 1 over the batch
    first, so that how strong a student's spikes are does not matter, only where they are: up to a
    factor 2 that is one minus Pearson's correlation. Source: Cao et al.,
    https://arxiv.org/abs/2207.02039.

    With ``gram`` the likeness of places is compared instead of what stands there:

    .. math:: L = \overline{(S - T)^2}, \quad
        S_{ij} = \cos(s_i, s_j), \quad T_{ij} = \cos(t_i, t_j)

    for the vectors :math:`s_i` and :math:`t_i` of C numbers at place i. Both need not have the same
    channels then, and nothing is learnt for it. Maps are pooled to 16 x 16 places first. Our own,
    for binary students of dense tasks.

    Args:
        teacher: Config of its model, or the path of its config file, see :class:`Teacher`.
        teacher_ckpt: Path or URL of its weights, unless its config names them.
        features: Names of modules, of the student to of the teacher, such as ``{'neck': 'neck'}``.
            A module may give one map or several.
        channels: (of the student, of the teacher) of every map where they differ, one pair for
            all or a list with one for each; a projection (1 x 1, learnt) then stands between.
        standardize: See above.
        gram: See above.
        scope: Library in which bare type names of the teacher are looked up; None takes the
            student's.
        weight: Factor of the loss.

    Shape:
        Maps (N, C, H, W), tokens (N, L, C) or features (N, C). The teacher's maps are resized to
        the student's.

    Raises:
        ValueError: No features are named, or the maps of both do not fit together.
    """

    def __init__(
        self,
        teacher: dict | str,
        teacher_ckpt: str | None = None,
        features: dict[str, str] | None = None,
        channels: Sequence[Any] = (),
        standardize: bool = False,
        gram: bool = False,
        scope: str | None = None,
        weight: float = 1.0,
    ) -> None:
        super().__init__(weight)
        if not features:
            raise ValueError(
                "features must name what the student learns, as {'neck': 'neck'} (module of the "
                f'student: module of the teacher), got {features!r}.'
            )
        self.features = dict(features)
        if gram and channels:
            raise ValueError(
                'gram compares places, so that maps of other channels fit as they are: leave out '
                f'channels={channels!r}.'
            )
        self.standardize = standardize
        self.gram = gram
        self.teacher = Teacher(teacher, teacher_ckpt, scope)
        single = len(channels) == 2 and all(isinstance(one, int) for one in channels)
        self.shared_projection = single
        with isolated_rng():  # the model draws what it would without the loss
            self.projections = nn.ModuleList(
                nn.Conv2d(mine, theirs, 1) for mine, theirs in ([channels] if single else channels)
            )

    def prepare(self) -> None:
        """Read the teacher."""
        _ = self.teacher.model

    def watched(self, model: nn.Module) -> list[str]:
        """The modules of the student."""
        return list(self.features)

    def forward(self, outputs: dict[str, list[Any]], batch: Batch) -> Tensor:
        """The loss of one step, the mean over all maps."""
        names = list(dict.fromkeys(self.features.values()))
        seen = self.teacher.outputs(names, batch.inputs, batch.model.data_preprocessor)
        pairs: list[tuple[Tensor, Tensor]] = []
        for name, other in self.features.items():
            mine, theirs = list(_maps(outputs[name])), list(_maps(seen[other]))
            if len(mine) != len(theirs) or not mine:
                raise ValueError(
                    f'{name} of the student gives {len(mine)} maps and {other} of the teacher '
                    f'{len(theirs)}: name modules that give equally many.'
                )
            pairs += zip(mine, theirs, strict=True)
        if self.projections and not self.shared_projection and len(self.projections) != len(pairs):
            raise ValueError(
                f'channels must have one pair for each of the {len(pairs)} maps, or one for all, '
                f'got {len(self.projections)}.'
            )
        # Squares and variances of maps overflow in float16, whatever the model itself is cast to.
        with torch.autocast(batch.inputs.device.type, enabled=False):
            losses = [self._of(index, *map(_full, pair)) for index, pair in enumerate(pairs)]
        return sum(losses[1:], losses[0]) / len(losses)

    def _of(self, index: int, mine: Tensor, theirs: Tensor) -> Tensor:
        if mine.dim() != theirs.dim():
            raise ValueError(
                f'Map {index} has the shape {tuple(mine.shape)} in the student and '
                f'{tuple(theirs.shape)} in the teacher: both must be maps (N, C, H, W), tokens '
                '(N, L, C) or features (N, C).'
            )
        mine, theirs = _as_maps(mine), _as_maps(theirs)
        if self.gram:
            if self.standardize:
                mine, theirs = _standardized(mine), _standardized(theirs)
            places = _places(mine, theirs)
            return F.mse_loss(_gram(mine, places), _gram(theirs, places))
        if self.projections:
            mine = self.projections[0 if self.shared_projection else index](mine)
        if mine.shape[:2] != theirs.shape[:2]:
            raise ValueError(
                f'Map {index} has (N, C) = {tuple(mine.shape[:2])} in the student and '
                f'{tuple(theirs.shape[:2])} in the teacher: state the channels of both, '
                f'channels=({mine.shape[1]}, {theirs.shape[1]}), to learn a projection.'
            )
        if mine.shape != theirs.shape:
            theirs = F.interpolate(theirs, mine.shape[2:], mode='bilinear')
        if self.standardize:
            mine, theirs = _standardized(mine), _standardized(theirs)
        return F.mse_loss(mine, theirs)


def _maps(outputs: Any) -> Iterator[Tensor]:
    """All tensors of the calls of a module, in order."""
    if isinstance(outputs, Tensor):
        yield outputs
    elif isinstance(outputs, (list, tuple)):
        for one in outputs:
            yield from _maps(one)


def _full(maps: Tensor) -> Tensor:
    """Half precision becomes float32."""
    return maps.float() if maps.dtype in (torch.float16, torch.bfloat16) else maps


def _as_maps(features: Tensor) -> Tensor:
    """(N, C), (N, L, C) or (N, C, H, W) -> (N, C, H, W)."""
    if features.dim() == 3:
        features = features.transpose(1, 2)
    return features if features.dim() == 4 else features.reshape(*features.shape[:2], -1, 1)


def _standardized(maps: Tensor) -> Tensor:
    """Each channel with mean 0 and deviation 1 over batch and places."""
    mean = maps.mean((0, 2, 3), keepdim=True)
    variance = maps.var((0, 2, 3), keepdim=True, unbiased=False)
    return (maps - mean) / (variance + 1e-6).sqrt()


def _places(*maps: Tensor) -> tuple[int, int]:
    """The places that are compared: those of the smaller map, at most 256."""
    height, width = (min(one.shape[axis] for one in maps) for axis in (2, 3))
    is_sequence = width == 1  # tokens
    return min(height, GRAM_SIDE**2 if is_sequence else GRAM_SIDE), min(width, GRAM_SIDE)


def _gram(maps: Tensor, places: tuple[int, int]) -> Tensor:
    """(N, C, H, W) -> (N, P, P): cosines between the vectors of P places."""
    vectors = F.normalize(F.adaptive_avg_pool2d(maps, places).flatten(2), dim=1)
    return vectors.transpose(1, 2) @ vectors
