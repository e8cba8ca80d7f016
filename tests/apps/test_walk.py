"""Walks and arithmetic on the command line: the codes, what is decoded of them, the pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from apps.latent_runs import cloud_run
from apps.small_run import ANCHORS, IMAGES, LATENT, small_run
from nebulatent.apps.cli import main
from nebulatent.apps.runs.runs import Run, decoding, save_run
from nebulatent.latents.aggregate import Aggregate

CVAE = {"host": "cvae", "method": "cvae"}
SPREAD = 3.0  # of the second component's codes


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return small_run(tmp_path_factory.mktemp("vectors"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = small_run(tmp_path_factory.mktemp("images"), **IMAGES)
    with torch.no_grad():
        for weight in run.model.parameters():
            weight.mul_(3)  # else all that is decoded is the same grey, to 8 bits
    save_run(run)
    return run


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return cloud_run(tmp_path_factory.mktemp("clouds"), "vae")


def walked(run: Run, options: str, place: Path) -> dict[str, np.ndarray]:
    """What `walk` or `combine` wrote as numbers."""
    command, _, rest = options.partition(" ")
    assert main([command, str(run.path), *rest.split(), "--out", str(place / "w.npz")]) == 0
    with np.load(place / "w.npz") as file:
        return dict(file)


def data(run: Run) -> np.ndarray:
    return np.load(run.path.parent / "data.npz")["x"]


def codes(run: Run, *rows: int) -> np.ndarray:
    """Posterior means of rows of the data."""
    x = torch.from_numpy(data(run)[list(rows)])
    with torch.no_grad():
        return run.model.encode(run.config.scaling.apply(x)).mean.numpy()


def test_a_walk_goes_from_code_to_code_and_is_decoded(vectors: Run, tmp_path: Path) -> None:
    found = walked(vectors, "walk --from 0 1 --to 2 7 --steps 5", tmp_path)
    ends = codes(vectors, 0, 1), codes(vectors, 2, 7)
    np.testing.assert_allclose(found["z"][:, 0], ends[0], atol=1e-6)
    np.testing.assert_allclose(found["z"][:, -1], ends[1], atol=1e-6)
    np.testing.assert_allclose(found["z"][:, 1], 0.75 * ends[0] + 0.25 * ends[1], atol=1e-6)
    with torch.no_grad():
        flat = decoding(vectors).decode(torch.from_numpy(found["z"]).flatten(0, 1))
    expected = vectors.config.scaling.invert(flat).numpy().reshape(2, 5, 5)
    np.testing.assert_allclose(found["x"], expected, rtol=1e-6)
    assert found["rows"].tolist() == ["0 → 2", "1 → 7"]
    assert found["columns"].tolist() == ["0", "0.25", "0.5", "0.75", "1"]


def test_an_arc_has_the_same_ends_and_another_middle(vectors: Run, tmp_path: Path) -> None:
    line, arc = (
        walked(vectors, f"walk --from 0 --to 2 --steps 3{option}", tmp_path)["z"][0]
        for option in ("", " --spherical")
    )
    assert np.array_equal(line[[0, 2]], arc[[0, 2]])
    length = np.linalg.norm(line, axis=1)
    assert np.linalg.norm(arc[1]) == pytest.approx((length[0] + length[2]) / 2, rel=1e-5)
    assert np.linalg.norm(line[1]) < 0.999 * np.linalg.norm(arc[1])


def test_the_centre_of_an_arc_is_that_of_the_codes_where_there_is_no_prior(tmp_path: Path) -> None:
    run = small_run(tmp_path, host="ae", method="ae")
    mean = torch.tensor([5.0, -3.0, 2.0])
    save_run(run._replace(aggregate=run.aggregate._replace(mean=mean.expand(1, -1))))
    arc = walked(run, "walk --from 0 --to 2 --steps 3 --spherical", tmp_path)["z"][0]
    length = np.linalg.norm(arc - mean.numpy(), axis=1)
    assert length[1] == pytest.approx((length[0] + length[2]) / 2, rel=1e-5)


def test_components_are_walked_over_the_spread_of_their_codes(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    factor = torch.eye(LATENT).repeat(1 + ANCHORS, 1, 1)
    factor[0, 1] = torch.tensor([SPREAD * 0.6, SPREAD * 0.8, 0.0])  # its length is the deviation
    mean = torch.tensor([0.5, 1.0, -1.0]).repeat(1 + ANCHORS, 1)
    save_run(run._replace(aggregate=Aggregate(mean, factor, run.aggregate.size)))
    options = "walk --dimension 1 2 --reach 2 --steps 3"
    found = walked(run, options, tmp_path)
    expected = [[[0.5, 1 + k * SPREAD, -1] for k in (-2, 0, 2)]]
    expected += [[[0.5, 1, -1 + k] for k in (-2, 0, 2)]]
    np.testing.assert_allclose(found["z"], expected, atol=1e-6)
    assert found["columns"].tolist() == ["−2", "0", "+2"]
    started = walked(run, f"{options} --from 4", tmp_path)["z"]
    np.testing.assert_allclose(started[0, :, [0, 2]], codes(run, 4)[0, [0, 2], None].repeat(3, 1))
    np.testing.assert_allclose(started[0, :, 1], found["z"][0, :, 1])


def test_arithmetic_adds_the_difference_of_means(vectors: Run, tmp_path: Path) -> None:
    options = "combine --from 0 3 --plus 4 5 6 --minus 7 --strength 2 --steps 3"
    found = walked(vectors, options, tmp_path)
    step = codes(vectors, 4, 5, 6).mean(0) - codes(vectors, 7)[0]
    start = codes(vectors, 0, 3)
    expected = np.stack([start, start + step, start + 2 * step], axis=1)
    np.testing.assert_allclose(found["z"], expected, rtol=1e-5, atol=1e-6)
    assert found["rows"].tolist() == ["0", "3"]
    assert found["columns"].tolist() == ["0", "1", "2"]


def test_samples_come_from_files_and_from_other_data(vectors: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", x=data(vectors)[3:4])
    options = f"walk --from {tmp_path}/one.npz {tmp_path}/one.npz:0 --to 5 5"
    found = walked(vectors, options, tmp_path)
    assert np.array_equal(found["z"][0], found["z"][1])
    np.testing.assert_allclose(found["z"][0, 0], codes(vectors, 3)[0], atol=1e-6)


def test_images_go_out_as_they_came_in(images: Run, tmp_path: Path) -> None:
    found = walked(images, "walk --from 0 --to 2 --steps 4", tmp_path)
    assert found["x"].shape == (1, 4, 6, 5, 1)
    assert 0 <= found["x"].min() and found["x"].max() <= 255 and found["x"].max() > 1


@pytest.mark.parametrize("kind", ["images", "clouds"])
@pytest.mark.parametrize(
    "options",
    [
        "walk --from 0 1 --to 2 3",
        "walk --dimension 0 1 --from 5",
        "combine --from 0 --plus 1 --minus 2",
    ],
)
def test_pictures_show_the_walk(
    kind: str, options: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(kind)
    command, *rest = options.split()
    for name in ("w.png", "w.gif"):
        out = str(tmp_path / name)
        assert main([command, str(run.path), *rest, "--steps", "4", "--out", out]) == 0
    with Image.open(tmp_path / "w.png") as image:
        assert image.format == "PNG" and image.size[0] > 600
        assert np.asarray(image.convert("L")).std() > 10
    with Image.open(tmp_path / "w.gif") as image:
        frames: Any = image
        assert (image.format, frames.n_frames, image.info["loop"]) == ("GIF", 6, 0)
        every = []
        for i in range(6):
            image.seek(i)
            every.append(np.asarray(image.convert("RGB")).astype(int))
    assert np.array_equal(every[1], every[5]) and np.array_equal(every[2], every[4])
    assert not np.array_equal(every[0], every[3])  # forth, and back
    assert np.asarray(every).std() > 10


def test_the_same_command_writes_the_same_bytes(images: Run, tmp_path: Path) -> None:
    for suffix in (".png", ".gif"):
        outs = [tmp_path / f"{name}{suffix}" for name in "ab"]
        for out in outs:
            assert (
                main(["walk", str(images.path), "--from", "0", "--to", "2", "--out", str(out)]) == 0
            )
        assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_conditional_model_is_told_the_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = small_run(tmp_path, **CVAE)
    one, other = (
        walked(run, f"walk --from 0 --to 2 --label {label}", tmp_path) for label in (0, 1)
    )
    assert np.array_equal(one["z"], other["z"])
    assert not np.allclose(one["x"], other["x"])
    line = ["walk", str(run.path), "--from", "0", "--to", "2", "--out", str(tmp_path / "new.npz")]
    assert main(line) == 1
    assert "`--label` must be given for a conditional model" in capsys.readouterr().err
    assert not (tmp_path / "new.npz").exists()


BAD = {
    "walk --out w.npz": "`walk` must be given --to or --dimension, got neither",
    "walk --from 0 --to 1 --dimension 0 --out w.npz": "--to or --dimension, got both",
    "walk --to 1 --out w.npz": "`--from` must be given with --to, got none",
    "walk --from 0 --to 1 2 --out w.npz": "`--to` must name as many samples as --from (1), got 2",
    "walk --from 0 1 --dimension 0 --out w.npz": "`--from` must name one sample with --dimension",
    "walk --dimension 0 --spherical --out w.npz": "`--spherical` must go with --to",
    "walk --dimension 3 --out w.npz": "`--dimension` must lie in 0..2, got 3",
    "walk --dimension -1 --out w.npz": "`--dimension` must lie in 0..2, got -1",
    "walk --dimension 0 --reach 0 --out w.npz": "`--reach` must be positive, got 0.0",
    "walk --dimension 0 --reach nan --out w.npz": "`--reach` must be positive, got nan",
    "walk --dimension 0 --steps 1 --out w.npz": "`--steps` must lie in 2..1000, got 1",
    "walk --dimension 0 --label 1 --out w.npz": "`--label` must go with a conditional model",
    "walk --dimension 0 --out w.png": "`--out` must end in .npz for vectors, got a picture's name",
    "walk --dimension 0 --out w.jpg": "`--out` must end in .png or .gif or .npz, got `w.jpg`",
    "walk --dimension 0 --out no/w.npz": "must lie in a folder that exists, got `no/w.npz`",
    "walk --from 0 --to nobody --out w.npz": "`nobody` must be a file, DATA:ID, or an id of",
    "combine --from 0 --plus 1 --minus nobody --out w.npz": "`nobody` must be a file, DATA:ID, or",
    "combine --from 0 --plus 1 --minus 2 --strength inf --out w.npz": "`--strength` must be a fini",
}


def test_bad_requests_end_in_one_sentence(
    vectors: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for line, sentence in BAD.items():
        command, *rest = line.split()
        assert main([command, str(vectors.path), *rest]) == 1, line
        said = capsys.readouterr().err.splitlines()[-1]
        assert sentence in said and said.endswith("."), line
    assert not list(tmp_path.iterdir())


def test_a_method_that_does_not_decode_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = cloud_run(tmp_path, "parae")
    assert main(["walk", str(run.path), "--dimension", "0", "--out", str(tmp_path / "w.png")]) == 1
    assert "must be of a method that decodes codes, got parae" in capsys.readouterr().err


def test_programs_are_told_what_was_written(
    vectors: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    walked(vectors, "walk --from 0 --to 2 --json", tmp_path)
    out = str(tmp_path / "w.npz")
    assert json.loads(capsys.readouterr().out) == {"walks": ["0 → 2"], "steps": 9, "out": out}
