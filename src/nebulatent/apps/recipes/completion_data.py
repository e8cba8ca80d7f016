"""The pairs that recipes of completion train on, and the size of their networks, by preset.

What `--data` may be is what :mod:`nebulatent.data.completion_pairs` reads. The quick preset has
grids of 16³ (those of a folder are reduced, a cell filled if any of its cells is, as 3D-RecGAN++
does) and networks a quarter as wide, with one level fewer; the full one the paper's 64³.
"""

from typing import NamedTuple, get_args

from nebulatent.apps.recipes.recipe import Preset
from nebulatent.apps.recipes.recipe_data import few
from nebulatent.backbones.volumes import CHANNELS
from nebulatent.data.completion_pairs import SCANS, find_pairs
from nebulatent.data.recgan import Part
from nebulatent.data.voxel_pairs import VoxelPairs


class Sizes(NamedTuple):
    """How large the grids and networks are, and how fast the latter learn.

    Arguments:
        resolution: Cells along each side.
        channels: Of the network's levels.
        code: Numbers of a code.
        lr: The generator's learning rate.
    """

    resolution: int
    channels: tuple[int, ...]
    code: int
    lr: float


SIZES: dict[Preset, Sizes] = {
    "quick": Sizes(16, (16, 32, 64), 128, 2e-3),
    "full": Sizes(64, CHANNELS, 5000, 5e-4),  # those of 3D-RecGAN's code
}


class CompletionData(NamedTuple):
    """Training and test pairs.

    Arguments:
        train: Training pairs; their categories are not read.
        test: Test pairs.
        sizes: Of grids and networks.
    """

    train: VoxelPairs
    test: VoxelPairs
    sizes: Sizes

    @property
    def fingerprint(self) -> str:
        """Tells any two data sets, and two sizes of one, apart."""
        return f"{self.train.fingerprint} {self.test.fingerprint} {self.sizes}"

    def cut(self, samples: int, test_samples: int) -> "CompletionData":
        """At most so many pairs of each part, drawn once: the same for every row and seed."""
        return self._replace(
            train=few(self.train, self.train.num_pairs, samples),
            test=few(self.test, self.test.num_pairs, test_samples),
        )


def default_completion_data() -> str:
    """The built-in pairs."""
    return SCANS


def load_completion_data(path: str, preset: Preset) -> CompletionData:
    """Make or read both parts.

    Raises:
        FileNotFoundError: If the path is not there.
        ValueError: If it is no folder of pairs, or a file is damaged.
    """
    sizes = SIZES[preset]
    train, test = (find_pairs(path, part, sizes.resolution) for part in get_args(Part))
    return CompletionData(train, test, sizes)
