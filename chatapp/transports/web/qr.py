"""QR codes for links: byte mode, error correction M, versions 1 to 10 (213 bytes). Source: ISO/IEC 18004, section 7.

What is drawn with the modules is `qr_picture`.
"""

from __future__ import annotations

from collections.abc import Callable

Matrix = list[list[bool]]

# Level M: error correction codewords a block, and the data codewords of each block.
_BLOCKS: dict[int, tuple[int, list[int]]] = {
    1: (10, [16]),
    2: (16, [28]),
    3: (26, [44]),
    4: (18, [32] * 2),
    5: (24, [43] * 2),
    6: (16, [27] * 4),
    7: (18, [31] * 4),
    8: (22, [38] * 2 + [39] * 2),
    9: (22, [36] * 3 + [37] * 2),
    10: (26, [43] * 4 + [44]),
}
_ALIGNED_AT = {1: [], 2: [18], 3: [22], 4: [26], 5: [30], 6: [34], 7: [22, 38], 8: [24, 42], 9: [26, 46], 10: [28, 50]}
_MASKS: list[Callable[[int, int], bool]] = [
    lambda y, x: (y + x) % 2 == 0,
    lambda y, x: y % 2 == 0,
    lambda y, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
]
_FINDER_LIKE = ([True, False, True, True, True, False, True], [False] * 4)


def encode(text: str, mask: int | None = None) -> Matrix:
    """The modules of the smallest code that holds `text`, True being dark, without the quiet zone.

    The mask is the one of least penalty unless one is given. Raises ValueError for a text of more than 213 bytes.
    """
    data = text.encode()
    version = _smallest(len(data))
    bits = _interleaved(version, _codewords(version, data))
    if mask is not None:
        return _drawn(version, bits, mask)
    return min((_drawn(version, bits, number) for number in range(8)), key=penalty)


def correction(data: list[int], count: int) -> list[int]:
    """The `count` Reed-Solomon codewords behind `data`, over GF(256) with the polynomial 0x11D."""
    generator = [1]
    root = 1
    for _ in range(count):
        generator = [a ^ _times(b, root) for a, b in zip([*generator, 0], [0, *generator], strict=True)]
        root = _times(root, 2)
    rest = [0] * count
    for byte in data:
        factor = byte ^ rest[0]
        rest = [a ^ _times(b, factor) for a, b in zip([*rest[1:], 0], generator[1:], strict=True)]
    return rest


def penalty(matrix: Matrix) -> int:
    """How hard a code is to read: runs, blocks, what looks like a finder, and the balance of dark and light."""
    lines = [*matrix, *(list(column) for column in zip(*matrix, strict=True))]
    size = len(matrix)
    runs = sum(_runs(line) + _false_finders(line) for line in lines)
    blocks = sum(
        3
        for y in range(size - 1)
        for x in range(size - 1)
        if matrix[y][x] == matrix[y][x + 1] == matrix[y + 1][x] == matrix[y + 1][x + 1]
    )
    dark = sum(map(sum, matrix)) * 100 / size**2
    return runs + blocks + 10 * int(abs(dark - 50) / 5)


def _runs(line: list[bool]) -> int:
    total = 0
    length = 1
    for before, here in zip(line, [*line[1:], None], strict=True):
        if before == here:
            length += 1
            continue
        total += length - 2 if length >= 5 else 0
        length = 1
    return total


def _false_finders(line: list[bool]) -> int:
    finder, quiet = _FINDER_LIKE
    shapes = (finder + quiet, quiet + finder)
    return sum(40 for start in range(len(line) - 10) for shape in shapes if line[start : start + 11] == shape)


def _smallest(length: int) -> int:
    for version, (_, blocks) in _BLOCKS.items():
        if length + (2 if version < 10 else 3) <= sum(blocks):
            return version
    raise ValueError("too long for a code that is still easy to read")


