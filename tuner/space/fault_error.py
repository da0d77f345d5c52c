"""The error that lists the faults of a space, and says where each faulty value comes from."""

from collections.abc import Mapping, Sequence

from tuner.errors import UsageError

_MOST_LINES = 100


Problems = Sequence[tuple[str, str]]


def fault_error(
    source: str, problems: Problems, setters: Mapping[str, str] | None = None, of_source: Problems = ()
) -> UsageError:
    """Return the error that lists faults (path, message), each as `source: path: message`. Its subject is their paths.

    `source` is the file of the space. `setters` has the keys that do not come from it, and what errors call their
    origin, such as `--set 'epsilon=-1'`. `of_source` are the faults that the file has without them.
    """
    own, changes = set(of_source), setters or {}
    shown = problems[:_MOST_LINES]
    lines = [f"{source if each in own else _origin(each[0], source, changes)}: {': '.join(each)}" for each in shown]
    if len(problems) > _MOST_LINES:
        lines.append(f"{source}: and {len(problems) - _MOST_LINES:,} more faults")
    return UsageError("\n".join(lines), tuple(path for path, _ in problems))


def _origin(path: str, source: str, setters: Mapping[str, str]) -> str:
    """Return the setter of this key or of one above it, or else the source with the setters that may be the cause.

    These are the setters of the keys below, or all of them if there is none.
    """
    above = [key for key in setters if f"{path}.".startswith(f"{key}.")]
    if above:
        return setters[max(above, key=len)]
    below = [setter for key, setter in setters.items() if key.startswith(f"{path}.")]
    causes = below or list(setters.values())
    return f"{source} with {' and '.join(causes)}" if causes else source
