"""`python -m tuner.run` is `tuner run`."""

import sys

from tuner.cli import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