def _codewords(version: int, data: bytes) -> list[int]:
    capacity = sum(_BLOCKS[version][1])
    length_bits = 8 if version < 10 else 16
    bits = f"0100{len(data):0{length_bits}b}" + "".join(f"{byte:08b}" for byte in data)
    bits += "0" * min(4, capacity * 8 - len(bits))
    bits += "0" * (-len(bits) % 8)
    words = [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]
    return [*words, *([0xEC, 0x11] * capacity)[: capacity - len(words)]]


def _interleaved(version: int, words: list[int]) -> str:
    count, sizes = _BLOCKS[version]
    blocks: list[list[int]] = []
    for size in sizes:
        blocks.append(words[:size])
        words = words[size:]
    checks = [correction(block, count) for block in blocks]
    mixed = [block[place] for place in range(max(sizes)) for block in blocks if place < len(block)]
    mixed += [check[place] for place in range(count) for check in checks]
    return "".join(f"{word:08b}" for word in mixed)


def _drawn(version: int, bits: str, mask: int) -> Matrix:
    size = 17 + 4 * version
    modules: list[list[bool | None]] = [[None] * size for _ in range(size)]
    _draw_patterns(modules, version)
    _draw_format(modules, mask)
    if version >= 7:
        _draw_version(modules, version)
    _draw_data(modules, bits, _MASKS[mask])
    return [[bool(module) for module in row] for row in modules]


def _draw_patterns(modules: list[list[bool | None]], version: int) -> None:
    size = len(modules)
    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        for y in range(-1, 8):
            for x in range(-1, 8):
                if 0 <= top + y < size and 0 <= left + x < size:
                    ring = max(abs(y - 3), abs(x - 3))
                    modules[top + y][left + x] = ring in (0, 1, 3)
    centres = [6, *_ALIGNED_AT[version]] if version > 1 else []
    for cy in centres:
        for cx in centres:
            if modules[cy][cx] is None:
                for y in range(-2, 3):
                    for x in range(-2, 3):
                        modules[cy + y][cx + x] = max(abs(y), abs(x)) != 1
    for place in range(8, size - 8):
        modules[6][place] = modules[place][6] = place % 2 == 0


def _draw_format(modules: list[list[bool | None]], mask: int) -> None:
    """Fifteen bits, twice; level M is 00."""
    size = len(modules)
    bits = (mask << 10 | _remainder(mask << 10, 0x537)) ^ 0x5412
    places = [0, 1, 2, 3, 4, 5, 7, 8]
    for number in range(15):
        dark = bool(bits >> number & 1)
        if number < 8:
            modules[places[number]][8] = dark
            modules[8][size - 1 - number] = dark
        else:
            modules[8][places[14 - number]] = dark
            modules[size - 15 + number][8] = dark
    modules[size - 8][8] = True


def _draw_version(modules: list[list[bool | None]], version: int) -> None:
    size = len(modules)
    bits = version << 12 | _remainder(version << 12, 0x1F25)
    for number in range(18):
        dark = bool(bits >> number & 1)
        modules[number // 3][size - 11 + number % 3] = dark
        modules[size - 11 + number % 3][number // 3] = dark


def _draw_data(modules: list[list[bool | None]], bits: str, masked: Callable[[int, int], bool]) -> None:
    """Upwards and downwards in columns of two, from the right, around the vertical timing line."""
    size = len(modules)
    stream = iter(bits)
    upwards = True
    for right in [*range(size - 1, 6, -2), *range(5, 0, -2)]:
        for y in reversed(range(size)) if upwards else range(size):
            for x in (right, right - 1):
                if modules[y][x] is None:
                    modules[y][x] = (next(stream, "0") == "1") != masked(y, x)
        upwards = not upwards


def _remainder(value: int, polynomial: int) -> int:
    while value.bit_length() >= polynomial.bit_length():
        value ^= polynomial << (value.bit_length() - polynomial.bit_length())
    return value


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a * (b & 1)
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product
