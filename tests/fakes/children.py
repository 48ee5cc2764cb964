"""Child processes that die with us, and Python children driven by method calls over a pipe."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TESTS = Path(__file__).resolve().parent.parent
ANSWER_TIMEOUT_S = 10.0


class MissingPackage(RuntimeError):
    """A program or library that the tests stand on is not installed."""


class ChildError(RuntimeError):
    """A child process did not start, did not answer, or is gone."""


def missing(what: str, package: str) -> MissingPackage:
    return MissingPackage(f"{what} was not found and the tests need the real one: apt-get install {package}")


def program(name: str, package: str) -> str:
    """Path of an installed program; raises MissingPackage that names the apt package."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise missing(name, package)
    return path


def spawn(
    argv: Sequence[str],
    *,
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process that the kernel kills when the calling thread ends (PR_SET_PDEATHSIG, prctl(2)).

    The signal belongs to the thread, not to the process: call this from one that outlives the child.
    """
    setpriv = program("setpriv", "util-linux")
    return subprocess.Popen(
        [setpriv, "--pdeathsig", "KILL", *argv],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        env={**os.environ, **(environment or {})},
        pass_fds=pass_fds,
    )


def end(process: subprocess.Popen[bytes], *, grace_s: float) -> None:
    """SIGTERM, thawed if it was stopped; SIGKILL after the grace; always reaped."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Child:
    """One module of this package running as a child process; `call` runs a method of its servant.

    Raises ChildError when the child is gone, and the servant's own exception when the method failed.
    """

    def __init__(self, module: str, *arguments: Any) -> None:
        ours, theirs = Pipe()
        self._lock = threading.Lock()
        self._connection: Connection = ours
        with theirs:
            self.process = spawn(
                [sys.executable, "-S", "-m", module, str(theirs.fileno())],
                environment={"PYTHONPATH": str(TESTS)},
                pass_fds=[theirs.fileno()],
            )
        try:
            self._connection.send(arguments)
            self.greeting: Any = self._receive(f"{module} did not start")
        except BaseException:
            self.close()
            raise

    def call(self, method: str, *arguments: Any) -> Any:
        with self._lock:
            try:
                self._connection.send((method, arguments))
            except OSError as error:
                raise ChildError(f"{method}: the child is gone: {error}") from error
            return self._receive(method)

    def _receive(self, what: str) -> Any:
        try:
            if not self._connection.poll(ANSWER_TIMEOUT_S):
                raise ChildError(f"{what}: no answer within {ANSWER_TIMEOUT_S} s")
            succeeded, value = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1.0)  # it is printing its traceback
            raise ChildError(f"{what}: the child is gone, exit status {self.process.poll()}") from error
        if not succeeded:
            raise value
        return value

    def freeze(self) -> None:
        """SIGSTOP: open sockets and lines, and nobody behind them."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self._connection.close()
        end(self.process, grace_s=2.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Servant(Protocol):
    """What a child module builds: a greeting for the parent, and a loop that attends to `attend_call`."""

    greeting: Any

    def run(self, connection: Connection) -> None: ...


def attend_call(servant: Servant, connection: Connection) -> None:
    """Take one method call from the parent and answer it; raises EOFError when the parent is gone."""
    method, arguments = connection.recv()
    try:
        answer = (True, getattr(servant, method)(*arguments))
    except (ValueError, OSError) as error:
        answer = (False, error)
    connection.send(answer)


def be_child(build: Callable[..., Servant]) -> None:
    """The main of a child module: build the servant, greet the parent, serve until the parent hangs up."""
    with contextlib.suppress(EOFError, ConnectionError), Connection(int(sys.argv[1])) as connection:
        try:
            servant = build(*connection.recv())
        except (ValueError, OSError, RuntimeError) as error:
            connection.send((False, error))
            return
        connection.send((True, servant.greeting))
        servant.run(connection)
