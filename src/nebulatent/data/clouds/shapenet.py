"""ShapeNet: folders named by synsets of WordNet, each with a file or a folder for every shape.

=================================================== ============================================
set                                                 file of a shape
=================================================== ============================================
ShapeNet-57k (`shape_net_core_uniform_samples_...`) `<synset>/<id>.ply`, a cloud of 2048 points
ShapeNetCore v1                                     `<synset>/<id>/model.obj`
ShapeNetCore v2                                     `<synset>/<id>/models/model_normalized.obj`
=================================================== ============================================

They are folders of meshes and clouds like any other (:mod:`.folder`), without an official split;
only the names of their 57 categories are here, of which v2 has 55. A synset that is none of them
keeps its number.

Source: Chang et al., ShapeNet, arXiv 1512.03012; Achlioptas et al., ICML 2018, for ShapeNet-57k,
which has 57 448 shapes in ParAE, section 4.2.
"""

from collections.abc import Sequence

from nebulatent.data.r2n2 import SYNSETS

CATEGORIES = SYNSETS | {
    "02747177": "ashcan",
    "02773838": "bag",
    "02801938": "basket",
    "02808440": "bathtub",
    "02818832": "bed",
    "02834778": "bicycle",
    "02843684": "birdhouse",
    "02858304": "boat",
    "02871439": "bookshelf",
    "02876657": "bottle",
    "02880940": "bowl",
    "02924116": "bus",
    "02942699": "camera",
    "02946921": "can",
    "02954340": "cap",
    "02992529": "cellphone",
    "03046257": "clock",
    "03085013": "keyboard",
    "03207941": "dishwasher",
    "03261776": "earphone",
    "03325088": "faucet",
    "03337140": "file cabinet",
    "03467517": "guitar",
    "03513137": "helmet",
    "03593526": "jar",
    "03624134": "knife",
    "03642806": "laptop",
    "03710193": "mailbox",
    "03759954": "microphone",
    "03761084": "microwave",
    "03790512": "motorbike",
    "03797390": "mug",
    "03928116": "piano",
    "03938244": "pillow",
    "03948459": "pistol",
    "03991062": "flowerpot",
    "04004475": "printer",
    "04074963": "remote",
    "04099429": "rocket",
    "04225987": "skateboard",
    "04330267": "stove",
    "04460130": "tower",
    "04468005": "train",
    "04554684": "washer",
}


def category_names(folders: Sequence[str]) -> list[str]:
    """The categories of folders that are all named by synsets of ShapeNet; else as they are.

    Examples:
        >>> category_names(["02691156", "03797390"]), category_names(["02691156", "mug"])
        (['airplane', 'mug'], ['02691156', 'mug'])
    """
    if any(not is_synset(name) for name in folders):
        return list(folders)
    return [CATEGORIES.get(name, name) for name in folders]


def is_synset(name: str) -> bool:
    """Whether a name is the number of a synset of WordNet 3.0."""
    return len(name) == 8 and name.isascii() and name.isdecimal()
