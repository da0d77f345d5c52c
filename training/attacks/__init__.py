"""The attacks that a model is trained against, validated with and evaluated with."""

from training.attacks.adversary import Adversary, AttackError
from training.attacks.attack_losses import cross_entropy_of, divergence_from, soft_logit_margin
from training.attacks.autoattack import Apgd, Cascade, Fab, Square, auto_attack
from training.attacks.carlini_wagner import CarliniWagner
from training.attacks.first_order import Fgsm, Noise, Pgd
from training.attacks.inner import InnerAttack, InnerAttackSettings, TrainingAttack
from training.attacks.pgd import ascend, frozen, gaussian_start, pgd, uniform_start
from training.attacks.representation import RepresentationAttack
from training.attacks.transfer import MeanPath, Transfer

__all__ = [
    "Adversary",
    "Apgd",
    "AttackError",
    "CarliniWagner",
    "Cascade",
    "Fab",
    "Fgsm",
    "InnerAttack",
    "InnerAttackSettings",
    "MeanPath",
    "Noise",
    "Pgd",
    "RepresentationAttack",
    "Square",
    "TrainingAttack",
    "Transfer",
    "ascend",
    "auto_attack",
    "cross_entropy_of",
    "divergence_from",
    "frozen",
    "gaussian_start",
    "pgd",
    "soft_logit_margin",
    "uniform_start",
]
