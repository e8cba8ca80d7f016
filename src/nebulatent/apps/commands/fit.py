"""`nebulatent fit`: from a file to a trained run with a report."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from nebulatent.apps.planning.choices import Care, Choices, Machine, Watching, engine_config
from nebulatent.apps.planning.completion_plan import COMPLETING
from nebulatent.apps.planning.engine import EngineConfig, rank, world_size
from nebulatent.apps.planning.model_config import Poses
from nebulatent.apps.planning.options import BY_RULE, Folder, OtherData, Split, Whole
from nebulatent.apps.planning.view_plan import HOSTS

if TYPE_CHECKING:
    from nebulatent.apps.console import Output
    from nebulatent.apps.runs.runs import Run
    from nebulatent.data.table import Table

_GROUPS = ("choices", "care", "machine", "watching")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Train a model on your data and write a report.

    Example: nebulatent fit digits --out runs/digits --num-anchors 10
    """

    data: Positional[OtherData] = None
    """An .npy, .npz, .mat or .csv file, a folder of images, of meshes, of .binvox or .mat grids or
    of MNIST's IDX files, `digits` or `builtin:shapes`; of rec-ae and rec-gan pairs of grids: a
    folder that `nebulatent prepare --scans` made, 3D-RecGAN's, or `builtin:scans`."""
    out: Folder = None
    """Folder of the run; must be new."""
    resume: Folder = None
    """Go on with a run that was stopped, in place of DATA and --out."""
    split: Split = "train"
    """Part to train on, where the data have official parts."""
    image_size: Annotated[Whole, arg(help_behavior_hint=BY_RULE)] = None
    """Height and width to which a folder's images, or pictures of shapes, are brought."""
    num_points: Annotated[Whole, arg(help_behavior_hint=BY_RULE)] = None
    """Points drawn from each file of a mesh or cloud."""
    views: Annotated[Whole, arg(help_behavior_hint=BY_RULE)] = None
    """Pictures of each shape that are read, the first by name (switch-vae, image-vae)."""
    voxels: Annotated[Whole, arg(help_behavior_hint=BY_RULE)] = None
    """Cells along each side to which occupancy grids are brought."""
    poses: Poses = "as-stored"
    """Poses in which the model is given clouds, these and all later ones: as they are in the file,
    or each in the frame of its principal axes."""
    overwrite: bool = False
    """Replace an existing run at --out."""
    json: bool = False
    """Print one JSON object instead of text."""
    choices: Annotated[Choices, arg(name="model")] = dataclasses.field(default_factory=Choices)
    care: Annotated[Care, arg(name="care")] = dataclasses.field(default_factory=Care)
    machine: Annotated[Machine, arg(name="engine")] = dataclasses.field(default_factory=Machine)
    watching: Annotated[Watching, arg(name="watching")] = dataclasses.field(
        default_factory=Watching
    )

    def run(self) -> None:
        """Train, evaluate, report."""
        from nebulatent.apps.console import Output
        from nebulatent.apps.fitting.fit_run import fit_run
        from nebulatent.apps.runs.runs import discard_empty_run

        output = Output(as_json=self.json, silent=rank() > 0)
        new_folder = self.out is not None and not self.out.exists()
        path, table = self._resumed(output) if self.resume else self._started(output)
        try:
            run = fit_run(path, table, output)
        except BaseException:
            if not self.resume and rank() == 0:
                discard_empty_run(path, folder=new_folder)
            raise
        if run is None:
            return
        try:
            _report(run, output)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "stopped; training is complete. "
                f"Write the report with: nebulatent report {shlex.quote(str(path))}"
            ) from None

    def _started(self, output: "Output") -> "tuple[Path, Table]":
        from nebulatent.apps.fitting.fit_run import read_source
        from nebulatent.apps.fitting.train import Source, start_run
        from nebulatent.apps.planning.plan import plan
        from nebulatent.data.scaling import fit_scaling

        if self.data is None or self.out is None:
            raise ValueError("`fit` must be given DATA and --out RUN, or --resume RUN.")
        engine = self._engine()
        source = Source(
            path=self.data,
            split=self.split,
            image_size=self.image_size,
            num_points=self.num_points,
            voxels=self.voxels,
            poses=self.poses,
            views=self._views(),
            pairs=self.choices.network in COMPLETING,
        )
        table = read_source(source)
        scaling = fit_scaling(table)
        chosen = plan(table, scaling, self.choices, self.care)
        if chosen.consistency is not None:
            engine = _with_clusters(engine)
        if rank() == 0:
            start_run(
                self.out, table, source, scaling, chosen, engine=engine, overwrite=self.overwrite
            )
        if world_size() > 1:
            engine.fabric().barrier()  # the others wait for the folder
        for line in (*table.found, *chosen.reasons):
            output.say(f"  {line}")
        return self.out, table

    def _views(self) -> int | None:
        """Pictures to read beside grids: none for a network that has no use for them."""
        if self.choices.network in HOSTS:
            return self.views
        if self.views is not None:
            raise ValueError(
                f"`--views` must go with {' or '.join(HOSTS)}, got {self.views} and "
                f"{self.choices.network}."
            )
        return 0

    def _engine(self) -> EngineConfig:
        engine = engine_config(self.care, self.machine, self.watching)
        if "tensorboard" in engine.log:
            from nebulatent.apps.fitting.tensorboard import require_tensorboard

            require_tensorboard()
        return dataclasses.replace(engine, devices=max(engine.devices, world_size()))

    def _changed(self) -> list[str]:
        """Options of a new run that were set, by their names on the command line."""
        usual = Fit()
        groups = [
            (self, usual),
            *((getattr(self, name), getattr(usual, name)) for name in _GROUPS),
        ]
        return [
            f"--{field.name.replace('_', '-')}"
            for group, default in groups
            for field in dataclasses.fields(group)
            if field.name not in (*_GROUPS, "resume", "json")
            and getattr(group, field.name) != getattr(default, field.name)
        ]

    def _resumed(self, output: "Output") -> "tuple[Path, Table]":
        from nebulatent.apps.fitting.fit_run import read_again
        from nebulatent.apps.runs.runs import WEIGHTS, load_config

        path = self.resume
        if path is None or self.data is not None or self.out is not None:
            raise ValueError("`--resume` must stand alone, got DATA or --out beside it.")
        if changed := self._changed():
            raise ValueError(
                f"`--resume` must go on as `{path}` began, got {', '.join(changed)} beside it; "
                "leave out what belongs to a new run."
            )
        config = load_config(path)
        if (path / WEIGHTS).is_file():
            raise ValueError(
                f"`--resume` must name an unfinished run, got `{path}`, which is complete."
            )
        if world_size() not in (1, config.engine.devices):
            raise ValueError(
                f"`--resume` must go on with as many processes as `{path}` began with "
                f"({config.engine.devices}), got {world_size()}."
            )
        output.say(f"going on with {path}")
        return path, read_again(path)


def _with_clusters(engine: EngineConfig) -> EngineConfig:
    """The engine of a run that has clustering stages too."""
    from nebulatent.apps.planning.consistency_plan import cluster_precision

    if engine.devices > 1:
        raise ValueError(
            f"`--devices` must be 1 with nvc-consistency, got {engine.devices}: its members merge "
            "in one process."
        )
    return dataclasses.replace(engine, cluster_precision=cluster_precision())


def _report(run: "Run", output: "Output") -> None:
    from nebulatent.apps.assess import assess_run, evaluation_data
    from nebulatent.apps.both_forms import both_forms, say_measures
    from nebulatent.apps.reports.report_run import report_run

    shown = evaluation_data(run)
    measures = both_forms(run, shown, lambda one: assess_run(one, shown))
    report = report_run(run, shown.table, measures)
    say_measures(output, str(run.path), measures)
    output.say(f"report: {report}")
    output.result({"run": str(run.path), "report": str(report), **measures.to_json()})
