"""The worth of a trial against BoTorch's analytic expected hypervolume improvement."""

import numpy as np
import pytest
import torch
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.utils.multi_objective.box_decompositions.non_dominated import NondominatedPartitioning
from botorch.utils.testing import MockModel, MockPosterior
from scipy.stats import norm, qmc

from tuner.search.forecast.measured import Wanted
from tuner.search.forecast.value import FinalFront


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("reference", [1.2, -np.inf])
def test_the_worth_agrees_with_botorch(objectives: int, reference: float) -> None:
    rng = np.random.default_rng(objectives)
    known = rng.random((6, objectives))
    front = FinalFront(known, None, known[:0], Wanted(None, 0, np.full(objectives, reference)))
    means, deviations = rng.random((5, objectives)) * 0.6, 0.05 + 0.2 * rng.random((5, objectives))
    normals = norm.ppf(qmc.Sobol(objectives, seed=0).random(2**14).clip(1e-9, 1 - 1e-9))
    found = front.worth(means + deviations * normals[:, None])
    # The same front, units and reference point, for a library that maximises.
    unit, corner = front.unit, front.reference
    partitioning = NondominatedPartitioning(-torch.tensor(corner / unit), Y=-torch.tensor(known / unit))
    for place in range(5):
        mean, variance = torch.tensor(means[place] / unit), torch.tensor((deviations[place] / unit) ** 2)
        posterior = MockPosterior(mean=-mean[None, None], variance=variance[None, None])
        analytic = ExpectedHypervolumeImprovement(
            MockModel(posterior), ref_point=(-corner / unit).tolist(), partitioning=partitioning
        )
        assert found[place] == pytest.approx(float(analytic(torch.zeros(1, 1, 1))), rel=0.02, abs=1e-4)
