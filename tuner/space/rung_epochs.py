"""Where the rungs of successive halving lie."""


def milestones(grace_epochs: int, reduction_factor: int, epochs: int) -> list[int]:
    """Return the epochs of the rungs: grace_epochs * reduction_factor^k for k = 0, 1, ..., while below `epochs`."""
    rungs = []
    epoch = grace_epochs
    while epoch < epochs:
        rungs.append(epoch)
        epoch *= reduction_factor
    return rungs
