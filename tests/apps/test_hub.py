"""Sharing without a network: what would go up, and that it comes back as the same method."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from huggingface_hub.errors import HFValidationError

from apps.small_run import LATENT, small_run
from nebulatent.apps.commands.push import Push
from nebulatent.apps.exports.hub import from_pretrained, publish, push_to_hub
from nebulatent.apps.runs.runs import Run, load_config

FILES = ["README.md", "config.json", "metrics.jsonl", "weights.safetensors"]


class FolderHub:
    """A hub that keeps repositories as folders and remembers what it was asked."""

    def __init__(self, place: Path, error: Exception | None = None) -> None:
        self.place, self.error = place, error
        self.asked: list[dict[str, Any]] = []

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> str:
        self._ask(repo_id=repo_id, private=private, exist_ok=exist_ok)
        (self.place / repo_id).mkdir(parents=True, exist_ok=exist_ok)
        return f"https://hub/{repo_id}"

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> object:
        self._ask(repo_id=repo_id, commit_message=commit_message)
        return shutil.copytree(folder_path, self.place / repo_id, dirs_exist_ok=True)

    def snapshot_download(
        self, repo_id: str, *, revision: str | None, allow_patterns: list[str]
    ) -> str:
        self._ask(repo_id=repo_id, revision=revision, allow_patterns=allow_patterns)
        return str(self.place / repo_id)

    def _ask(self, **asked: object) -> None:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with files around it that must not go up."""
    run = small_run(tmp_path, host="cvae")
    (run.path / "checkpoints").mkdir()
    (run.path / "checkpoints/step-00000001.safetensors").write_bytes(b"state")
    (run.path / "checkpoint.safetensors").write_bytes(b"state")
    (run.path / "report.html").write_text(f"shows samples of {tmp_path}")
    return run


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_exactly_the_run_and_its_card_go_up(run: Run, tmp_path: Path) -> None:
    hub = FolderHub(tmp_path / "hub")
    assert push_to_hub(run.path, "me/blobs", hub=hub) == "https://hub/me/blobs"
    assert files(hub.place / "me/blobs") == FILES
    assert [asked["repo_id"] for asked in hub.asked] == ["me/blobs", "me/blobs"]


def test_a_repository_is_private_and_without_report_unless_asked(run: Run, tmp_path: Path) -> None:
    hub = FolderHub(tmp_path / "hub")
    push_to_hub(run.path, "me/hidden", hub=hub)
    push_to_hub(run.path, "me/open", private=False, report=True, hub=hub)
    assert [asked["private"] for asked in hub.asked if "private" in asked] == [True, False]
    assert files(hub.place / "me/open") == sorted([*FILES, "report.html"])


def test_what_went_up_comes_back_as_the_same_method(run: Run, tmp_path: Path) -> None:
    hub = FolderHub(tmp_path / "hub")
    push_to_hub(str(run.path), "me/blobs", hub=hub)
    shutil.rmtree(run.path)
    x, z, label = torch.randn(4, 5), torch.randn(4, LATENT), torch.tensor([0, 1, 2, 0])
    for method in (
        from_pretrained("me/blobs", revision="v1", hub=hub),
        from_pretrained(hub.place / "me/blobs"),
    ):
        assert not method.training
        assert torch.equal(method.encode(x).mean, run.model.encode(x).mean)
        assert torch.equal(method.decode(z, label), run.model.decode(z, label))
    assert hub.asked[-1] == {
        "repo_id": "me/blobs",
        "revision": "v1",
        "allow_patterns": ["config.json", "weights.safetensors", "metrics.jsonl"],
    }


