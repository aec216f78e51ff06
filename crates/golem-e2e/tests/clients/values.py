"""Values that say which key they belong to, of many sizes; and what a script is told on its command line."""

import sys

# Around the sizes at which buffers, segments and items of the programs change.
SIZES = [0, 1, 2, 100, 1023, 1024, 1460, 4096, 16383, 16384, 16385, 65535, 65536, 65537, 100_000, 262_144, 1_000_000]


def value(key, size):
    """`size` bytes that no other key has."""
    text = f"<{key}:{size}>".encode()
    return (text * (size // len(text) + 1))[:size]


def address():
    """Host and port of the proxy."""
    host, port = sys.argv[1].rsplit(":", 1)
    return host, int(port)


def same(got, wanted, what=""):
    """Fails unless both are equal, with an excerpt that a terminal can show."""
    if got != wanted:
        raise AssertionError(f"{what}: expected {wanted!r:.300}, got {got!r:.300}")
