"""STL, triangles one by one: `.stl`.

Binary: 80 bytes of anything, a count of four bytes, then 50 bytes a triangle: a normal, three
corners, two bytes of anything. Text: `facet normal …`, `vertex x y z` three times, `endfacet`,
between `solid` and `endsolid`. A binary file may begin with `solid` too: it is binary if its size
is what its count says.

Corners are kept as they are, three a triangle: nothing says which of them are the same point.
"""

import re

import numpy as np
from jaxtyping import Float

from nebulatent.data.geometry.geometry import Geometry
from nebulatent.data.geometry.text import to_numbers

START = 84  # bytes before the first triangle
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])
VERTEX = re.compile(rb"\bvertex\s+(\S+)\s+(\S+)\s+(\S+)")
FACET = re.compile(rb"\bendfacet\b")


def read_stl(content: bytes, source: str) -> Geometry:
    """The mesh of an STL file, text or binary.

    Raises:
        ValueError: If the file is not as long as its count says, or its text is not complete.
    """
    count = int.from_bytes(content[START - 4 : START], "little")
    if len(content) == START + count * TRIANGLE.itemsize:
        stored = np.frombuffer(content, dtype=TRIANGLE, offset=START)
        corners = stored["corners"].astype(np.float64).reshape(-1, 3)
    elif content.lstrip()[:5].lower() == b"solid":
        corners = _read_text(content, source)
    else:
        raise ValueError(
            f"`{source}` must hold the {count} triangles its header claims in "
            f"{START + count * TRIANGLE.itemsize} bytes, got {len(content)} bytes: it is "
            "truncated or another kind of file; copy it again."
        )
    return Geometry(corners, np.arange(len(corners)).reshape(-1, 3))


def _read_text(content: bytes, source: str) -> Float[np.ndarray, "corners 3"]:
    text = content.lower()
    words = [word for corner in VERTEX.findall(text) for word in corner]
    numbers = to_numbers(b" ".join(words), source, "corners")
    facets = len(FACET.findall(text))
    if len(numbers) != 9 * facets or b"endsolid" not in text:
        raise ValueError(
            f"`{source}` must hold three corners in each of its {facets} complete facets and end "
            f"in endsolid, got {len(numbers)} coordinates: it is truncated or damaged; copy it "
            "again."
        )
    return numbers.reshape(-1, 3)
