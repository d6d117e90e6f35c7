"""What every operation that multiplies spikes with spikes, and has no weights, tells of itself."""

from __future__ import annotations

from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron


class SpikeProduct(nn.Module):
    """Base of the weight-less operations on spikes: attention products, gates, masks.

    A subclass computes in ``forward`` and tells in the other methods what that costs. Observers,
    spike-driven inference and proofs find it by this class; an operation without it is named in
    reports as uncounted.

    Attributes:
        sources: The neurons whose outputs it gets, one for each input; empty, or with anything
            else among them, if real values arrive.
        emitter: A neuron whose D, lowest and norm describe the output where that is spikes again;
            None where it is real values.
        multiplies_weights: False: what it learns are factors of its output.
    """

    multiplies_weights = False
    sources: tuple[nn.Module, ...] = ()
    emitter: SpikingNeuron | None = None

    def reads(self, *sources: nn.Module, emitter: SpikingNeuron | None = None) -> None:
        """Tell which neurons fire the inputs, and whose kind of spikes the output is."""
        # No submodules: their owner has registered them, and their names are his.
        object.__setattr__(self, 'sources', sources)
        object.__setattr__(self, 'emitter', emitter)

    @property
    def neurons(self) -> tuple[SpikingNeuron, ...]:
        """The sources where every input is spikes; else empty."""
        found = tuple(s for s in self.sources if isinstance(s, SpikingNeuron))
        return found if len(found) == len(self.sources) else ()

    @property
    def gets_spikes(self) -> bool:
        """Whether every input is spikes."""
        return bool(self.neurons)

    def macs(self, *inputs: Tensor) -> int:
        """Multiply-accumulates of the same operation on real values."""
        raise NotImplementedError(f'{type(self).__name__} must tell its MACs.')

    def additions(self, *inputs: Tensor) -> Tensor:
        """Additions that the spikes of the inputs set off, a float64 scalar."""
        raise NotImplementedError(f'{type(self).__name__} must tell its additions.')

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """The output where only spikes of the same virtual step meet; it takes forward's place."""
        raise NotImplementedError(f'{type(self).__name__} has no step-wise form.')
