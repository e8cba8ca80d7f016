"""LZF, the compression of PCD's binary_compressed files.

A byte c < 32 is followed by c + 1 literal bytes. Otherwise its upper three bits are a length l,
where 7 means 7 plus the next byte, and its lower five bits, with the byte that follows, a distance
d back from here: l + 2 bytes are copied from there, d + 1 bytes ago.

Source: Marc Lehmann, LibLZF (the format is stated in its `lzf_d.c`).
"""

RATIO = 88  # three bytes become at most 264


def unpack_lzf(packed: bytes, size: int, source: str) -> bytes:
    """The bytes before compression.

    Arguments:
        packed: Compressed bytes.
        size: How many there were before.
        source: The file, for messages.

    Raises:
        ValueError: If they do not become so many.

    Examples:
        >>> unpack_lzf(bytes([1, 97, 98, 0b01100000, 1]), 7, "a.pcd")
        b'abababa'
    """
    out, place = bytearray(), 0
    while place < len(packed) and len(out) <= size:
        control, place = packed[place], place + 1
        if control < 32:
            out += packed[place : place + control + 1]
            place += control + 1
            continue
        length = control >> 5
        rest = packed[place : place + 2]
        if length == 7:
            length, rest, place = length + sum(rest[:1]), rest[1:2], place + 1
        distance = ((control & 31) << 8) + sum(rest[:1]) + 1
        place += 1
        if not rest or distance > len(out):
            break
        _copy(out, distance, length + 2)
    if len(out) != size:
        raise ValueError(
            f"`{source}` must unpack to the {size} bytes its header claims, got other bytes: it is "
            "truncated or damaged; copy it again."
        )
    return bytes(out)


def _copy(out: bytearray, distance: int, length: int) -> None:
    """Append bytes from before, which may reach into what is being appended."""
    start = len(out) - distance
    piece = bytes(out[start : start + length])
    out += (piece * (length // len(piece) + 1))[:length]
