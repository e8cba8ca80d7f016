"""The JSON of a binary glTF file, reduced to what its shape needs and checked against its bytes.

What is left are nodes, meshes of triangles, and the positions and corners that they refer to: no
names, materials, pictures, animations, links to other files or extensions. Every number is within
the bytes that are there, nodes form trees of little depth, and a mesh that is placed many times
does not become far more than the file.
"""

import math
from typing import Any

FLOAT, CORNERS = 5126, {5121: 1, 5123: 2, 5125: 4}  # types of positions; of corners, with bytes
TRIANGLES, STRIPS = 4, (5, 6)
DEPTH = 64  # of nodes within nodes
COPIES = 16  # numbers of all placed meshes, for each byte of the file
FARTHEST = 1e12  # of a node's transformation
PLACING = {"matrix": 16, "translation": 3, "rotation": 4, "scale": 3}


class Unsupported(Exception):
    """What is not read; the message is the end of a sentence."""


def reduce_header(header: dict[str, Any], stored: int) -> dict[str, Any]:
    """The header without all that the shape does not need.

    Arguments:
        header: As in the file; any JSON.
        stored: Bytes of the numbers that it refers to.

    Raises:
        Unsupported: If the file needs an extension, or holds strips of triangles.
        ValueError, TypeError, LookupError, AttributeError, ArithmeticError: If it is damaged.
    """
    if header.get("extensionsRequired"):
        raise Unsupported("plain glTF, got one that needs extensions; save it without compression")
    kept = _Accessors(header, stored)
    meshes = [{"primitives": _primitives(mesh, kept)} for mesh in header["meshes"]]
    accessors = kept.accessors
    sizes = [_size(mesh, accessors) for mesh in meshes]
    nodes, roots = _nodes(header, sizes, COPIES * (stored + 1000))
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": roots}],
        "nodes": nodes,
        "meshes": meshes,
        "accessors": accessors,
        "bufferViews": kept.views,
        "buffers": [{"byteLength": stored}],
    }


class _Accessors:
    """Those accessors that are asked for, checked and numbered anew.

    Arguments:
        header: Of the file.
        stored: Bytes of the numbers.
    """

    def __init__(self, header: dict[str, Any], stored: int) -> None:
        self._all = header["accessors"]
        self.views = [_view(view, stored) for view in header["bufferViews"]]
        self.accessors: list[dict[str, Any]] = []
        self._places: dict[tuple[int, bool], int] = {}

    def keep(self, number: object, *, corners: bool) -> int:
        """The new number of an accessor."""
        key = _whole(number), corners
        if key not in self._places:
            self._places[key] = len(self.accessors)
            self.accessors.append(_accessor(self._all[key[0]], self.views, corners=corners))
        return self._places[key]


def _primitives(mesh: dict[str, Any], kept: _Accessors) -> list[dict[str, Any]]:
    """The pieces of a mesh that are triangles."""
    primitives = []
    for known in mesh["primitives"]:
        mode = known.get("mode", TRIANGLES)
        if mode in STRIPS:
            raise Unsupported("meshes of faces, got strips of triangles; save it as faces")
        if mode == TRIANGLES:
            place = kept.keep(known["attributes"]["POSITION"], corners=False)
            piece: dict[str, Any] = {"attributes": {"POSITION": place}}
            if "indices" in known:
                piece["indices"] = kept.keep(known["indices"], corners=True)
            primitives.append(piece)
    return primitives


def _whole(value: object, most: int = 1 << 40) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError
    return value


def _view(view: dict[str, Any], stored: int) -> dict[str, Any]:
    _whole(view.get("buffer", 0), 0)
    start = _whole(view.get("byteOffset", 0), stored)
    kept = {
        "buffer": 0,
        "byteOffset": start,
        "byteLength": _whole(view["byteLength"], stored - start),
    }
    if "byteStride" in view:
        kept["byteStride"] = max(1, _whole(view["byteStride"], 252))
    return kept


def _accessor(
    known: dict[str, Any], views: list[dict[str, Any]], *, corners: bool
) -> dict[str, Any]:
    kind, form = known["componentType"], known["type"]
    if "sparse" in known or form != ("SCALAR" if corners else "VEC3"):
        raise ValueError
    item = CORNERS[kind] if corners else 12
    if not corners and kind != FLOAT:
        raise ValueError
    number, count = _whole(known["bufferView"]), _whole(known["count"])
    view, start = views[number], _whole(known.get("byteOffset", 0))
    stride = view.get("byteStride", item)
    if count < 1 or stride < item or start + (count - 1) * stride + item > view["byteLength"]:
        raise ValueError
    return {
        "bufferView": number,
        "byteOffset": start,
        "componentType": kind,
        "count": count,
        "type": form,
    }


def _size(mesh: dict[str, Any], accessors: list[dict[str, Any]]) -> int:
    """Numbers of a mesh: those of its positions and corners."""
    places = [p["attributes"]["POSITION"] for p in mesh["primitives"]]
    corners = [p["indices"] for p in mesh["primitives"] if "indices" in p]
    return sum(3 * accessors[p]["count"] for p in places) + sum(
        accessors[c]["count"] for c in corners
    )


def _nodes(
    header: dict[str, Any], sizes: list[int], most: int
) -> tuple[list[dict[str, Any]], list[int]]:
    """The nodes, and those at the top of the scene."""
    nodes = [_node(node, sizes) for node in header["nodes"]]
    scenes = header.get("scenes") or [{"nodes": _tops(nodes)}]
    roots = [
        _whole(root, len(nodes) - 1) for root in scenes[_whole(header.get("scene", 0))]["nodes"]
    ]
    seen, level, total = set(roots), roots, 0
    for _ in range(DEPTH):
        total += sum(sizes[nodes[number]["mesh"]] for number in level if "mesh" in nodes[number])
        level = [child for number in level for child in nodes[number].get("children", ())]
        if len(set(level)) < len(level) or seen & set(level):
            raise ValueError
        seen.update(level)
    if level or total > most:
        raise Unsupported(
            f"nodes at most {DEPTH} deep that place each mesh a few times, got more; save it as "
            "one mesh"
        )
    return nodes, roots


def _tops(nodes: list[dict[str, Any]]) -> list[int]:
    below = {child for node in nodes for child in node.get("children", ())}
    return [number for number in range(len(nodes)) if number not in below]


def _node(node: dict[str, Any], sizes: list[int]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if "mesh" in node and sizes[_whole(node["mesh"])]:
        kept["mesh"] = node["mesh"]
    if node.get("children"):
        kept["children"] = [_whole(child) for child in node["children"]]
    for name, count in PLACING.items():
        if name in node:
            kept[name] = [float(value) for value in node[name]]
            if len(kept[name]) != count or not all(_near(value) for value in kept[name]):
                raise ValueError
    return kept


def _near(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= FARTHEST
