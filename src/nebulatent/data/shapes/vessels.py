"""Turned things: bottle, mug, vase."""

import math

from nebulatent.data.shapes.category import Category, Values, choice, level, span
from nebulatent.data.shapes.solids import (
    ROUND,
    THIN,
    Ring,
    Solid,
    block,
    chain,
    lathe,
    mirrored,
    rod,
    strut,
    taper,
    tube,
)

_BOTTLE = (
    span("radius", 0.10, 0.24),
    span("body", 0.25, 0.75),
    span("waist", 0.7, 1.15),
    span("shoulder", 0.02, 0.30),
    span("neck_radius", 0.25, 0.75),
    span("neck", 0.04, 0.35),
    span("cap_height", 0.03, 0.10),
    choice("form", "turned", "square", "flask"),
    choice("cap", "screw", "none", "knob", "spray"),
    choice("handle", "none", "ear"),
)


def _bottle(f: Values) -> list[Solid]:
    r, top = f["radius"], f["body"] + f["shoulder"]
    thin = r * f["neck_radius"]
    form = level(_BOTTLE, f, "form")
    if form == "turned":
        solids = lathe(
            "body",
            [
                (0, 0.9 * r),
                (0.05, r),
                (0.5 * f["body"], f["waist"] * r),
                (f["body"], r),
                (top, thin),
            ],
        )
    else:
        flat = r if form == "square" else 0.6 * r
        full, small = Ring(0, 0, r, flat), Ring(0, 0, thin, min(thin, flat))
        solids = [
            taper("body", (0, f["body"]), full, full),
            taper("body", (f["body"], top), full, small),
        ]
        thin = min(thin, flat)
    solids.append(rod("neck", (top, top + f["neck"]), Ring(0, 0, thin, thin)))
    solids += _cap(level(_BOTTLE, f, "cap"), top + f["neck"], thin, f["cap_height"])
    if level(_BOTTLE, f, "handle") == "ear":
        solids += _ear("handle", (0.9 * r, 0.5 * f["body"]), 0.4 * f["body"], 0.22, 0.03)
    return solids


def _cap(style: str, z: float, radius: float, height: float) -> list[Solid]:
    if style == "none":
        return lathe("cap", [(z - 0.03, 1.25 * radius), (z, 1.25 * radius)])
    if style == "knob":
        profile = [(z, 0.7 * radius), (z + 0.4 * height, 1.2 * radius), (z + height, 0.6 * radius)]
        return lathe("cap", profile)
    cap = lathe("cap", [(z - 0.2 * height, 1.15 * radius), (z + height, 1.1 * radius)])
    if style == "spray":
        tip = (-2.2 * radius, 0.0, z + height)
        cap.append(strut("cap", (0.5 * radius, 0, z + height), tip, (0.4 * radius, 0.025)))
    return cap


def _ear(
    part: str, foot: tuple[float, float], height: float, out: float, half: float
) -> list[Solid]:
    """Half an ellipse of bars, from (x, z) up by a height."""
    x, z = foot
    turns = [math.pi * k / 6 for k in range(7)]
    path = [(x + out * math.sin(t), 0.0, z + height / 2 - math.cos(t) * height / 2) for t in turns]
    return chain(part, path, (half, half))


_MUG = (
    span("radius", 0.20, 0.50),
    span("height", 0.35, 1.1),
    span("flare", 0.65, 1.35),
    span("wall", 0.10, 0.22),
    span("handle_size", 0.10, 0.28),
    span("handle_thickness", 0.03, 0.06),
    choice("handle", "round", "square", "bar", "none"),
    choice("foot", "plain", "saucer", "stem"),
    choice("lid", "open", "lid"),
)


def _mug(f: Values) -> list[Solid]:
    low, high, h = f["radius"], f["radius"] * f["flare"], f["height"]
    lift = {"plain": 0.0, "saucer": 0.05, "stem": 0.3}[level(_MUG, f, "foot")]
    solids = tube("body", (lift, lift + h), (low, high), f["wall"])
    floor = 0.1 * h
    wide = low + (high - low) * floor / h
    solids.append(
        taper("body", (lift, lift + floor), Ring(0, 0, low, low), Ring(0, 0, wide, wide), 16)
    )
    solids += _foot(level(_MUG, f, "foot"), low)
    if level(_MUG, f, "lid") == "lid":
        solids += lathe("lid", [(lift + h, 1.03 * high), (lift + h + 0.06, 0.8 * high)])
        solids.append(rod("lid", (lift + h + 0.06, lift + h + 0.12), Ring(0, 0, 0.06, 0.06), THIN))
    return solids + _grip(f, lift)


