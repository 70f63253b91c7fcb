"""The silhouette loss in PyTorch is the one of Keras, in value and gradient."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

torch = pytest.importorskip("torch", reason="needs the extra [torch]")

from embedlens.backbones.keras_backend import import_keras  # noqa: E402
from embedlens.learn import SilhouetteLoss  # noqa: E402
from embedlens.learn.torch_silhouette import torch_silhouette_losses  # noqa: E402

OPTIONS = [(metric, t) for metric in ("euclidean", "sqeuclidean") for t in (0.0, 0.2)]


def batch(kind):
    """A batch of float64 by what is awkward about it."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 5, 40)
    points = rng.normal(size=(5, 6))[codes] + rng.normal(size=(40, 6))
    if kind == "singles":
        codes[:2] = 7, 8
    if kind == "one class":
        codes[:] = 3
    if kind == "duplicates":
        points[1:9] = points[0]
    if kind == "far apart":
        points = 1e6 * points[codes] + points
    return codes, points


KINDS = ("plain", "singles", "one class", "duplicates", "far apart")


@pytest.mark.parametrize(("metric", "temperature"), [OPTIONS[0], OPTIONS[-1]])
def test_value_and_gradient_are_those_of_keras(metric, temperature):
    jax = pytest.importorskip("jax", reason="compares with Keras on JAX")
    if import_keras().backend.backend() != "jax":
        pytest.skip("compares with Keras on JAX")
    weights = np.random.default_rng(1).random(40)
    with jax.enable_x64(True):
        loss = SilhouetteLoss(metric, temperature, reduction="none", dtype="float64")

        def weighed(given, codes):
            found = loss(codes, given)
            return (found * weights).sum(), found

        of_keras = jax.jit(jax.value_and_grad(weighed, has_aux=True))
        expected = {kind: of_keras(*batch(kind)[::-1]) for kind in KINDS}
    for kind, ((_, losses), gradient) in expected.items():
        codes, points = batch(kind)
        given = torch.tensor(points, requires_grad=True)
        found = torch_silhouette_losses(torch.tensor(codes), given, metric, temperature)
        (found * torch.tensor(weights)).sum().backward()
        assert losses.dtype == gradient.dtype == np.float64
        np.testing.assert_allclose(found.detach(), losses, rtol=0, atol=1e-12)
        np.testing.assert_allclose(given.grad, gradient, rtol=1e-9, atol=1e-12)
        assert bool(given.grad.any()) == (kind != "one class")


@pytest.mark.parametrize("kind", ["plain", "singles", "far apart"])
def test_it_is_half_of_one_minus_scikit_learn_s_silhouette(kind):
    codes, points = batch(kind)
    found = torch_silhouette_losses(torch.tensor(codes), torch.tensor(points))
    np.testing.assert_allclose(found, (1 - silhouette_samples(points, codes)) / 2, atol=1e-9)


@pytest.mark.parametrize(("metric", "temperature"), OPTIONS)
def test_the_gradient_is_that_of_finite_differences(metric, temperature):
    codes, points = batch("singles")
    given = torch.tensor(points[:9, :3], requires_grad=True)

    def losses(given):
        return torch_silhouette_losses(torch.tensor(codes[:9]), given, metric, temperature)

    assert torch.autograd.gradcheck(losses, given)


def test_features_that_are_not_finite_make_all_of_it_nan():
    codes, points = batch("plain")
    points[3, 2] = np.inf
    given = torch.tensor(points, requires_grad=True)
    found = torch_silhouette_losses(torch.tensor(codes), given)
    found.sum().backward()
    assert found.isnan().all()
    assert given.grad.isnan().all()
