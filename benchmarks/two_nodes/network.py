"""A small network on one machine: namespaces with an address each, connected by a bridge.

Needs root and Debian's package iproute2. All names contain this process's id. At the end the processes in the
namespaces are killed, and then everything is removed.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_SECONDS = 240.0


def is_possible() -> bool:
    """Return whether this process may create network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("bridge") is None:
        return False
    name = f"rt{os.getpid()}-try"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except subprocess.CalledProcessError:
        return False
    return True


@dataclass(frozen=True)
class Machine:
    """One namespace; it mounts `folder` at /tmp/ray, so that each Ray node has a separate one."""

    name: str
    address: str
    port: str
    folder: Path

    def start(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Run a command on this machine in the background, with its output in `log`."""
        inside = f"mkdir -p /tmp/ray && mount --bind '{self.folder}' /tmp/ray && exec \"$@\""
        words = ("ip", "netns", "exec", self.name, "unshare", "--mount", "sh", "-c", inside, "sh", *command)
        with log.open("ab") as output:
            return subprocess.Popen(words, env=dict(environment), stdout=output, stderr=output, start_new_session=True)

    def start_ray(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Start a Ray node with one CPU, and wait until it runs."""
        ray = [str(Path(sys.executable).with_name("ray")), "start", f"--node-ip-address={self.address}", *words]
        ray += ["--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats", "--block"]
        process = self.start(ray, environment, log)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while "Ray runtime started" not in log.read_text(encoding="utf-8", errors="replace"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Ray did not start on {self.name}:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.1)
        return process

    def kill(self) -> None:
        """Kill all processes on this machine at once, like a power cut."""
        while found := _ip("netns", "pids", self.name).split():  # again, because one may have started another meanwhile
            for process in map(int, found):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)

    def cut_off(self) -> None:
        """Silently drop all packets from and to this machine, like a broken switch."""
        _run("bridge", "link", "set", "dev", self.port, "state", "0")

    def join_again(self) -> None:
        """Let packets through again."""
        _run("bridge", "link", "set", "dev", self.port, "state", "3")


@contextmanager
def network(names: Sequence[str], folder: Path) -> Iterator[list[Machine]]:
    """Yield machines that reach only each other, with the addresses 10.77.0.2, 10.77.0.3, …"""
    label = f"rt{os.getpid()}"
    bridge = f"{label}br"
    machines: list[Machine] = []
    _ip("link", "add", bridge, "type", "bridge")
    try:
        _ip("link", "set", bridge, "up")
        for place, name in enumerate(names):
            machine = Machine(f"{label}-{name}", f"10.77.0.{place + 2}", f"{label}v{place}", folder / name)
            machine.folder.mkdir()
            machines.append(machine)
            _connect(machine, bridge)
        yield machines
    finally:
        for machine in machines:
            machine.kill()
            _ip("netns", "del", machine.name)
        _ip("link", "del", bridge)


def _connect(machine: Machine, bridge: str) -> None:
    _ip("netns", "add", machine.name)
    _ip("link", "add", machine.port, "type", "veth", "peer", "name", "eth0", "netns", machine.name)
    _ip("link", "set", machine.port, "master", bridge)
    _ip("link", "set", machine.port, "up")
    for words in (f"addr add {machine.address}/24 dev eth0", "link set eth0 up", "link set lo up"):
        _ip("-netns", machine.name, *words.split())


def _ip(*words: str) -> str:
    return _run("ip", *words)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