def _foot(style: str, radius: float) -> list[Solid]:
    if style == "saucer":
        return lathe("saucer", [(0, 0.9 * radius), (0.06, 1.8 * radius)])
    if style == "stem":
        return lathe(
            "saucer",
            [(0, 0.8 * radius), (0.04, 0.7 * radius), (0.08, 0.15 * radius), (0.3, 0.2 * radius)],
        )
    return []


def _grip(f: Values, lift: float) -> list[Solid]:
    style, half, h = level(_MUG, f, "handle"), f["handle_thickness"], f["height"]
    out, tall = f["handle_size"], 0.55 * h
    low = lift + 0.22 * h
    rate = f["radius"] * (f["flare"] - 1) / h
    x0 = f["radius"] + rate * 0.22 * h - 0.02
    x1 = f["radius"] + rate * 0.77 * h - 0.02
    if style == "round":
        return _ear("handle", (min(x0, x1), low), tall, out + 0.05, half)
    if style == "square":
        reach = max(x0, x1) + out
        path = [(x0, 0.0, low), (reach, 0.0, low), (reach, 0.0, low + tall), (x1, 0.0, low + tall)]
        return chain("handle", path, (half, half))
    if style == "bar":
        z = low + 0.8 * tall
        return [block("handle", (x1 - 0.03, x1 + 2 * out), (-half, half), (z - half, z + half))]
    return []


_VASE = (
    span("height", 0.5, 1.1),
    span("foot_radius", 0.10, 0.30),
    span("belly_radius", 0.16, 0.42),
    span("belly_height", 0.25, 0.70),
    span("neck_radius", 0.09, 0.30),
    span("rim_radius", 0.10, 0.40),
    span("wall", 0.12, 0.24),
    choice("stems", "0", "1", "3", "5"),
    choice("flowers", "balls", "leaves"),
    choice("foot", "none", "disc", "square"),
    choice("handles", "none", "one", "two"),
)


def _vase(f: Values) -> list[Solid]:
    h, foot, neck = f["height"], f["foot_radius"], 0.8 * f["height"]
    belly = f["belly_height"] * h
    profile = [
        (0.0, foot),
        (0.5 * belly, 0.4 * foot + 0.6 * f["belly_radius"]),
        (belly, f["belly_radius"]),
        (neck, f["neck_radius"]),
    ]
    solids = lathe("body", profile)
    solids += tube("body", (neck, h), (f["neck_radius"], f["rim_radius"]), f["wall"])
    style = level(_VASE, f, "foot")
    if style != "none":
        base = Ring(0, 0, 1.2 * foot, 1.2 * foot)
        solids.append(taper("foot", (-0.08, 0), base, base, ROUND if style == "disc" else 4))
    ears = _ear("handle", (0.9 * f["neck_radius"], belly), neck - belly + 0.05, 0.25, 0.03)
    handles = level(_VASE, f, "handles")
    solids += ears if handles != "none" else []
    solids += mirrored(ears) if handles == "two" else []
    return solids + _flowers(f, neck)


def _flowers(f: Values, low: float) -> list[Solid]:
    count, h = int(level(_VASE, f, "stems")), f["height"]
    out, plants = min(f["neck_radius"], f["rim_radius"]) * 0.6, []
    for k in range(count):
        turn, tall = 2.4 * k, h * (1.25 + 0.3 * ((k * 0.618) % 1))
        spread = out * (1.0 if count > 1 else 0.1)
        x, y = spread * math.cos(turn), spread * math.sin(turn)
        tip = (2.2 * x, 2.2 * y, tall)
        plants.append(strut("plant", (0.0, 0.0, low), tip, (0.026, 0.026), sides=THIN))
        if level(_VASE, f, "flowers") == "balls":
            bloom = [(tall - 0.06, 0.04), (tall, 0.09), (tall + 0.06, 0.04)]
            plants += lathe("plant", bloom, at=tip[:2], sides=THIN)
        else:
            far = (tip[0] + 3 * x, tip[1] + 3 * y, tall + 0.12)
            plants.append(strut("plant", tip, far, (0.07, 0.022), shrink=0.5))
    return plants


BOTTLE = Category("bottle", ("body", "neck", "cap", "handle"), _BOTTLE, _bottle)
MUG = Category("mug", ("body", "handle", "saucer", "lid"), _MUG, _mug)
VASE = Category("vase", ("body", "foot", "handle", "plant"), _VASE, _vase)
