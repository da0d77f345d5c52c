"""SLURM's daemons from Debian's packages on this machine, with a configuration, ports and files of their own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.surroundings import own_environment

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel")
_PATIENCE_SECONDS = 600.0

# A requeued job waits for `cred_expire` seconds, and by default for two minutes.
_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port} CPUs=1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
"""


def missing_programs() -> list[str]:
    """Return the programs of Debian's slurmctld, slurmd, slurm-client and munge that are not here."""
    return [name for name in PROGRAMS if shutil.which(name, path="/usr/sbin:/usr/bin") is None]


@dataclass(frozen=True)
class Cluster:
    """A controller with one node of one core; `folder` holds its configuration and its logs."""

    folder: Path

    def ask(self, *words: str) -> str:
        """Run a command of SLURM that must succeed, and return what it prints."""
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=self._environment)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def submit(self, script: Path) -> str:
        """Submit a batch script from its folder, and return the job's number."""
        return self.ask("sbatch", "--parsable", f"--chdir={script.parent}", str(script)).strip()

    def job(self, number: str) -> dict[str, str]:
        """Return what the controller knows of a job, such as JobState and Restarts."""
        words = self.ask("scontrol", "show", "job", number, "--oneliner").split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    @property
    def _environment(self) -> dict[str, str]:
        return own_environment(SLURM_CONF=str(self.folder / "slurm.conf"))

    @contextmanager
    def daemon(self, *words: str) -> Iterator[None]:
        """Run a daemon in the foreground until the block ends."""
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [shutil.which(words[0], path="/usr/sbin:/usr/bin") or words[0], *words[1:]],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[Cluster]:
    """Run a controller with one node in `folder` until the block ends, and cancel what is left of its jobs."""
    (folder / "state").mkdir(parents=True)
    (folder / "spool-n1").mkdir()
    ports = dict(zip(("controller_port", "node_port"), _free_ports(2), strict=True))
    host = socket.gethostname().partition(".")[0]
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(folder=folder, host=host, **ports))
    key = folder / "munge.key"
    key.write_bytes(b"a key for one test" * 8)
    key.chmod(0o400)
    files = {"key": key, "pid": folder / "munged.pid", "log": folder / "munge.log", "seed": folder / "munge.seed"}
    cluster = Cluster(folder)
    with ExitStack() as stack:
        munge = [f"--{name}-file={file}" for name, file in files.items()]
        stack.enter_context(
            cluster.daemon("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge)
        )
        wait_until((folder / "munge.socket").exists)
        stack.enter_context(cluster.daemon("slurmctld", "-D", "-i"))
        stack.enter_context(cluster.daemon("slurmd", "-D", "-N", "n1"))
        wait_until(lambda: "idle" in cluster.ask("sinfo", "--noheader", "--format=%t"))
        try:
            yield cluster
        finally:
            for number in cluster.ask("squeue", "--noheader", "--format=%i").split():
                cluster.ask("scancel", number)
            wait_until(lambda: not cluster.ask("squeue", "--noheader").strip())


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait until `happened()` is true; fail after minutes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
