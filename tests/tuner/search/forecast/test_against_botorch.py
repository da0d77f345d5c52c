"""The worth of a trial against BoTorch's analytic expected hypervolume improvement."""

import numpy as np
import pytest
import torch
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.utils.multi_objective.box_decompositions.non_dominated import NondominatedPartitioning
from botorch.utils.testing import MockModel, MockPosterior
from scipy.stats import norm, qmc

from tuner.search.forecast.value import FinalFront


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_worth_agrees_with_botorch(objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    known = rng.random((6, objectives))
    front = FinalFront(known, None, known[:0], None, 0)
    means, deviations = rng.random((5, objectives)) * 0.6, 0.05 + 0.2 * rng.random((5, objectives))
    normals = norm.ppf(qmc.Sobol(objectives, seed=0).random(2**14).clip(1e-9, 1 - 1e-9))
    found = front.worth(means + deviations * normals[:, None])
    # The same front, units and reference point, for a library that maximises.
    span, reference = front.units
    partitioning = NondominatedPartitioning(-torch.tensor(reference / span), Y=-torch.tensor(known / span))
    for place in range(5):
        mean, variance = torch.tensor(means[place] / span), torch.tensor((deviations[place] / span) ** 2)
        posterior = MockPosterior(mean=-mean[None, None], variance=variance[None, None])
        analytic = ExpectedHypervolumeImprovement(
            MockModel(posterior), ref_point=(-reference / span).tolist(), partitioning=partitioning
        )
        assert found[place] == pytest.approx(float(analytic(torch.zeros(1, 1, 1))), rel=0.02, abs=1e-4)
