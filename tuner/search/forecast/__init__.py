"""A forecast of final losses from parameters and rungs: a sampler and a rule for early stopping that rest on it."""
