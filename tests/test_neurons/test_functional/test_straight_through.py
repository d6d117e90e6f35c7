"""Values come out bit for bit; the gradient is the one that was chosen."""

import torch

from mmsfa.neurons.functional import straight_through


def test_values_and_gradient():
    x = torch.tensor([0.3, -1.7, 2.2], requires_grad=True)
    values, slope = x.detach().round() / 3, torch.tensor([1.0, 0.0, 2.0])
    for factor, expected in ((None, [1.0, 1.0, 1.0]), (slope, [1.0, 0.0, 2.0])):
        out = straight_through(x, values, factor)
        assert torch.equal(out, values)
        (grad,) = torch.autograd.grad(out.sum(), x)
        assert grad.tolist() == expected


def test_without_gradients_it_is_the_values_themselves():
    values = torch.ones(2)
    assert straight_through(torch.zeros(2), values) is values
    with torch.no_grad():
        assert straight_through(torch.zeros(2, requires_grad=True), values) is values
