"""A search whose progress nobody reads any more."""

import subprocess
import sys

PROGRAM = """
import sys
from tuner.driver.progress.pipe_safe_console import PipeSafeConsole
from tuner.driver.progress.summary import print_line
console = PipeSafeConsole()
print_line(console, "first")
sys.stdin.readline()
for number in range(3):
    print_line(console, f"epoch {number}")
sys.stderr.write("the search has ended")
"""


def test_a_reader_that_goes_away_does_not_end_the_search() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stderr:
        assert process.stdout.readline() == "first\n"
        process.stdout.close()
        process.stdin.write("go on\n")
        process.stdin.flush()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, "the search has ended")
