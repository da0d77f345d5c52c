"""Build a space in Python, search it, and use the model that was chosen.

python examples/run_a_search.py
"""

import torch

from tuner import Space, run

SPACE = Space(
    name="digits_in_python",
    trial={
        "dataset": "digits",
        "architecture": "digits_cnn",
        "augmentation": "none",
        "validation_fraction": 0.3,
        "objective": "shared_information",
        "epochs": 6,
        "batch_size": 64,
        "epsilon": 0.2,
        "attack_steps": 5,
        "attack_step_size": 0.06,
        "eval_attack_steps": 10,
        "eval_attack_step_size": 0.04,
    },
    parameters={
        "alpha": {"type": "float", "low": 0.0, "high": 1.0},
        "lambda": {"type": "float", "low": 0.1, "high": 30.0, "log": True},
    },
    objectives={"natural_accuracy": {}, "pgd_accuracy": {}},
    search={"trials": 6, "seed": 0},
    early_stopping={"grace_epochs": 2},
)


def main() -> None:
    """Search, print the front, and classify two images with the most robust model."""
    # A second start continues the search, or returns what it found.
    search = run(SPACE, name="in_python", resume_or_start=True)
    print(search.front.frame)
    chosen = search.front.most_robust(max_loss=0.05)
    print(chosen.reason)
    model = search.model(chosen.trial)
    print("classes of two random images:", model(torch.rand(2, 1, 8, 8)).argmax(dim=1).tolist())


if __name__ == "__main__":
    main()
