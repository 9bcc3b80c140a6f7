#!/usr/bin/env python3
"""Draws the ticket of the brand as PNG and ICO at build time, with nothing but the standard library.

pictures.py FOLDER: card.png (1200 × 630, for links that are shared), apple-touch-icon.png, icon-192.png,
icon-512.png, favicon.ico. The same bytes on every machine."""
import math
import pathlib
import struct
import sys
import zlib

SHEET, BRAND, LINE, INK = (255, 253, 249), (176, 18, 63), (227, 218, 203), (29, 23, 34)
SUBROWS = 4        # lines looked at in each row of pixels
ARC_STEPS = 24     # corners of a quarter circle


class Picture:
    def __init__(self, width, height, ground):
        self.width, self.height = width, height
        self.rows = [bytearray(bytes(ground) * width) for _ in range(height)]

    def fill(self, outline, colour):
        """The inside of a closed outline of (x, y), smooth at its edges."""
        edges = [(*a, *b) if a[1] < b[1] else (*b, *a)
                 for a, b in zip(outline, outline[1:] + outline[:1]) if a[1] != b[1]]
        low = max(0, math.floor(min(y for _, y in outline)))
        high = min(self.height, math.ceil(max(y for _, y in outline)))
        for row in range(low, high):
            steps = [0.0] * (self.width + 2)  # change of coverage from pixel to pixel
            for sub in range(SUBROWS):
                y = row + (sub + 0.5) / SUBROWS
                cuts = sorted(x0 + (y - y0) * (x1 - x0) / (y1 - y0) for x0, y0, x1, y1 in edges if y0 <= y < y1)
                for left, right in zip(cuts[::2], cuts[1::2]):
                    self.cover(steps, left, 1 / SUBROWS)
                    self.cover(steps, right, -1 / SUBROWS)
            self.blend(self.rows[row], steps, colour)

    def cover(self, steps, x, amount):
        x = min(max(x, 0.0), float(self.width))
        pixel = int(x)
        steps[pixel] += amount * (1 - (x - pixel))
        steps[pixel + 1] += amount * (x - pixel)

    def blend(self, row, steps, colour):
        covered = 0.0
        for pixel in range(self.width):
            covered += steps[pixel]
            if covered < 0.004:
                continue
            for channel in range(3):
                at = 3 * pixel + channel
                row[at] = round(row[at] + (colour[channel] - row[at]) * min(covered, 1.0))

    def png(self):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        raw = b"".join(b"\0" + bytes(row) for row in self.rows)
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


# --- outlines, in units of the ticket: 40 wide, 28 high, as in pages/logo.html -------------------------

def arc(x, y, radius, start, end):
    """From one angle to another, in quarters of a circle, clockwise on the screen."""
    count = max(2, round(abs(end - start) * ARC_STEPS))
    angles = [(start + (end - start) * step / count) * math.pi / 2 for step in range(count + 1)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def ticket():
    """Round corners, and a notch in the middle of each side."""
    return (arc(36, 4, 4, 3, 4) + arc(40, 14, 5, 3, 1) + arc(36, 24, 4, 0, 1)
            + arc(4, 24, 4, 1, 2) + arc(0, 14, 5, 1, -1) + arc(4, 4, 4, 2, 3))


def star(x, y, radius):
    return [(x + r * math.sin(step * math.pi / 5), y - r * math.cos(step * math.pi / 5))
            for step, r in enumerate([radius, radius * 0.45] * 5)]


def bar(left, top, right, bottom):
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def placed(outline, x, y, scale, degrees):
    """With its middle (20, 14) at x, y."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x + scale * ((px - 20) * cos - (py - 14) * sin), y + scale * ((px - 20) * sin + (py - 14) * cos))
            for px, py in outline]


# --- pictures -------------------------------------------------------------------------------------------

def icon(size, ground, front, share=0.72):
    picture = Picture(size, size, ground)
    where = (size / 2, size / 2, size * share / 40, -8)
    picture.fill(placed(ticket(), *where), front)
    picture.fill(placed(star(20, 14.3, 8.6), *where), ground)
    return picture.png()


def card():
    """A ticket as the pages show it: a white face, the stub torn off along its perforation."""
    picture = Picture(1200, 630, INK)
    where = (600, 315, 18, -6)

    def put(outline, colour):
        picture.fill(placed(outline, *where), colour)
    put(ticket(), SHEET)
    stub = [point for point in ticket() if point[0] >= 25]
    put([(25, 0)] + stub + [(25, 28)], BRAND)
    for hole in range(12):
        put(bar(24.8, 0.8 + hole * 2.3, 25.2, 2.0 + hole * 2.3), SHEET)
    put(star(30.2, 14.3, 4), SHEET)
    for line, (top, right, high) in enumerate(((8, 21, 2.2), (12.4, 17, 2.2), (19.5, 14, 1.1))):
        put(bar(7.5, top, right, top + high), INK if line < 2 else LINE)
    return picture.png()


def ico(pictures):
    """Whole PNGs inside, as every browser of this century takes them."""
    head, at = struct.pack("<HHH", 0, 1, len(pictures)), 6 + 16 * len(pictures)
    for size, data in pictures:
        head += struct.pack("<BBBBHHII", size, size, 0, 0, 1, 24, len(data), at)
        at += len(data)
    return head + b"".join(data for _, data in pictures)


def main():
    if len(sys.argv) != 2:
        print("usage: pictures.py FOLDER", file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1])
    (folder / "card.png").write_bytes(card())
    (folder / "apple-touch-icon.png").write_bytes(icon(180, BRAND, SHEET))
    for size in (192, 512):
        (folder / f"icon-{size}.png").write_bytes(icon(size, BRAND, SHEET, 0.62))
    (folder / "favicon.ico").write_bytes(ico([(size, icon(size, BRAND, SHEET, 0.86)) for size in (16, 32, 48)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
