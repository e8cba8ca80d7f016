"""The demo: three models on handwritten digits, trained, measured and compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

from nebulatent.apps.assess import Assessment, Evaluated, assess_run
from nebulatent.apps.console import Output, measure_name, rounded
from nebulatent.apps.fitting.fit_run import fit_run
from nebulatent.apps.fitting.train import Source, start_run
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.model_config import Method
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.reports.portrait import NAMES, portray
from nebulatent.apps.reports.report import write_report
from nebulatent.apps.reports.report_run import command_line
from nebulatent.apps.reports.report_table import Baseline
from nebulatent.apps.runs.runs import REPORT, Run, discard_empty_run, load_run
from nebulatent.data.digits import load_digits
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table
from nebulatent.evaluation.measures import Measure, to_json

DATA = "digits"
METHODS: tuple[Method, ...] = ("vae", "nvc", "nvc-ml")
SHOWN = (
    "reconstruction",
    "ELBO",
    "ACC",
    "NMI",
    "ARI",
    "k-means ACC",
    "k-means NMI",
    "k-means ARI",
    "k-NN",
    "anchors in use",
    "seconds",
)
Results = Mapping[str, Sequence[Sequence[Measure]]]


class Settings(NamedTuple):
    """What the demo trains: where, for how long, how often, over what."""

    out: Path
    epochs: int
    seeds: int
    overwrite: bool


def run_demo(demo: Settings, output: Output) -> None:
    """Train, measure, report."""
    train, test = load_digits("train"), load_digits("test")
    for line in train.found:
        output.say(f"  {line}")
    first: list[tuple[Run, list[Measure]]] = []
    results: dict[str, list[list[Measure]]] = {}
    for seed in range(demo.seeds):
        for method in METHODS:
            run = _train(demo, train, method, seed, output)
            last = method == METHODS[-1]
            measured = assess_run(run, Evaluated(test, train), baselines=last)
            rows = timed(run, measured)
            results.setdefault(NAMES[method], []).append(rows)
            for name, baseline in measured.baselines.items():
                results.setdefault(name, []).append(baseline)
            if seed == 0:
                first.append((run, rows))
    columns = summarise(results)
    report = write_report(
        demo.out / REPORT,
        title="Handwritten digits, organised without labels",
        runs=[portray(run, test, rows) for run, rows in first],
        baselines=_report_columns(columns, demo.seeds),
        command=command_line(),
    )
    _print(output, test, results, columns, demo.seeds)
    output.say(f"report: {report}")
    output.result({"report": str(report), "seeds": _json(results)})


def _train(demo: Settings, table: Table, method: Method, seed: int, output: Output) -> Run:
    scaling = fit_scaling(table)
    chosen = plan(table, scaling, Choices(method=method, epochs=demo.epochs, seed=seed))
    path = demo.out / f"{method}-seed{seed}"
    new_folder = not path.exists()
    start_run(path, table, Source(path=DATA), scaling, chosen, overwrite=demo.overwrite)
    try:
        fit_run(path, table, output, f"{NAMES[method]}, seed {seed}")
    except BaseException:
        discard_empty_run(path, folder=new_folder)
        raise
    return load_run(path)


def timed(run: Run, measured: Assessment) -> list[Measure]:
    """A run's measures and its training time."""
    seconds = run.config.seconds
    how = "Training time on this machine, without evaluation and report."
    return [*measured.own, Measure("seconds", seconds, "neither", "s", how, False)]


def summarise(results: Results) -> dict[str, dict[str, str]]:
    """Mean and sample standard deviation over the seeds, as text, by column and measure."""
    columns: dict[str, dict[str, str]] = {}
    for column, seeds in results.items():
        names = [measure.name for measure in seeds[0]]
        values = {
            name: [m.value for rows in seeds for m in rows if m.name == name] for name in names
        }
        columns[column] = {name: spread(value) for name, value in values.items()}
    return columns


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation; the mean alone if it is one value.

    Examples:
        >>> spread([1.0, 2.0, 3.0])
        '2 ± 1'
    """
    if len(values) < 2:
        return rounded(mean(values))
    return f"{rounded(mean(values))} ± {stdev(values):.2g}"


def _print(
    output: Output, test: Table, results: Results, columns: dict[str, dict[str, str]], seeds: int
) -> None:
    shown = {m.name: measure_name(m) for rows in results.values() for m in rows[0]}
    body = [[shown[name], *(cells.get(name, "–") for cells in columns.values())] for name in SHOWN]
    title = f"{test.num_samples} held-out digits, mean ± standard deviation of {seeds} seeds"
    output.table(title, ["measure", *columns], body)
    output.say("* uses labels, for evaluation only. ACC, NMI, ARI: nearest anchor.")
    output.say("k-means: on the codes, for the last two columns on what their name says.")


def _report_columns(columns: dict[str, dict[str, str]], seeds: int) -> list[Baseline]:
    names = {column: f"{column}, {seeds} seeds" for column in columns}
    return [(names[column], cells) for column, cells in columns.items()]


def _json(results: Results) -> dict[str, list[dict[str, dict[str, object]]]]:
    return {column: [to_json(rows) for rows in seeds] for column, seeds in results.items()}
