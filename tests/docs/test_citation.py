"""CITATION.cff is valid and agrees with the package."""

import subprocess
import sys
import tomllib

from documents import ROOT

from training.yaml_text import read_yaml

CITATION = read_yaml(ROOT / "CITATION.cff")


def test_it_is_this_version_of_this_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (CITATION["version"], CITATION["license"]) == (project["version"], project["license"])
    assert CITATION["cff-version"] == "1.2.0"


def test_it_follows_the_schema() -> None:
    command = ["check_jsonschema", "--builtin-schema", "vendor.citation-file-format", str(ROOT / "CITATION.cff")]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