def test_the_place_of_the_data_does_not_go_up(run: Run, tmp_path: Path) -> None:
    assert str(tmp_path) in (run.path / "config.json").read_text()
    folder = tmp_path / "public"
    folder.mkdir()
    publish(run.path, folder, "me/blobs")
    for file in FILES:
        assert str(tmp_path).encode() not in (folder / file).read_bytes()
    public, own = load_config(folder), run.config
    assert public.data.path == "data.npz"
    assert (public.model, public.fit) == (own.model, own.fit)
    assert public.scaling.to_json() == own.scaling.to_json()
    assert public.data.fingerprint == own.data.fingerprint


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("digits", "digits"),
        ("/home/someone/secret/cells.csv", "cells.csv"),
        ("C:\\Users\\someone\\cells.csv", "cells.csv"),
        ("pictures/", "pictures"),
        ("/", "data"),
        (".", "data"),
    ],
)
def test_only_the_last_name_of_a_path_is_public(
    path: str, name: str, run: Run, tmp_path: Path
) -> None:
    saved = json.loads((run.path / "config.json").read_text())
    saved["data"]["path"], saved["versions"]["torch"] = path, "2.6.0"
    saved["view_weights"] = path
    (run.path / "config.json").write_text(json.dumps(saved))
    folder = tmp_path / "public"
    folder.mkdir()
    publish(run.path, folder, "me/blobs")
    public = json.loads((folder / "config.json").read_text())
    assert public["data"]["path"] == name
    assert public["view_weights"] in (name, "")
    assert public["versions"]["torch"] == "2.6.0"  # what made the run, not what uploads it


def test_the_card_begins_with_a_header_that_the_hub_reads(run: Run, tmp_path: Path) -> None:
    push_to_hub(run.path, "me/blobs", hub=FolderHub(tmp_path))
    card = ModelCard.load(tmp_path / "me/blobs/README.md")
    assert card.data.to_dict()["library_name"] == "nebulatent"
    assert "nvc-ml" in card.data.to_dict()["tags"]
    assert 'from_pretrained("me/blobs")' in card.text and "| total | 7.5 |" in card.text
    assert "Labels were read in training" in card.text


def test_a_damaged_run_or_a_missing_report_never_reaches_the_hub(run: Run, tmp_path: Path) -> None:
    hub = FolderHub(tmp_path / "hub")
    (run.path / "report.html").unlink()
    with pytest.raises(FileNotFoundError, match="`report` must go with a run that has one"):
        push_to_hub(run.path, "me/blobs", report=True, hub=hub)
    (run.path / "metrics.jsonl").write_text("{")
    with pytest.raises(ValueError, match="must hold one JSON object of numbers a line"):
        push_to_hub(run.path, "me/blobs", hub=hub)
    assert not hub.asked


@pytest.mark.parametrize("name", ["blobs", "me/", "/me/blobs", "../blobs", "me/blobs/x", "a b/c"])
def test_a_name_that_is_none_of_the_hub_is_refused(name: str, run: Run, tmp_path: Path) -> None:
    hub = FolderHub(tmp_path / "hub")
    with pytest.raises(ValueError, match="`repo_id` must be a name like someone/digits, got"):
        push_to_hub(run.path, name, hub=hub)
    assert not hub.asked


@pytest.mark.parametrize("name", ["./gone", "/gone/run", "runs/deep/gone", "~/gone"])
def test_a_folder_that_is_not_there_is_not_looked_up_on_the_hub(name: str, tmp_path: Path) -> None:
    hub = FolderHub(tmp_path)
    with pytest.raises(FileNotFoundError, match="must be a run's folder or a name on the Hugging"):
        from_pretrained(name, hub=hub)
    assert not hub.asked


def test_a_revision_of_a_folder_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="`revision` must be left out for a folder, got 'v1'"):
        from_pretrained(run.path, revision="v1")


@pytest.mark.parametrize("error", [OSError("401 Client\nError."), HFValidationError("bad name")])
def test_errors_of_the_hub_are_one_sentence(error: Exception, run: Run, tmp_path: Path) -> None:
    hub = FolderHub(tmp_path / "hub", error)
    sentence = r"^`me/x` must be a repository that the Hugging Face Hub lets you use, got: .*\w\.$"
    with pytest.raises(ConnectionError, match=sentence):
        push_to_hub(run.path, "me/x", hub=hub)
    with pytest.raises(ConnectionError, match=sentence):
        from_pretrained("me/x", hub=hub)


def test_the_real_hub_is_asked_as_the_stub_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same calls through the command, with a class in the place of the real one."""
    monkeypatch.setattr("huggingface_hub.HfApi", lambda library_name: FolderHub(tmp_path / "hub"))
    Push(path=run.path, name="me/blobs", json=True).run()
    assert json.loads(capsys.readouterr().out) == {"address": "https://hub/me/blobs"}
    assert files(tmp_path / "hub/me/blobs") == FILES


def test_a_missing_package_is_a_sentence_with_the_remedy(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"run `pip install 'nebulatent\[hub\]'`\.$"):
        push_to_hub(run.path, "me/blobs")
    assert from_pretrained(run.path) is not None
