"""The attacks that a model is trained against, validated with and evaluated with."""

from training.attacks.adversary import Adversary, AttackError
from training.attacks.apgd import Apgd
from training.attacks.attack_losses import cross_entropy_of, divergence_from, soft_logit_margin
from training.attacks.autoattack import Cascade, auto_attack
from training.attacks.call_text import split_names
from training.attacks.carlini_wagner import CarliniWagner
from training.attacks.fab import Fab
from training.attacks.facts import AttackFacts
from training.attacks.first_order import Fgsm, Noise, Pgd
from training.attacks.inner import InnerAttack, InnerAttackSettings, TrainingAttack
from training.attacks.latent import LatentAttack
from training.attacks.named import Scale, attack_help, attacks_of, facts_of
from training.attacks.pgd import ascend, frozen, gaussian_start, pgd, uniform_start
from training.attacks.representation import RepresentationAttack
from training.attacks.square import Square
from training.attacks.transfer import MeanPath, Transfer

__all__ = [
    "Adversary",
    "Apgd",
    "AttackError",
    "AttackFacts",
    "CarliniWagner",
    "Cascade",
    "Fab",
    "Fgsm",
    "InnerAttack",
    "InnerAttackSettings",
    "LatentAttack",
    "MeanPath",
    "Noise",
    "Pgd",
    "RepresentationAttack",
    "Scale",
    "Square",
    "TrainingAttack",
    "Transfer",
    "ascend",
    "attack_help",
    "attacks_of",
    "auto_attack",
    "cross_entropy_of",
    "divergence_from",
    "facts_of",
    "frozen",
    "gaussian_start",
    "pgd",
    "soft_logit_margin",
    "split_names",
    "uniform_start",
]
