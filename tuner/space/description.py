"""A space in words, as `tuner spaces check` and `tuner run --dry-run` print it."""

from tuner.space.model import Space


def parameter_lines(space: Space) -> list[str]:
    """Return a line for each searched parameter: its name, its values, the key it sets, and when it is searched."""
    width = max(12, *(len(name) + 2 for name in space.parameters))
    lines = []
    for name, parameter in space.parameters.items():
        key = f"; sets {parameter.key}" if parameter.key else ""
        wanted = (f"{other} is {' or '.join(map(str, values))}" for other, values in parameter.when.items())
        when = f"; when {' and '.join(wanted)}" if parameter.when else ""
        lines.append(f"  {name:<{width}}{parameter.text}{key}{when}")
    return lines
