"""GLB, binary glTF 2.0: `.glb`. Read with trimesh (extra `mesh`).

Twelve bytes (`glTF`, version, length), then chunks: JSON, and the numbers that it refers to. Before
trimesh sees the file its JSON is checked and reduced to the shape (:mod:`.glb_header`), so that it
opens no other file, decodes no picture and allocates nothing that is not there. All meshes of the
scene become one, each where its node places it.
"""

import io
import json
import struct

import numpy as np

from nebulatent.data.geometry.geometry import Geometry
from nebulatent.data.geometry.glb_header import Unsupported, reduce_header
from nebulatent.data.geometry.text import shown

DAMAGED = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
MAGIC, JSON, BINARY = b"glTF", b"JSON", b"BIN\0"


def read_glb(content: bytes, source: str) -> Geometry:
    """The mesh of a GLB file.

    Raises:
        ValueError: If the file is damaged, truncated or needs an extension, or trimesh is missing.
    """
    chunks = _chunks(content, source)
    try:
        header = json.loads(chunks.get(JSON, b""))
        reduced = reduce_header(header, len(chunks.get(BINARY, b"")))
    except Unsupported as error:
        raise ValueError(f"`{source}` must hold {error}.") from error
    except DAMAGED as error:
        raise ValueError(
            f"`{source}` must describe meshes of triangles within its own bytes, got another "
            "description: it is damaged; save it again."
        ) from error
    return _decode(reduced, chunks.get(BINARY, b""), source)


def _chunks(content: bytes, source: str) -> dict[bytes, bytes]:
    """The first chunk of each kind."""
    if content[:4] != MAGIC or len(content) < 20 or content[4:8] != b"\2\0\0\0":
        raise ValueError(
            f"`{source}` must be glTF 2.0 in one file (.glb), got '{shown(content[:8])}'; it is "
            "another kind of file or damaged."
        )
    (length,) = struct.unpack("<I", content[8:12])
    chunks: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(content):
        (size,) = struct.unpack("<I", content[place : place + 4])
        chunks.setdefault(content[place + 4 : place + 8], content[place + 8 : place + 8 + size])
        place += 8 + size
    if not place == length == len(content):
        raise ValueError(
            f"`{source}` must hold the {length} bytes its header claims, got {len(content)}: it is "
            "truncated or damaged; copy it again."
        )
    return chunks


def _decode(header: dict, binary: bytes, source: str) -> Geometry:
    try:
        import trimesh
    except ImportError as error:
        raise ValueError(
            f"`{source}` must be read with trimesh, got no such package; install nebulatent[mesh]."
        ) from error
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I", len(text)) + JSON + text
    body += struct.pack("<I", len(binary)) + BINARY + binary
    packed = io.BytesIO(MAGIC + struct.pack("<II", 2, 12 + len(body)) + body)
    try:
        scene = trimesh.load_scene(packed, file_type="glb", process=False, skip_materials=True)
        corners = np.array(scene.to_mesh().triangles, dtype=np.float64).reshape(-1, 9)
    except Exception as error:  # a damaged file makes it raise nearly anything
        raise ValueError(
            f"`{source}` must hold meshes of triangles, got one that trimesh does not read; it is "
            "damaged; save it again."
        ) from error
    # In an order of our own: points drawn from the mesh must not depend on trimesh's.
    corners = corners[np.lexsort(corners.T[::-1])].reshape(-1, 3)
    return Geometry(corners, np.arange(len(corners)).reshape(-1, 3))
