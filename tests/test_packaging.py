"""What is installed beside the code: a wheel holds the data files and the templates."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("training", "tuner")
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE")


def test_a_wheel_holds_every_file_that_the_packages_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"  # a build leaves files in its tree
    tree.mkdir()
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, tree)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    expected = {
        path.relative_to(tree).as_posix()
        for package in PACKAGES
        for path in (tree / package).rglob("*.*")
        if path.is_file()
    }
    assert {Path(name).suffix for name in expected} >= {".py", ".yaml", ".html"}
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run([*build, str(tree)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert expected <= set(archive.namelist())
