"""The spike-driven masked autoencoder."""

from __future__ import annotations

from math import isqrt
from typing import Any

import torch
from mmpretrain.models.selfsup import MAE
from mmpretrain.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SpikeMAE(MAE):
    """mmpretrain's ``MAE`` on an :class:`ESpikeFormer`.

    The convolution stages run sparsely: hidden positions stay zero and are in no statistics. The
    transformer blocks are dense. The backbone is the one of every other task, so its weights load
    there with ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')``.

    Source: Yao et al., https://arxiv.org/abs/2411.16061; He et al., "Masked Autoencoders Are
    Scalable Vision Learners", https://arxiv.org/abs/2111.06377.

    Args:
        backbone: Config of an ``ESpikeFormer`` with one map at stride 16 (``out_indices=(4,)``, in
            the large family ``(3,)``).
        neck: Config of the decoder, a ``SpikeMAEDecoder``.
        head: Config of the target and loss, a ``MAEPretrainHead``.
        mask_ratio: Share of hidden patches; the published one is 0.5.
        **kwargs: ``data_preprocessor`` and ``init_cfg``, see ``BaseSelfSupervisor``.

    Raises:
        ValueError: Backbone, decoder and head do not fit together.
    """

    def __init__(
        self, backbone: dict, neck: dict, head: dict, mask_ratio: float = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(backbone=backbone, neck=neck, head=head, **kwargs)
        self.mask_ratio = mask_ratio
        random_mask(1, self.neck.num_patches, mask_ratio)  # refuses a ratio that hides too much
        if isqrt(self.neck.num_patches) ** 2 != self.neck.num_patches:
            raise ValueError(
                'Pictures of masked pre-training are square, so model.neck.num_patches must be '
                f'(side / 16)^2, got {self.neck.num_patches}.'
            )
        patch = self.head.patch_size
        if self.backbone.out_strides != (patch,) or self.backbone.T != 1:
            raise ValueError(
                'Masked pre-training needs a backbone with T=1 and one map whose stride is the '
                f'patch_size={patch} of the head, got T={self.backbone.T} and strides '
                f'{self.backbone.out_strides}: set out_indices=(4,) and stage4_stride=1, or '
                'out_indices=(3,) for the large family.'
            )
        embed_dim = self.neck.decoder_embed.in_features
        if self.backbone.out_channels != (embed_dim,):
            raise ValueError(
                f'model.neck.embed_dim is {embed_dim}, but the map of the backbone has '
                f'{self.backbone.out_channels[0]} channels.'
            )

    def extract_feat(self, inputs: Tensor, visible: Tensor | None = None) -> tuple[Tensor, ...]:
        """The map of pictures, or of what is ``visible``: (B, C, H, W) -> ((B, C', h, w),)."""
        return self.backbone(inputs, visible)

    def draw_mask(self, inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Choose which patches are hidden.

        Args:
            inputs: Pictures, shape (B, C, H, W).
            generator: See :func:`random_mask`.

        Returns:
            Shape (B, h*w), bool, True where a patch is hidden.
        """
        h, w = self._grid(inputs)
        return random_mask(len(inputs), h * w, self.mask_ratio, inputs.device, generator)

    def predict_patches(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Predict every patch from those that are seen.

        Args:
            inputs: Pictures, shape (B, C, H, W).
            mask: Which patches are hidden, shape (B, h*w), bool.

        Returns:
            Shape (B, h*w, patch_size^2 * C), in the scale of the target.
        """
        visible = ~mask.unflatten(1, self._grid(inputs))[:, None]  # (B, 1, h, w)
        (latent,) = self.extract_feat(inputs, visible)
        return self.neck(latent, mask)

    def loss(self, inputs: Tensor, data_samples: list | None, **kwargs: Any) -> dict[str, Tensor]:
        """The mean squared error on the hidden patches; labels are not used."""
        mask = self.draw_mask(inputs)
        return dict(loss=self.head.loss(self.predict_patches(inputs, mask), inputs, mask))

    @torch.no_grad()
    def reconstruct(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Fill the hidden patches with what is predicted.

        A prediction is relative to the mean and deviation of its patch: they are taken from the
        true picture, as is usual for such pictures.

        Args:
            inputs: Pictures, shape (B, C, H, W).
            mask: Which patches are hidden, shape (B, h*w), bool.

        Returns:
            Shape (B, C, H, W).
        """
        patches = self.head.patchify(inputs)  # (B, h*w, patch_size^2 * C)
        filled = self.predict_patches(inputs, mask).to(patches.dtype)
        if self.head.norm_pix:
            var, mean = torch.var_mean(patches, -1, keepdim=True)
            filled = filled * (var + 1e-6).sqrt() + mean
        return self.head.unpatchify(torch.where(mask[..., None], filled, patches))

    def _grid(self, inputs: Tensor) -> tuple[int, int]:
        patch = self.head.patch_size
        return inputs.shape[-2] // patch, inputs.shape[-1] // patch


def random_mask(
    batch: int,
    num_tokens: int,
    ratio: float,
    device: torch.device | str | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Hide the same number of tokens in each image, each choice being equally likely.

    Args:
        batch: Number of images B.
        num_tokens: Tokens N of an image.
        ratio: Share of hidden tokens, between 0 and 1; ``round(ratio * N)`` are hidden.
        device: Where the mask is made.
        generator: Source of randomness on that device; None is PyTorch's own.

    Returns:
        Shape (B, N), bool, True where a token is hidden.

    Raises:
        ValueError: No token, or every token, would be hidden.
    """
    num_hidden = round(ratio * num_tokens)
    if not 0 < num_hidden < num_tokens:
        raise ValueError(
            'mask_ratio must hide at least one token of an image and leave one, got '
            f'{ratio!r}, which hides {num_hidden} of {num_tokens}.'
        )
    order = torch.rand(batch, num_tokens, device=device, generator=generator).argsort(1)
    return order < num_hidden
