"""Things that fly: airplane, rocket."""

import numpy as np

from nebulatent.data.shapes.category import Category, Values, choice, level, span
from nebulatent.data.shapes.solids import (
    Ring,
    Solid,
    laid,
    lathe,
    mirrored,
    moved,
    strut,
    taper,
    turned,
)

_AIRPLANE = (
    span("length", 0.8, 1.4),
    span("radius", 0.07, 0.15),
    span("nose", 0.05, 0.35),
    span("wing_span", 0.30, 0.80),
    span("wing_root", 0.14, 0.42),
    span("wing_taper", 0.25, 1.0),
    span("sweep", -0.05, 0.45),
    span("dihedral", -0.05, 0.15),
    span("wing_place", -0.2, 0.2),
    span("tail_size", 0.10, 0.30),
    choice("wings", "low", "middle", "high", "biplane"),
    choice("engines", "none", "two under", "four under", "two behind", "nose"),
    choice("tail", "plain", "tee", "vee", "none"),
)


def _airplane(f: Values) -> list[Solid]:
    r, half = f["radius"], f["length"] / 2
    profile = [
        (-half, 0.25 * r),
        (-half + 0.4 * f["nose"], 0.8 * r),
        (-half + f["nose"], r),
        (0.35 * half, r),
        (half, 0.3 * r),
    ]
    solids = laid(lathe("fuselage", profile), 1)
    wings = level(_AIRPLANE, f, "wings")
    heights = {"low": (-0.7,), "middle": (0.0,), "high": (0.8,), "biplane": (-0.9, 1.6)}[wings]
    for z in heights:
        wing = _blade("wing", f["wing_span"], f["wing_root"], f["wing_taper"], f["sweep"])
        solids += _pair(moved([_raised(wing, f["dihedral"])], 0, f["wing_place"], z * r))
    if wings == "biplane":
        x, y = 0.7 * f["wing_span"], f["wing_place"] + 0.7 * f["sweep"] * 0.9
        up = 0.7 * f["dihedral"]
        post = strut("wing", (x, y, -0.9 * r + up), (x, y, 1.6 * r + up), (0.025, 0.05))
        solids += _pair([post])
    return solids + _tail(f, half) + _engines(f, half)


def _blade(part: str, reach: float, root: float, share: float, sweep: float) -> Solid:
    """A wing to the right: its root at x = 0, its sweep to the back."""
    thick = 0.026 + 0.03 * root
    low = Ring(0, 0, root / 2, thick)
    high = Ring(sweep, 0, share * root / 2, max(share, 0.7) * thick)
    return laid([taper(part, (0, reach), low, high)], 0)[0]


def _raised(solid: Solid, up: float) -> Solid:
    """Its far end higher."""
    return Solid(solid.part, solid.low, solid.high + np.array([0.0, 0.0, up]))


def _pair(solids: list[Solid]) -> list[Solid]:
    return [*solids, *mirrored(solids)]


def _tail(f: Values, half: float) -> list[Solid]:
    style, size, r = level(_AIRPLANE, f, "tail"), f["tail_size"], f["radius"]
    y = half - 0.35 * size
    if style == "none":
        return []
    if style == "vee":
        fin = _blade("tail", 0.8 * size, 0.6 * size, 0.6, 0.3 * size)
        return _pair(moved([_raised(fin, 0.8 * size)], 0, y, 0.2 * r))
    low, high = Ring(0, y, 0.026, 0.4 * size), Ring(0, y + 0.35 * size, 0.022, 0.22 * size)
    fin = taper("tail", (0, size), low, high)
    level_one = _blade("tail", size, 0.6 * size, 0.6, 0.3 * size)
    z = 0.9 * size if style == "tee" else 0.15 * r
    return [fin, *_pair(moved([level_one], 0, y + (0.3 * size if style == "tee" else 0), z))]


def _engines(f: Values, half: float) -> list[Solid]:
    style, r = level(_AIRPLANE, f, "engines"), f["radius"]
    if style == "none":
        return []
    if style == "nose":
        blades = [
            strut("engine", (0, -half, 0), (x, -half, z), (0.02, 0.02), shrink=0.6)
            for x, z in ((0.22, 0.1), (-0.22, -0.1))
        ]
        hub = laid(lathe("engine", [(-half - 0.05, 0.2 * r), (-half + 0.04, 0.5 * r)]), 1)
        return [*blades, *hub]
    pod = laid(lathe("engine", [(-0.1, 0.042), (0.0, 0.05), (0.1, 0.03)]), 1)
    if style == "two behind":
        return _pair(moved(pod, 0.7 * r + 0.04, 0.55 * half, 0.3 * r))
    spots = (0.35, 0.65) if style == "four under" else (0.4,)
    pods = []
    for share in spots:
        x, y = share * f["wing_span"], f["wing_place"] + share * f["sweep"] - 0.3 * f["wing_root"]
        z = {"low": -0.7, "middle": 0.0, "high": 0.8, "biplane": -0.9}[level(_AIRPLANE, f, "wings")]
        pods += moved(pod, x, y, z * r + share * f["dihedral"] - 0.035)
    return _pair(pods)


_ROCKET = (
    span("radius", 0.08, 0.22),
    span("body", 0.5, 1.1),
    span("waist", 0.6, 1.0),
    span("nose", 0.12, 0.45),
    span("fin_size", 0.10, 0.35),
    span("fin_sweep", -0.1, 0.25),
    span("nozzle", 0.05, 0.16),
    choice("fins", "3", "4", "6"),
    choice("boosters", "none", "2", "4"),
    choice("nose_form", "cone", "ogive", "capsule"),
)


def _rocket(f: Values) -> list[Solid]:
    r, h = f["radius"], f["body"]
    low, tip = f["waist"] * r, h + f["nose"]
    solids = lathe("body", [(0, low), (0.4 * h, r), (h, r)])
    noses = {
        "cone": [(h, r), (tip, 0.04 * r)],
        "ogive": [
            (h, r),
            (h + 0.4 * f["nose"], 0.82 * r),
            (h + 0.8 * f["nose"], 0.4 * r),
            (tip, 0.05),
        ],
        "capsule": [(h, 1.3 * r), (h + 0.4 * f["nose"], 0.6 * r), (tip, 0.12 * r)],
    }
    solids += lathe("nose", noses[level(_ROCKET, f, "nose_form")])
    solids += lathe("nozzle", [(-f["nozzle"], 0.8 * low), (0, 0.4 * low)])
    count, size = int(level(_ROCKET, f, "fins")), f["fin_size"]
    fin = _blade("fin", size + 0.5 * low, 1.1 * size, 0.5, f["fin_sweep"])
    upright = Solid("fin", fin.low[:, (0, 2, 1)] * (1, 1, -1), fin.high[:, (0, 2, 1)] * (1, 1, -1))
    for k in range(count):
        solids += turned(moved([upright], 0.5 * low, 0, 0.55 * size), 360 * (k + 0.5) / count)
    boosters = level(_ROCKET, f, "boosters")
    side = lathe("booster", [(-0.02, 0.5 * r), (0.5 * h, 0.5 * r), (0.62 * h, 0.1 * r)], sides=8)
    for k in range(0 if boosters == "none" else int(boosters)):
        solids += turned(moved(side, 1.4 * r, 0, 0), 360 * k / int(boosters))
    return solids


AIRPLANE = Category("airplane", ("fuselage", "wing", "tail", "engine"), _AIRPLANE, _airplane)
ROCKET = Category("rocket", ("body", "nose", "fin", "booster", "nozzle"), _ROCKET, _rocket)
