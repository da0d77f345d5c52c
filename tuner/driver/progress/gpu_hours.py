"""What a search says of its GPUs before it starts: their precision, and an estimate of the hours on this machine's."""

from typing import NamedTuple

from tuner.space import Space

# TFLOP/s of dense products by NVIDIA's data sheets: with half-precision tensor cores, with TF32 and in float32. The
# first name that a device's name contains counts.
_PEAKS: dict[str, tuple[float, float, float]] = {
    "B200": (2250, 1125, 80),
    "H200": (989, 495, 67),
    "H100 PCIe": (756, 378, 51),
    "H100": (989, 495, 67),
    "A100": (312, 156, 19.5),
    "L40S": (362, 183, 92),
    "L4": (121, 60, 30),
    "A10": (125, 62, 31),
    "V100": (125, 15.7, 15.7),
    "T4": (65, 8.1, 8.1),
    "RTX 4090": (165, 83, 83),
    "RTX 3090": (71, 36, 36),
}
# A guess: no GPU has run this project yet.
ATTAINED_SHARE = 0.25


class Workload(NamedTuple):
    """The operations of one image in training and in an evaluation, and the images that an epoch trains and evaluates.

    An image whose attack is weaker than that of the end counts as the part of an image that it costs.

    `precision` is that of training, `evaluated_precision` that of the attacks in an evaluation, nearly all of it.
    """

    trained_operations: float
    evaluated_operations: float
    trained_images: int
    evaluated_images: float
    precision: str
    evaluated_precision: str


def estimated_hours(workload: Workload, epochs: int, device: str) -> float | None:
    """Return the GPU hours of so many epochs on the GPU named `device`; None for a GPU whose peak is not known."""
    peaks = next((peaks for name, peaks in _PEAKS.items() if name in device), None)
    if peaks is None:
        return None
    half, tf32, single = (1e12 * ATTAINED_SHARE * peak for peak in peaks)
    attained = {"bf16": half, "fp16": half, "tf32": tf32, "fp32": single}
    trained = workload.trained_images * workload.trained_operations / attained[workload.precision]
    evaluated = workload.evaluated_images * workload.evaluated_operations / attained[workload.evaluated_precision]
    return epochs * (trained + evaluated) / 3600


def hours_line(space: Space) -> list[str]:
    """Return one line with the estimate for all epochs of a search; none without GPU, or if its data are not there."""
    import torch

    if space.resources.gpus_per_trial == 0 or not torch.cuda.is_available():
        return []
    device = torch.cuda.get_device_name()
    most = space.most_epochs
    workload = _workload(space)
    hours = None if workload is None else estimated_hours(workload, most, device)
    if workload is None or hours is None:
        return [f"GPU hours:  no estimate for {device}"]
    guess = f"{100 * ATTAINED_SHARE:.0f} % of the peak of one {device} in {workload.precision}"
    return [f"GPU hours:  at most about {hours:.2g} for all epochs (an estimate, not measured: {guess})"]


def precision_line(space: Space) -> list[str]:
    """Return one line about the precision that trials on GPUs choose themselves; none if the space chooses it."""
    if space.resources.gpus_per_trial == 0 or space.example.precision != "auto":
        return []
    choice = "tf32 on GPUs that have it, else fp32; bf16 is faster there"
    return [f"Precision:  auto ({choice}, but no GPU has yet measured that accuracies stay the same)"]


def _workload(space: Space) -> Workload | None:
    import torch

    from training.compute.precision import arithmetic_for
    from training.data import is_available, load_trial_data
    from training.models.operations import operations_of
    from training.trainer.early_evaluation import evaluated_with
    from training.trainer.schedules import is_evaluated

    config = space.example
    if not is_available(config):
        return None
    data = load_trial_data(config)
    operations = operations_of(config, data.num_classes, data.image_shape)
    count = min(config.eval_images or len(data.validation), len(data.validation))
    evaluated = [epoch for epoch in range(1, config.epochs + 1) if is_evaluated(config, epoch)]
    # In units of an evaluation at the end. An image costs the steps of its attack and one more pass.
    passes = sum(evaluated_with(config, epoch).eval_attack_steps + 1 for epoch in evaluated)
    evaluations = passes / (config.eval_attack_steps + 1)
    precision = arithmetic_for(config.precision, torch.device("cuda")).precision
    return Workload(
        *operations,
        trained_images=len(data.train) // config.batch_size * config.batch_size,
        evaluated_images=count * evaluations / config.epochs,
        precision=precision,
        evaluated_precision="fp32" if config.compile == "off" else precision,
    )
