"""The error that lists the faults of a space, and says where each faulty value comes from."""

from collections.abc import Mapping, Sequence

from tuner.errors import UsageError

_MOST_LINES = 100


def fault_error(
    source: str, problems: Sequence[tuple[str, str]], setters: Mapping[str, str] | None = None
) -> UsageError:
    """Return the error that lists faults (path, message), each as `source: path: message`. Its subject is their paths.

    `source` is the file of the space. `setters` has the keys that do not come from it, and what errors call their
    origin, such as `--set 'epsilon=-1'`.
    """
    lines = [f"{_origin(path, source, setters or {})}: {path}: {message}" for path, message in problems[:_MOST_LINES]]
    if len(problems) > _MOST_LINES:
        lines.append(f"{source}: and {len(problems) - _MOST_LINES:,} more faults")
    return UsageError("\n".join(lines), tuple(path for path, _ in problems))


def _origin(path: str, source: str, setters: Mapping[str, str]) -> str:
    """Return the setter of this key or of one above it, or the source with the setters of the keys below."""
    above = [key for key in setters if f"{path}.".startswith(f"{key}.")]
    if above:
        return setters[max(above, key=len)]
    below = [setter for key, setter in setters.items() if key.startswith(f"{path}.")]
    return f"{source} with {' and '.join(below)}" if below else source
