"""Files made to hurt: a sentence within a second and 200 MB, whatever they claim."""

import io
import json
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fuzz.guard import fault_of, within_memory, within_time
from fuzz.shapes import glb_bytes, glb_of, ply_bytes, stl_bytes
from nebulatent.data.read import read

BILLION = b"1000000000"
PLY = b"ply\nformat binary_little_endian 1.0\n"
XYZ = b"property float x\nproperty float y\nproperty float z\n"
PCD = b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nPOINTS "
MIB = 1 << 20
SECONDS = 1.0  # of processor time: others may be busy


def _packed(size: int, stored: bytes) -> bytes:
    return struct.pack("<II", len(stored), size) + stored


def _zip_bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (400, 100000, 3), }"
        header = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
        archive.writestr("x.npy", header + bytes(MIB))
    return stream.getvalue()


def _pickled() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, x=np.array([print, {}], dtype=object))
    return stream.getvalue()


def _glb(change: Callable[[dict], object]) -> bytes:
    content = glb_bytes()
    size = int.from_bytes(content[12:16], "little")
    header = json.loads(content[20 : 20 + size])
    change(header)
    return glb_of(json.dumps(header).encode(), content[28 + size :])


HOSTILE = {
    "off that claims a billion faces": ("a.off", b"OFF\n3 " + BILLION + b" 0\n0 0 0\n"),
    "off that claims 10^15 points": ("a.off", b"OFF\n" + b"9" * 15 + b" 0 0\n0 0 0\n"),
    "off with a face of a billion": ("a.off", b"OFF\n1 1 0\n0 0 0\n" + BILLION + b" 0 0 0\n"),
    "off with one line": ("a.off", b"OFF\n1 1 0\n0 0 0\n" + b"3 " * (MIB // 2)),
    "off with blank lines": ("a.off", b"OFF\n1 1 0\n" + b"\n" * MIB),
    "off with a comment": ("a.off", b"OFF\n1 1 0\n#" + b"#" * (4 * MIB)),
    "off of blanks": ("a.off", b"OFF" + b" " * (4 * MIB) + b"\n"),
    "off of short lines": ("a.off", b"OFF\n1 1 0\n" + b"12\n" * (MIB // 2)),
    "ply that claims 10^18 points": (
        "a.ply",
        PLY + b"element vertex 1" + b"0" * 17 + b"\n" + XYZ + b"end_header\n",
    ),
    "ply that claims a billion nothings": (
        "a.ply",
        PLY
        + b"element nothing "
        + BILLION
        + b"\nelement vertex 1\n"
        + XYZ
        + b"end_header\n"
        + bytes(12),
    ),
    "ply with a list of 2^32": (
        "a.ply",
        PLY + b"element vertex 1\n" + XYZ + b"element face 1\nproperty list uint int vertex_index\n"
        b"end_header\n" + bytes(12) + b"\xff" * 4,
    ),
    "ply with a negative list": (
        "a.ply",
        PLY + b"element vertex 1\n" + XYZ + b"element face 1\nproperty list char int vertex_index\n"
        b"end_header\n" + bytes(12) + b"\xff" * 8,
    ),
    "ply with a thousand properties": (
        "a.ply",
        PLY + b"element vertex 1\n" + b"property float x\n" * 3000 + b"end_header\n" + bytes(12000),
    ),
    "ply header without end": ("a.ply", b"ply\nformat ascii 1.0\n" + b"comment a\n" * 400_000),
    "ply of strips": ("a.ply", ply_bytes("ascii").replace(b"element edge", b"element tristrips")),
    "stl that claims 2^32 triangles": ("a.stl", bytes(80) + b"\xff" * 4 + stl_bytes()[84:]),
    "stl text without end": ("a.stl", b"solid a\n" + b"vertex 1 2 3\n" * 50_000),
    "stl of one word": ("a.stl", b"solid " + b"vertex" * (MIB // 2)),
    "stl of nan": ("a.stl", bytes(80) + struct.pack("<I", 1) + b"\xff" * 50),
    "obj of a face of a million": ("a.obj", b"v 0 0 0\nf " + b"2 " * (MIB // 4)),
    "obj of slashes": ("a.obj", b"v 0 0 0\nf " + b"/" * (4 * MIB)),
    "obj of lines that go on": ("a.obj", b"\\\n" * MIB),
    "obj of 1e400": ("a.obj", b"v 0 0 0\nf 1 1 1e400\n"),
    "xyz of one long line": ("a.xyz", b"1 " * (MIB // 2)),
    "xyz of one long number": ("a.xyz", b"1" * (4 * MIB) + b" 2 3\n"),
    "xyz that claims 10^4000 points": ("a.xyz", b"9" * 4000 + b"\n1 2 3\n"),
    "xyz of infinity": ("a.xyz", b"1 2 1e999\n"),
    "pcd that claims 10^18 points": ("a.pcd", PCD + b"1" + b"0" * 18 + b"\nDATA binary\n"),
    "pcd with 10^9 values a point": (
        "a.pcd",
        PCD.replace(b"COUNT 1 1 1", b"COUNT 1 1 999999999") + b"1\nDATA ascii\n1 2 3\n",
    ),
    "pcd that unpacks to 4 GB": (
        "a.pcd",
        PCD + b"357913941\nDATA binary_compressed\n" + _packed(4294967292, bytes([0, 0]) * MIB),
    ),
    "pcd that unpacks to much": (
        "a.pcd",
        PCD
        + b"2000000\nDATA binary_compressed\n"
        + _packed(24_000_000, b"\0\0" + b"\xe0\xff\0" * (MIB // 4)),
    ),
    "glb that claims a billion points": (
        "a.glb",
        _glb(lambda h: h["accessors"][0].update(count=10**9)),
    ),
    "glb with a node too far for a float": (
        "a.glb",
        _glb(lambda h: h["nodes"][0].update(translation=[10**400, 0, 0])),
    ),
    "glb with nodes in a circle": ("a.glb", _glb(lambda h: h["nodes"][1].update(children=[0]))),
    "glb with a node in itself": ("a.glb", _glb(lambda h: h["nodes"][0].update(children=[0]))),
    "glb that places a mesh 10^5 times": (
        "a.glb",
        _glb(lambda h: h.update(nodes=[{"mesh": 0}] * 10**5, scenes=[{"nodes": [*range(10**5)]}])),
    ),
    "glb of a deep tree": (
        "a.glb",
        _glb(
            lambda h: h.update(nodes=[{"children": [n + 1]} for n in range(10**4)] + [{"mesh": 0}])
        ),
    ),
    "glb that needs an extension": (
        "a.glb",
        _glb(lambda h: h.update(extensionsRequired=["KHR_draco"])),
    ),
    "glb of sparse numbers": ("a.glb", _glb(lambda h: h["accessors"][0].update(sparse={}))),
    "glb of numbers in another file": (
        "a.glb",
        _glb(lambda h: h["bufferViews"][0].update(buffer=1)),
    ),
    "glb of deep JSON": ("a.glb", glb_of(b"[" * 10**6, b"")),
    "glb of strips": ("a.glb", _glb(lambda h: h["meshes"][0]["primitives"][0].update(mode=5))),
    "npz bomb": ("a.npz", _zip_bomb()),
    "npz of Python objects": ("a.npz", _pickled()),
    "h5 of something else": ("a.h5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 4000),
}


@pytest.mark.parametrize(("name", "content"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_at_once(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    _is_refused_at_once(tmp_path / name)
    if name not in ("a.npz", "a.h5"):  # those are data sets by themselves
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / f"b{Path(name).suffix}").write_bytes(content)
        _is_refused_at_once(tmp_path)


def _is_refused_at_once(path: Path) -> None:
    start = time.process_time()
    with (
        pytest.raises((ValueError, FileNotFoundError)) as caught,
        within_time(9),
        within_memory(200),
    ):
        read(path, trainable=False)
    assert time.process_time() - start < SECONDS
    assert fault_of(caught.value) is None, fault_of(caught.value)


def _h5(path: Path, write: Callable) -> Path:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(path, "w") as file:
        write(h5py, file)
    return path


def _unfilled(h5py, file) -> None:  # noqa: ANN001
    file.create_dataset("data", shape=(10**6, 2048, 3), dtype="f4", chunks=(1, 2048, 3))


def _huge_chunks(h5py, file) -> None:  # noqa: ANN001
    data = file.create_dataset(
        "data",
        shape=(4, 8, 3),
        maxshape=(None, None, 3),
        dtype="f4",
        chunks=(100, 8000, 3),
        compression="gzip",
    )
    data[:] = 1


def _elsewhere(h5py, file) -> None:  # noqa: ANN001
    file["data"] = h5py.ExternalLink("/etc/passwd", "/data")


def _stored_elsewhere(h5py, file) -> None:  # noqa: ANN001
    file.create_dataset("data", shape=(1, 8, 3), dtype="u1", external=[("/etc/passwd", 0, 24)])


def _virtual(h5py, file) -> None:  # noqa: ANN001
    layout = h5py.VirtualLayout(shape=(10**6, 2048, 3), dtype="f4")
    layout[0] = h5py.VirtualSource(".", "more", shape=(2048, 3))
    file["more"] = np.zeros((2048, 3), dtype="f4")
    file.create_virtual_dataset("data", layout)


def _objects(h5py, file) -> None:  # noqa: ANN001
    file.create_dataset("data", shape=(1, 8, 3), dtype=h5py.string_dtype())


def _circle(h5py, file) -> None:  # noqa: ANN001
    file["data"] = h5py.SoftLink("/data")


def _many(h5py, file) -> None:  # noqa: ANN001
    for number in range(1000):
        file[f"a{number}"] = np.zeros(1)


def _named_to_confuse(h5py, file) -> None:  # noqa: ANN001
    file["\x1b[2J\n"] = np.zeros((1, 8, 3))


@pytest.mark.parametrize(
    "write",
    [
        _unfilled,
        _huge_chunks,
        _elsewhere,
        _stored_elsewhere,
        _virtual,
        _objects,
        _circle,
        _many,
        _named_to_confuse,
    ],
)
def test_hostile_hdf5_is_refused_at_once(tmp_path: Path, write: Callable) -> None:
    _is_refused_at_once(_h5(tmp_path / "a.h5", write))


def test_a_pipe_is_no_shape(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "a.off")
    (tmp_path / "b.off").write_text("OFF\n1 0 0\n1 2 3\n")
    with pytest.raises(ValueError, match="got a folder, device or pipe"):
        read(tmp_path, trainable=False)
