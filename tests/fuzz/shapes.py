"""Files of meshes and clouds, one small valid file of every format, and how they are damaged.

None has a checksum: a damaged file may well be another shape. What is tested is that it is read or
refused with one sentence, in little time and memory, whatever it claims.
"""

import io
import json
import random
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fuzz.mutations import damaged_bytes, damaged_json
from fuzz.readers import Group
from nebulatent.data.read import read

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 1.25]])
TRIANGLES = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [0, 2, 1], [0, 3, 2]])
NUMBER = re.compile(rb"-?\d+(\.\d*)?(e-?\d+)?")
LIES = (
    *(b"0", b"-1", b"1", b"2", b"3", b"7", b"255", b"256", b"65536", b"1000000000"),
    *(b"2147483648", b"4294967295", b"9223372036854775808", b"1" * 30, b"1" * 400),
    *(b"nan", b"inf", b"-inf", b"1e308", b"-1e308", b"1e-320", b"1e999", b"0.5", b"x", b"", b"1/2"),
)
WORDS = (b"OFF", b"COFF", b"f 1 2 3", b"v 1 2", b"element vertex 9", b"end_header", b"DATA binary")
Damage = Callable[[random.Random, bytes], bytes]


def _lie(rng: random.Random, content: bytes) -> bytes:
    """Another number in place of one of the text, more often near the beginning."""
    places = [*NUMBER.finditer(content[:4000])]
    if not places:
        return content
    place = rng.choice(places[: rng.choice((3, 12, len(places)))])
    return content[: place.start()] + rng.choice(LIES) + content[place.end() :]


def _lie_in_bytes(rng: random.Random, content: bytes) -> bytes:
    """Another number of 1 to 8 bytes, of either byte order."""
    size, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
    value = rng.choice((0, 1, 2, 2**7, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1))
    new = (value % 2 ** (8 * size)).to_bytes(size, order)
    place = rng.randrange(len(content) + 1)
    return content[:place] + new + content[place + size :]


def _mix_lines(rng: random.Random, content: bytes) -> bytes:
    """Lines that change places, come twice, are gone, or are others."""
    lines = content.split(b"\n")
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(5)
    if how == 0:
        lines[one], lines[two] = lines[two], lines[one]
    elif how == 1:
        lines.insert(two, lines[one])
    elif how == 2:
        del lines[one]
    elif how == 3:
        lines.insert(one, rng.choice(WORDS))
    else:
        lines[one] = lines[one][:200] * rng.choice((2, 50, 5000))
    return b"\n".join(lines)


DAMAGES: tuple[Damage, ...] = (damaged_bytes, _lie, _lie, _lie_in_bytes, _mix_lines)


def _damaged(rng: random.Random, content: bytes, folder: Path) -> tuple[bytes, bool]:
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(DAMAGES)(rng, content)
    return content, True


def rows(array: np.ndarray, before: str = "") -> str:
    """Lines of numbers."""
    return "".join(f"{before}{' '.join(f'{v:g}' for v in row)}\n" for row in array)


def _ply_header(form: str) -> str:
    return (
        f"ply\nformat {form} 1.0\ncomment made by hand\nelement vertex {len(CORNERS)}\n"
        "property float x\nproperty float y\nproperty float z\nproperty uchar red\n"
        f"property uchar green\nproperty uchar blue\nelement face {len(TRIANGLES)}\n"
        "property list uchar int vertex_indices\nelement edge 1\nproperty list uchar short at\n"
        "property double weight\nend_header\n"
    )


def ply_bytes(form: str) -> bytes:
    """A coloured mesh, its last face a quadrangle, with an element that is passed over."""
    faces = [*TRIANGLES[:-1].tolist(), [0, 3, 2, 1]]
    header = _ply_header(form).encode()
    if form == "ascii":
        points = rows(np.hstack([CORNERS, np.full((len(CORNERS), 3), 7)]))
        lists = "".join(f"{len(face)} {' '.join(map(str, face))}\n" for face in faces)
        return header + (points + lists + "2 0 1 0.5\n").encode()
    order = "<" if "little" in form else ">"
    points = b"".join(struct.pack(f"{order}3f3B", *row, 7, 7, 7) for row in CORNERS)
    lists = b"".join(struct.pack(f"{order}B{len(f)}i", len(f), *f) for f in faces)
    return header + points + lists + struct.pack(f"{order}B2hd", 2, 0, 1, 0.5)


def pcd_bytes(form: str) -> bytes:
    """A cloud with packed colours; compressed, all bytes are literals or runs."""
    header = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\nTYPE F F F U\nCOUNT 1 1 1 1\n"
        f"WIDTH {len(CORNERS)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(CORNERS)}\n"
        f"DATA {form}\n"
    ).encode()
    columns = np.hstack([CORNERS, np.full((len(CORNERS), 1), 0x0A0B0C)])
    if form == "ascii":
        return header + rows(columns).encode()
    record = np.dtype([("xyz", "<f4", 3), ("rgb", "<u4")])
    stored = np.zeros(len(CORNERS), record)
    stored["xyz"], stored["rgb"] = CORNERS, 0x0A0B0C
    if form == "binary":
        return header + stored.tobytes()
    plain = stored["xyz"].T.tobytes() + stored["rgb"].tobytes()
    literals = plain[:64]
    packed = bytes([31]) + literals[:32] + bytes([31]) + literals[32:]
    packed += plain_runs(plain[64:])
    return header + struct.pack("<II", len(packed), len(plain)) + packed


