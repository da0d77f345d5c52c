"""An attack as a user writes it: a name and, in brackets, values of its parameters, such as `pgd(steps=50)`."""

import ast
import re
from fractions import Fraction

from training.attacks.adversary import AttackError

# Values of a parameter: numbers, texts, and pairs of numbers (Pixle).
Value = bool | int | float | str | tuple[int, ...]


def split_names(text: str) -> list[str]:
    """Return the attacks in a list such as `pgd20,torchattacks:PGD(eps=8/255, steps=20)`."""
    names, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            names.append("")
        else:
            names[-1] += sign
    return [name.strip() for name in names]


def parse_call(text: str) -> tuple[str, dict[str, Value]]:
    """Return the name and the parameters of one attack. Raise AttackError if the text has another form."""
    found = re.fullmatch(r"([\w.:]+)\s*(?:\((.*)\))?", text.strip(), re.DOTALL)
    if found is None:
        raise AttackError(f"The attack {text!r} must have the form NAME or NAME(steps=20, epsilon=8/255).", text)
    name, inside = found.groups()
    return name, _arguments(text, inside or "")


def _arguments(text: str, inside: str) -> dict[str, Value]:
    """Return the keyword arguments of a call, whose values are numbers, fractions, texts or tuples of integers."""
    rule = f"{text!r}: the parameters must be NAME=VALUE, with numbers, fractions or names as values"
    try:
        call = ast.parse(f"f({inside})", mode="eval").body
        values = {str(each.arg): _value(each.value) for each in call.keywords} if isinstance(call, ast.Call) else {}
    except (SyntaxError, ValueError, TypeError, ZeroDivisionError) as error:
        raise AttackError(f"{rule} ({error}).", text) from error
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args or "None" in values:
        raise AttackError(f"{rule}.", text)
    if len(values) < len(call.keywords):
        raise AttackError(f"{text!r} gives a parameter twice: keep one value.", text)
    return values


def _value(node: ast.expr) -> Value:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return float(Fraction(ast.literal_eval(node.left)) / Fraction(ast.literal_eval(node.right)))
    if isinstance(node, ast.Name):
        return node.id
    value: Value = ast.literal_eval(node)
    return value
