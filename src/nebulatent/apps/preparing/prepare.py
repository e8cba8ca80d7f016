"""Meshes → voxels, pictures and scans: in parallel, and where it was stopped it goes on.

A shape is done when its record is there, which is written last. Run again on the same folder, only
shapes without a record, or whose file has changed since, are made; the folder remembers with which
settings it was made and refuses others.
"""

import contextlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nebulatent.apps.errors import is_expected, sentence
from nebulatent.apps.outputs import whole_file
from nebulatent.apps.preparing.prepare_page import write_gallery
from nebulatent.apps.preparing.prepare_shape import RECORDS, Job, Settings, prepare_shape
from nebulatent.data.clouds.folder import find_shapes
from nebulatent.data.shapes.builtin import NAME as BUILTIN
from nebulatent.data.shapes.builtin import SIZES
from nebulatent.data.shapes.make import draw_shape

SETTINGS, ONE_CLASS = "prepared.json", "shapes"
LARGEST = {"voxels": 512, "views": 360, "size": 4096}


class Prepared(NamedTuple):
    """What was done.

    Arguments:
        made: Shapes made now, each `CLASS/ID`.
        kept: Shapes that were there.
        bad: Sentences about meshes that could not be prepared.
        gallery: The page.
    """

    made: tuple[str, ...]
    kept: tuple[str, ...]
    bad: dict[str, str]
    gallery: Path


def prepare(
    source: str,
    out: Path,
    settings: Settings,
    *,
    workers: int = 0,
    limit: int = 0,
    console: Console | None = None,
) -> Prepared:
    """Prepare meshes.

    Arguments:
        source: A file, a folder, or the word `builtin:shapes`.
        out: Where; a new folder, or one that was prepared with the same settings.
        settings: What to make.
        workers: Processes that work at the same time; 0 works in this one.
        limit: Only the first so many shapes; 0 is all.
        console: Where to draw a progress bar; None draws none.

    Raises:
        FileNotFoundError: If there is no such source.
        ValueError: If settings are impossible or differ from those of the folder, there is no mesh,
            or none could be prepared.
        ChildProcessError: If a worker was killed.
    """
    _check(settings, workers, limit)
    jobs = find_jobs(source)[: limit or None]
    _claim(out, settings, source)
    done = {job for job in jobs if _is_done(job, out)}
    waiting = [job for job in jobs if job not in done]
    kept = [f"{job.label}/{job.name}" for job in jobs if job in done]
    made, bad = [], {}
    for job, error in _watched(_run(waiting, out, settings, workers), waiting, console):
        if error is None:
            made.append(f"{job.label}/{job.name}")
        else:
            bad[str(job.source)] = error
    if not made and not kept:
        _give_up(out)
        first = next(iter(bad.values()))
        raise ValueError(f"`{source}` must hold a mesh that can be prepared, got none: {first}")
    page = write_gallery(out, settings, source, bad, sorted([*made, *kept]))
    return Prepared(tuple(sorted(made)), tuple(kept), bad, page)


def find_jobs(source: str) -> list[Job]:
    """The meshes of a source, and the name of each: its class is the outermost sub-folder.

    Raises:
        FileNotFoundError: If there is no such source.
        ValueError: If there is no mesh, or two would have the same name.
    """
    if source == BUILTIN:
        numbers = range(SIZES["train"][1])
        return [Job(i, draw_shape(i).category, f"{i:05d}") for i in numbers]
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"`{source}` must be a mesh or a folder, got nothing of that name.")
    files = [path] if path.is_file() else find_shapes(path)
    if not files:
        raise ValueError(f"`{source}` must hold meshes, got none.")
    root = path.parent if path.is_file() else path
    jobs: dict[str, Job] = {}
    for file in files:
        parts = file.relative_to(root).with_suffix("").parts
        label = parts[0] if len(parts) > 1 else ONE_CLASS
        job = Job(file, label, "-".join(parts[1:] if len(parts) > 1 else parts))
        key = f"{job.label}/{job.name}".lower()  # some file systems know no case
        if key in jobs:
            raise ValueError(
                f"`{source}` must hold meshes with distinct names, got `{jobs[key].source}` and "
                f"`{file}`, which would be the same; rename one."
            )
        jobs[key] = job
    return list(jobs.values())


def built_in_numbers(folder: Path, names: Sequence[str]) -> list[int]:
    """Numbers of the built-in shapes that prepared shapes were made of.

    Arguments:
        folder: Where they were prepared.
        names: `CLASS/ID` of each.

    Raises:
        ValueError: If one was made of something else, or its record is not there.
    """
    numbers = []
    for name in names:
        path = folder / RECORDS / f"{name}.json"
        stamp = _read_json(path).get("stamp") if path.is_file() else None
        if not isinstance(stamp, list) or len(stamp) != 1 or not isinstance(stamp[0], int):
            raise ValueError(
                f"`{folder}` must hold built-in shapes that were prepared by `nebulatent prepare "
                f"{BUILTIN}`, got `{name}`, which is none."
            )
        numbers.append(stamp[0])
    return numbers


