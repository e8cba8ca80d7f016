"""Runs on the Hugging Face Hub: what goes up is a run again, without what tells of its maker.

| file | what |
|---|---|
| config.json | as in the run, but without the folder of the data |
| weights.safetensors | as in the run |
| metrics.jsonl | as in the run |
| README.md | the card that the Hub shows |
| report.html | only if asked for: it shows samples of the data |

What comes down is JSON and safetensors; nothing is unpickled.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Protocol

from nebulatent.apps.planning.build import Trained
from nebulatent.apps.runs.load import load
from nebulatent.apps.runs.runs import (
    CONFIG,
    METRICS,
    REPORT,
    WEIGHTS,
    Run,
    load_history,
    load_run,
    write_text,
)

README = "README.md"
FILES = [CONFIG, WEIGHTS, METRICS]


class Hub(Protocol):
    """What is needed of `huggingface_hub.HfApi`."""

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> str:
        """Make a repository; returns its address."""
        ...

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> object:
        """Put the files of a folder into a repository."""
        ...

    def snapshot_download(
        self, repo_id: str, *, revision: str | None, allow_patterns: list[str]
    ) -> str:
        """Fetch files of a repository; returns the folder they are in."""
        ...


def from_pretrained(
    name_or_folder: str | Path, revision: str | None = None, *, hub: Hub | None = None
) -> Trained:
    """The trained method of a run in a folder or on the Hugging Face Hub, in eval mode.

    Arguments:
        name_or_folder: A folder, or a name like "someone/digits".
        revision: Branch, tag or commit on the hub.
        hub: In the place of `huggingface_hub.HfApi()`.

    Raises:
        ConnectionError: If the hub does not give the run.
        FileNotFoundError: If there is no run.
        ImportError: If it is not a folder and huggingface_hub is missing.
        ValueError: If a file is damaged, or a revision is asked of a folder.
    """
    if Path(name_or_folder).is_dir():
        if revision is not None:
            raise ValueError(f"`revision` must be left out for a folder, got {revision!r}.")
        return load(name_or_folder)
    name = str(name_or_folder)
    if not _is_name(name):
        raise FileNotFoundError(
            f"`name_or_folder` must be a run's folder or a name on the Hugging Face Hub like "
            f"someone/digits, got `{name}`, where there is no folder."
        )
    hub = _hub() if hub is None else hub
    with _one_sentence(name):
        folder = hub.snapshot_download(name, revision=revision, allow_patterns=FILES)
    return load(folder)


def push_to_hub(
    run: str | Path,
    repo_id: str,
    *,
    private: bool = True,
    report: bool = False,
    hub: Hub | None = None,
) -> str:
    """Upload a run; a card that is there already is replaced, other files stay.

    Arguments:
        run: A complete run.
        repo_id: Where to, like "someone/digits"; made if it is not there.
        private: Whether a repository that is made is hidden from others.
        report: Whether to add report.html, which shows samples of the data.
        hub: In the place of `huggingface_hub.HfApi()`.

    Returns:
        The address of the repository.

    Raises:
        ConnectionError: If the hub does not take it.
        FileNotFoundError: If there is no run, it is not complete, or it has no report.
        ImportError: If huggingface_hub is missing.
        ValueError: If a file is damaged or the name is not one of the hub.
    """
    if not _is_name(repo_id) or "/" not in repo_id:
        raise ValueError(f"`repo_id` must be a name like someone/digits, got {repo_id!r}.")
    hub = _hub() if hub is None else hub
    with tempfile.TemporaryDirectory(prefix="nebulatent-") as place:
        folder = Path(place)
        publish(run, folder, repo_id, report=report)
        with _one_sentence(repo_id):
            address = hub.create_repo(repo_id, private=private, exist_ok=True)
            message = "Upload a run with nebulatent"
            hub.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message)
    return str(address)


def publish(run: str | Path, folder: Path, name: str, *, report: bool = False) -> None:
    """Write what `push_to_hub` uploads into a folder that exists, to look at it first.

    Arguments:
        run: A complete run.
        folder: Where to.
        name: What its card calls it, like "someone/digits".
        report: Whether to add report.html.
    """
    source = load_run(Path(run))
    history = load_history(source.path)
    if report and not (source.path / REPORT).is_file():
        raise FileNotFoundError(
            f"`report` must go with a run that has one, got `{source.path}` without {REPORT}; "
            f"write it with `nebulatent report {source.path}`."
        )
    for file in [WEIGHTS, METRICS, *([REPORT] if report else [])]:
        shutil.copyfile(source.path / file, folder / file)
    write_text(folder / CONFIG, _public_config(source))
    write_text(folder / README, _readme(source, name, history[-1]))


def _public_config(run: Run) -> str:
    """The config without folders and sentences that name them; versions stay as they were."""
    data = replace(run.config.data, path=_name(run.config.data.path) or "data", found=())
    weights = run.config.view_weights
    saved = json.loads((run.path / CONFIG).read_text(encoding="utf-8"))
    public = replace(run.config, data=data, view_weights=weights and _name(weights)).to_json()
    return json.dumps(public | {"versions": saved.get("versions", {})}, indent=2) + "\n"


def _name(path: str) -> str:
    """Last part of a path, whichever slashes it has."""
    return PureWindowsPath(path).name


def _readme(run: Run, name: str, last: dict[str, float]) -> str:
    model = run.config.model
    about = f"{model.method} on {model.host}" if model.has_anchors else model.method
    anchors = f", {model.num_anchors} anchors" if model.has_anchors else ""
    labels = "were read in training" if model.uses_labels else "were not read in training"
    rows = "\n".join(f"| {key} | {value:.6g} |" for key, value in last.items())
    return f"""---
library_name: nebulatent
pipeline_tag: feature-extraction
tags:
- nebulatent
- representation-learning
- {model.method}
---

# {name}

An encoder-decoder trained by [nebulatent](https://pypi.org/project/nebulatent/): {about},
{model.latent_dim} latent components{anchors}, {model.encoder} networks for samples of shape
{" × ".join(map(str, model.shape))}. Labels {labels}.

```python
from nebulatent import from_pretrained

method = from_pretrained("{name}")
```

The method sees scaled data; the scaling is in `config.json` (bytes of pictures of shapes are
divided by 255). The files are JSON and safetensors.

Terms of the loss after the last epoch, on the training data:

| term | value |
|---|---|
{rows}
"""


def _is_name(text: str) -> bool:
    """Whether the text may be a repository: one or two words, and no path of this machine."""
    return re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", text, re.ASCII) is not None


def _hub() -> Hub:
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise ImportError(
            "The Hugging Face Hub must have huggingface_hub, which is not installed; "
            "run `pip install 'nebulatent[hub]'`."
        ) from error
    return HfApi(library_name="nebulatent")


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """The hub's and the network's errors, of many classes, as one sentence."""
    try:
        from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]
    except ImportError:
        HTTPError = OSError  # the hub was given, and has errors of its own
    try:
        yield
    except (OSError, ValueError, HTTPError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise ConnectionError(
            f"`{name}` must be a repository that the Hugging Face Hub lets you use, got: "
            f"{what.rstrip('.')}."
        ) from error