def plain_runs(rest: bytes) -> bytes:
    """LZF of four bytes repeated: literals, then a copy from four bytes ago."""
    assert rest == rest[:4] * (len(rest) // 4)
    return bytes([3]) + rest[:4] + bytes([0b11100000, len(rest) - 4 - 9, 3])


def stl_bytes() -> bytes:
    """A binary file of triangles."""
    stored = b"".join(
        struct.pack("<12fH", 0, 0, 1, *CORNERS[triangle].ravel(), 0) for triangle in TRIANGLES
    )
    return bytes(80) + struct.pack("<I", len(TRIANGLES)) + stored


def stl_text() -> str:
    """The same as text."""
    facets = "".join(
        f"facet normal 0 0 1\nouter loop\n{rows(CORNERS[triangle], 'vertex ')}endloop\nendfacet\n"
        for triangle in TRIANGLES
    )
    return f"solid pyramid\n{facets}endsolid pyramid\n"


def glb_bytes() -> bytes:
    """The mesh once, placed twice, inside a node that shifts both."""
    positions, corners = CORNERS.astype("<f4").tobytes(), TRIANGLES.astype("<u2").tobytes()
    header = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"children": [1, 2], "translation": [10, 0, 0]},
            {"mesh": 0, "name": "one"},
            {"mesh": 0, "matrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 5, 0, 1]},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"uri": "/etc/passwd"}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(CORNERS), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": TRIANGLES.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(positions)},
            {"buffer": 0, "byteOffset": len(positions), "byteLength": len(corners)},
        ],
        "buffers": [{"byteLength": len(positions + corners)}],
    }
    return glb_of(json.dumps(header).encode(), positions + corners)


def glb_of(text: bytes, binary: bytes) -> bytes:
    """A header and numbers as one file, lengths right."""
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I", len(text)) + b"JSON" + text
    body += struct.pack("<I", len(binary)) + b"BIN\0" + binary
    return b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body


def _damaged_glb(rng: random.Random, content: bytes, folder: Path) -> tuple[bytes, bool]:
    """Half of the time another JSON value, lengths right."""
    if rng.random() < 0.4:
        return _damaged(rng, content, folder)
    size = int.from_bytes(content[12:16], "little")
    text = damaged_json(rng, content[20 : 20 + size].decode())
    return glb_of(text.encode(errors="surrogatepass"), content[28 + size :]), True


def h5_bytes(packed: bool) -> bytes:
    """Clouds with labels."""
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        more: dict = {"compression": "gzip", "chunks": (2, 8, 3)} if packed else {}
        clouds = np.arange(96, dtype=np.float32).reshape(4, 8, 3) % 7
        file.create_dataset("data", data=clouds, **more)
        file.create_dataset("label", data=np.array([[0], [1], [1], [0]], dtype=np.uint8))
    return stream.getvalue()


def _npy(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


OFF = f"OFF{len(CORNERS)} {len(TRIANGLES)} 0\n{rows(CORNERS)}{rows(TRIANGLES, '3 ')}"
OBJ = f"# a pyramid\n{rows(CORNERS, 'v ')}{rows(TRIANGLES + 1, 'f ')}f -1/1 -2/1/1 -4//2\n"
FILES = {
    "off": ("a.off", OFF.encode()),
    "ply ascii": ("a.ply", ply_bytes("ascii")),
    "ply little": ("a.ply", ply_bytes("binary_little_endian")),
    "ply big": ("a.ply", ply_bytes("binary_big_endian")),
    "obj": ("a.obj", OBJ.encode()),
    "stl": ("a.stl", stl_bytes()),
    "stl text": ("a.stl", stl_text().encode()),
    "glb": ("a.glb", glb_bytes()),
    "xyz": ("a.xyz", ("# cloud\n" + rows(np.hstack([CORNERS, CORNERS]))).encode()),
    "pts": ("a.pts", (f"{len(CORNERS)}\n" + rows(CORNERS)).encode()),
    "pcd ascii": ("a.pcd", pcd_bytes("ascii")),
    "pcd binary": ("a.pcd", pcd_bytes("binary")),
    "pcd packed": ("a.pcd", pcd_bytes("binary_compressed")),
    "npz clouds": ("a.npz", _npy(lambda s: np.savez(s, x=np.ones((2, 8, 3)), y=[0, 1]))),
    "h5": ("a.h5", h5_bytes(packed=False)),
    "h5 gzip": ("a.h5", h5_bytes(packed=True)),
}


def _make(file: str, content: bytes) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return make


def _read(file: str) -> Callable[[Path], object]:
    def read_file(folder: Path) -> object:
        table = read(folder / file, trainable=False)
        assert np.isfinite(table.x).all(), "not finite"
        return table.fingerprint

    return read_file


SHAPES = tuple(
    Group(
        name=f"meshes: {name}",
        file=file,
        make=_make(file, content),
        damage=_damaged_glb if file.endswith("glb") else _damaged,
        read=_read(file),
        sealed=False,
    )
    for name, (file, content) in FILES.items()
)