def _check(settings: Settings, workers: int, limit: int) -> None:
    for name, largest in LARGEST.items():
        if not 1 <= (value := getattr(settings, name)) <= largest:
            raise ValueError(f"`--{name}` must lie in 1..{largest}, got {value}.")
    if not 0 <= settings.scans <= settings.views:
        raise ValueError(
            f"`--scans` must lie in 0..{settings.views}, the number of views, got {settings.scans}."
        )
    if not -90 <= settings.elevation <= 90:
        raise ValueError(f"`--elevation` must lie in -90..90, got {settings.elevation}.")
    if workers < 0 or limit < 0:
        raise ValueError(
            f"`--workers` and `--limit` must not be negative, got {workers} and {limit}."
        )


def _claim(out: Path, settings: Settings, source: str) -> None:
    """Make the folder, or refuse one that holds other things."""
    if source != BUILTIN and Path(source).resolve() in (out.resolve(), *out.resolve().parents):
        raise ValueError(f"`--out` must lie outside the folder of meshes `{source}`, got `{out}`.")
    path, wanted = out / SETTINGS, asdict(settings)
    if path.is_file():
        found = _read_json(path)
        differ = [name for name in wanted if found.get(name) != wanted[name]]
        if differ:
            name = differ[0]
            raise ValueError(
                f"`--out` must be a new folder or one made with the same options, got `{out}`, "
                f"made with --{name} {found.get(name)}, not {wanted[name]}."
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"`--out` must be a new or empty folder, got `{out}`.")
    out.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as place:
        place.write_text(json.dumps(wanted, indent=1), encoding="utf-8")


def _give_up(out: Path) -> None:
    """Leave no folder of which nothing could be made."""
    (out / SETTINGS).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a folder that holds something stays
        out.rmdir()


def _is_done(job: Job, out: Path) -> bool:
    path = out / RECORDS / job.label / f"{job.name}.json"
    return path.is_file() and _read_json(path).get("stamp") == job.stamp()


def _read_json(path: Path) -> dict[str, object]:
    """What we wrote there; nothing if it is not what we write."""
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _try(job: Job, out: Path, settings: Settings) -> str | None:
    """Make one shape; the sentence that says why it cannot be."""
    try:
        prepare_shape(job, out, settings)
    except Exception as error:
        if not is_expected(error):
            raise
        said = sentence(error)
        return said if str(job.source) in said else f"`{job.source}`: {said}"
    return None


Outcome = tuple[Job, str | None]


def _run(jobs: Sequence[Job], out: Path, settings: Settings, workers: int) -> Iterator[Outcome]:
    """Outcomes, in the order in which they come."""
    if not workers or len(jobs) < 2:
        yield from ((job, _try(job, out, settings)) for job in jobs)
        return
    # Forked, a worker needs no seconds to import; nothing runs in threads here yet.
    way = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    count = min(workers, len(jobs))
    pool = ProcessPoolExecutor(count, mp_context=way, initializer=_begin_worker)
    try:
        futures = {pool.submit(_try, job, out, settings): job for job in jobs}
        yield from _outcomes(futures)
    finally:
        pool.shutdown(cancel_futures=True)


def _outcomes(futures: Mapping[Future[str | None], Job]) -> Iterator[Outcome]:
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "A worker must not be ended by others, got one that was killed, perhaps for lack of "
            "memory; run the same command again to go on, with fewer --workers."
        ) from error


def _begin_worker() -> None:
    """Leave Ctrl-C to the main process; let a worker finish the shape that it has begun."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _watched(
    outcomes: Iterator[Outcome], jobs: Sequence[Job], console: Console | None
) -> Iterator[Outcome]:
    """The same outcomes, with a bar on the console."""
    if console is None or console.quiet:
        yield from outcomes
        return
    columns = (
        TextColumn("preparing"),
        BarColumn(30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("", total=len(jobs))
        bad = 0
        try:
            for job, error in outcomes:
                bad += error is not None
                text = f"{job.label}/{job.name}" + (f", {bad} bad" if bad else "")
                bar.update(task, advance=1, description=text, refresh=True)
                yield job, error
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped; run the same command again to go on.") from None


def default_workers() -> int:
    """One process per processor; none beside this one if there is a single one."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 0 if (usable or 1) < 2 else int(usable or 1)
