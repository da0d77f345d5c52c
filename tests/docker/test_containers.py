"""The container files: valid by their own linters, without secrets, closed to the outside, of one version."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training.yaml_text import read_yaml

PROJECT = Path(__file__).parents[2]
DOCKER = PROJECT / "docker"
MANIFESTS = sorted((DOCKER / "kubernetes").glob("*.yaml"))


def read(path: Path) -> Any:
    return read_yaml(path)


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(DOCKER / "compose.yaml")["services"]
    return found


def pinned(package: str) -> str:
    lines = (PROJECT / "constraints.txt").read_text("utf-8").splitlines()
    return next(line.removeprefix(f"{package}==") for line in lines if line.startswith(f"{package}=="))


def run_tool(*words: str) -> None:
    subprocess.run(words, check=True, cwd=PROJECT, capture_output=True, text=True)


def test_the_linter_has_nothing_to_say_on_the_dockerfile() -> None:
    run_tool(str(Path(sys.executable).with_name("hadolint")), str(DOCKER / "Dockerfile"))


def test_compose_follows_its_published_schema() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    run_tool(*check, str(DOCKER / "compose.yaml"))


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_holds_no_secret() -> None:
    example = dict(
        line.split("=", 1) for line in (DOCKER / ".env.example").read_text().splitlines() if line and line[0] != "#"
    )
    assert example["POSTGRES_PASSWORD"] == example["RAY_AUTH_TOKEN"] == ""
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            if name.endswith(("PASSWORD", "TOKEN")):
                assert value.startswith("${")
            if "://tuner:" in value:
                assert "://tuner:${POSTGRES_PASSWORD:?" in value


def test_what_a_search_waits_for_has_a_health_check() -> None:
    for name, condition in services()["search"]["depends_on"].items():
        assert condition == {"condition": "service_healthy"}
        assert "healthcheck" in services()[name]


def test_every_image_has_a_fixed_version() -> None:
    images = {service["image"] for service in services().values()}
    assert images == {"postgres:15", "robust-tuner:0.1.0"}
    assert 'version = "0.1.0"' in (PROJECT / "pyproject.toml").read_text()


def test_mlflow_answers_to_its_name_in_the_network() -> None:
    (allowed,) = (word for word in services()["mlflow"]["command"] if word.startswith("--allowed-hosts="))
    assert {"mlflow:*", "localhost:*"} <= set(allowed.removeprefix("--allowed-hosts=").split(","))
    assert services()["search"]["environment"]["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_has_what_a_cluster_needs(path: Path) -> None:
    manifest = read(path)
    assert manifest["apiVersion"] == "ray.io/v1"
    spec = manifest["spec"].get("rayClusterSpec", manifest["spec"])
    assert spec["rayVersion"] == pinned("ray")
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for group in groups:
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        (container,) = pod["containers"]
        secrets = [entry for entry in container["env"] if entry["name"] in {"TUNER_LEDGER", "MLFLOW_TRACKING_URI"}]
        assert len(secrets) == 2
        assert all(entry["valueFrom"]["secretKeyRef"]["name"] == "robust-tuner" for entry in secrets)
        assert {volume["name"] for volume in pod["volumes"]} == {mount["name"] for mount in container["volumeMounts"]}
    for group in groups[1:]:
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["requests"]["nvidia.com/gpu"] == "1"
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert group["template"]["spec"]["tolerations"][0]["key"] == "nvidia.com/gpu"


def test_a_job_that_is_retried_continues_its_search() -> None:
    spec = read(DOCKER / "kubernetes" / "rayjob.yaml")["spec"]
    assert spec["backoffLimit"] > 0
    assert "--resume-or-start --name" in spec["entrypoint"]
