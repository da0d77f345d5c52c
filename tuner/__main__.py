"""`python -m tuner COMMAND`."""

from tuner.cli import main

if __name__ == "__main__":
    main()
