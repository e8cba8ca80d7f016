"""One training in several processes on this machine: started, watched, and stopped together.

`launch` starts `python -m nebulatent.apps.fitting.launch RUN` once per process, with the
environment that torchrun and `fabric run` set too, so that a process does not know who started it.
This process only waits: the first of the others that ends badly ends all of them, with a sentence.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from nebulatent.apps.errors import is_expected, say_warning, sentence
from nebulatent.apps.planning.engine import rank
from nebulatent.apps.runs.runs import has_checkpoint

DONE, SAID, DIED, DIVERGED, STOPPED = 0, 1, 2, 3, 130
PATIENCE = 30.0  # seconds to save and end after being asked to
MOMENT = 0.05


def launch(path: Path, count: int, *, name: str, quiet: bool) -> None:
    """Train the run at `path` in `count` processes, to its end.

    Raises:
        ChildProcessError: If a process ended badly; the message says which, and how to go on.
        FloatingPointError: If a term is no longer finite.
        KeyboardInterrupt: If the user stopped it; the processes have saved the run.
    """
    command = [sys.executable, "-m", "nebulatent.apps.fitting.launch", str(path), name]
    command += ["--quiet"] if quiet else []
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    shared["TORCH_CPP_LOG_LEVEL"] = os.environ.get("TORCH_CPP_LOG_LEVEL", "ERROR")
    processes = [start(command, number, count, shared) for number in range(count)]
    bad = None
    try:
        bad = wait(processes)
        if bad is not None:
            _raise(path, bad, processes)
    except KeyboardInterrupt:
        _ask(processes, signal.SIGINT)
        raise
    finally:
        stop(processes)
        if bad is not None and not quiet:
            print(file=sys.stderr)  # the progress bar of one that died may end inside a line


def start(
    command: Sequence[str], number: int, count: int, shared: dict[str, str]
) -> subprocess.Popen[str]:
    """Start one of `count` processes; Ctrl-C does not reach it, what it prints last is kept."""
    own = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    return subprocess.Popen(
        command,
        env=os.environ | shared | {name: str(value) for name, value in own.items()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def wait(processes: Sequence[subprocess.Popen[str]]) -> int | None:
    """The number of the first process that ends badly, or None if all end well.

    When one is killed, or fails with a sentence, the others fail within moments because they miss
    it; so there is a moment's wait, and then the one with the better reason counts.
    """
    codes = _codes(processes)
    while None in codes and not any(codes):
        time.sleep(MOMENT)
        codes = _codes(processes)
    if any(codes) and not any(code is not None and code < 0 for code in codes):
        time.sleep(10 * MOMENT)
        codes = _codes(processes)
    bad = [number for number, code in enumerate(codes) if code]
    return min(bad, key=lambda number: _rank(codes[number]), default=None)


def _codes(processes: Sequence[subprocess.Popen[str]]) -> list[int | None]:
    return [process.poll() for process in processes]


def _rank(code: int | None) -> int:
    """How likely an exit status is to be the reason of the others: a killed process is first."""
    reasons = (STOPPED, DIVERGED, SAID)
    return reasons.index(code) if code in reasons else -1 if code is not None and code < 0 else 9


def stop(processes: Sequence[subprocess.Popen[str]]) -> None:
    """End all processes: those that do not end when asked are killed."""
    _ask(processes, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    for process in processes:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _ask(processes: Sequence[subprocess.Popen[str]], number: signal.Signals) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)


def _raise(path: Path, bad: int, processes: Sequence[subprocess.Popen[str]]) -> None:
    process = processes[bad]
    code, said = process.returncode, process.stdout.read().strip() if process.stdout else ""
    if code == STOPPED:
        raise KeyboardInterrupt
    if code == DIVERGED:
        raise FloatingPointError(said)
    if code == SAID:
        raise ChildProcessError(said)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"died ({said or code})"
    raise ChildProcessError(
        f"Process {bad} of {len(processes)} (counted from 0) {how}; the others were stopped. "
        f"{how_to_go_on(path)}"
    )


def how_to_go_on(path: Path) -> str:
    """What a person can do with a run that was stopped."""
    if has_checkpoint(path):
        return f"Go on with: nebulatent fit --resume {shlex.quote(str(path))}"
    return "There was no checkpoint yet; nothing is kept."


def _free_port() -> int:
    from lightning_fabric.plugins.environments.lightning import find_free_network_port

    return find_free_network_port()


def main(args: Sequence[str]) -> int:
    """One of the processes; its last words go to standard output, its exit status says of what."""
    words, sys.stdout = sys.stdout, sys.stderr
    threading.Thread(target=_follow_parent, daemon=True).start()
    warnings.showwarning = say_warning
    if rank() > 0:
        warnings.simplefilter("ignore")  # the first process says the same
    try:
        _train(Path(args[0]), args[1], quiet="--quiet" in args[2:])
    except KeyboardInterrupt:
        return STOPPED
    except Exception as error:
        print(sentence(error) or type(error).__name__, file=words, flush=True)
        if isinstance(error, FloatingPointError):
            return DIVERGED
        return SAID if is_expected(error) else DIED
    return DONE


def _train(path: Path, name: str, *, quiet: bool) -> None:
    from nebulatent.apps.console import Output
    from nebulatent.apps.fitting.fit_run import read_again, train_with_progress

    train_with_progress(path, read_again(path), Output(as_json=quiet), name)


def _follow_parent() -> None:
    """Stop, saving the run, when the process that waits for this one is gone."""
    if not os.read(sys.stdin.fileno(), 1):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
