"""Train what a recipe needs and is not in the folder yet, several at a time.

Each training has one thread group of its own: two small networks side by side use two cores better
than one network that shares them.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch

from nebulatent.apps.errors import is_expected
from nebulatent.apps.recipes.machine import machine
from nebulatent.apps.recipes.recipe import Budget, Finished, Given, Preset, Recipe, Trainings
from nebulatent.apps.recipes.recipe_data import Cuttable
from nebulatent.apps.recipes.store import Job, load, save

Say = Callable[[str], None]


class Source(NamedTuple):
    """Where the data of a recipe come from.

    Arguments:
        load: The recipe's.
        path: What was asked for.
        preset: With which budget.
    """

    load: Callable[[str, Preset], Cuttable]
    path: str
    preset: Preset


class Wanted(NamedTuple):
    """What was asked for.

    Arguments:
        out: Folder of all results.
        data: Path of the data, or the word "digits".
        preset: Name of the budget.
        budget: The budget itself.
        seeds: One training of every row each.
        jobs: Trainings at a time.
    """

    out: Path
    data: str
    preset: Preset
    budget: Budget
    seeds: tuple[int, ...]
    jobs: int


def run_recipe(recipe: Recipe, wanted: Wanted, say: Say) -> Trainings:
    """Train every row with every seed, or read what is there.

    Raises:
        ValueError: If a kept result is damaged.
        FloatingPointError: If a training diverged.
        KeyboardInterrupt: If the user stopped; complete trainings are kept.
    """
    source = Source(recipe.load, wanted.data, wanted.preset)
    fingerprint = _data(source).fingerprint
    rows = recipe.rows_of(wanted.preset)
    jobs = {
        (row.name, seed): Job(
            experiment=row.experiment,
            budget=wanted.budget,
            fingerprint=fingerprint,
            seed=seed,
            draws=seed == wanted.seeds[0],
        )
        for seed in wanted.seeds
        for row in rows
    }
    missing = [job for job in _distinct(jobs.values()) if load(job, wanted.out) is None]
    say(
        f"{len(jobs)} trainings ({len(rows)} rows, {len(wanted.seeds)} seeds), "
        f"{len(missing)} of them to be run: {wanted.budget}"
    )
    _train_all(missing, source, wanted, say)
    return {
        row.name: [_kept(jobs[row.name, seed], wanted.out) for seed in wanted.seeds] for row in rows
    }


def _distinct(jobs: Iterable[Job]) -> list[Job]:
    """Jobs with one file each; two rows may share an experiment."""
    return list({(job.key, job.seed): job for job in jobs}.values())


def _kept(job: Job, out: Path) -> Finished:
    finished = load(job, out)
    if finished is None:
        raise FileNotFoundError(f"`{job.path(out)}` must be there after its training; run again.")
    return finished


def _train_all(jobs: Sequence[Job], source: Source, wanted: Wanted, say: Say) -> None:
    started = time.perf_counter()
    run = _in_turn if wanted.jobs == 1 else _side_by_side
    finished = run(jobs, source, wanted)
    for number, (job, seconds) in enumerate(finished, start=1):
        spent = time.perf_counter() - started
        left = spent / number * (len(jobs) - number)
        say(
            f"  {number}/{len(jobs)} {job.experiment.name}, seed {job.seed}: {seconds:.0f} s, "
            f"about {left / 60:.0f} min left"
        )


def _in_turn(jobs: Sequence[Job], source: Source, wanted: Wanted) -> Iterator[tuple[Job, float]]:
    for job in jobs:
        yield job, train_job(job, wanted.out, source)


def _side_by_side(
    jobs: Sequence[Job], source: Source, wanted: Wanted
) -> Iterator[tuple[Job, float]]:
    """Processes that import the package anew: threads of PyTorch do not survive a fork."""
    threads = max(1, (os.cpu_count() or 1) // wanted.jobs)
    with ProcessPoolExecutor(
        min(wanted.jobs, max(len(jobs), 1)),
        mp_context=get_context("spawn"),
        initializer=torch.set_num_threads,
        initargs=(threads,),
    ) as pool:
        running: dict[Future[float], Job] = {
            pool.submit(train_job, job, wanted.out, source): job for job in jobs
        }
        try:
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def train_job(job: Job, out: Path, source: Source) -> float:
    """Run one experiment and keep its result.

    Returns:
        Seconds that it took.

    Raises:
        ValueError: If the experiment refuses its setting; the message names it.
        FloatingPointError: If it diverged; the message names it.
    """
    started = time.perf_counter()
    few = _data(source).cut(job.budget.samples, job.budget.test_samples)
    setting = Given(few, job.budget, job.seed, job.draws)
    try:
        outcome = job.experiment(setting)
    except (ValueError, FloatingPointError) as error:
        assert is_expected(error)
        raise type(error)(f"{job.experiment.name}, seed {job.seed}: {error}") from error
    seconds = time.perf_counter() - started
    save(job, out, Finished(job.seed, outcome.measures, outcome.arrays, seconds, machine()))
    return seconds


@cache
def _data(source: Source) -> Cuttable:
    """The data, read once by each process."""
    return source.load(source.path, source.preset)
