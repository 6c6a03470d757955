"""Numbers that stand for chance: functions of a seed and a counter, or of an experiment and a key, and of nothing else.

No draw leaves a state behind, so who answers request 7 depends on no other draw, on no slice and on no process.
"""

from __future__ import annotations

from zlib import crc32

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def splitmix64(value: int) -> int:
    """Return 64 well-mixed bits for 64 bits; different for different ones.

    References
    ----------
    Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators. doi:10.1145/2660193.2660195

    >>> hex(splitmix64(0))
    '0xe220a8397b1dcdaf'
    """
    value = (value + _GOLDEN) & _MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


def uniform(seed: int, index: int) -> float:
    """Return the number in [0, 1) that this seed has at this index."""
    return _fraction(splitmix64(splitmix64(seed & _MASK) + index & _MASK))


def sticky(experiment: str, key: str) -> float:
    """Return the number in [0, 1) that this key has in this experiment.

    The key's CRC-32 is mixed once more: CRC-32 alone is linear, and two experiments whose names are of one length would
    share their keys out alike.
    """
    return _fraction(splitmix64(crc32(experiment.encode()) << 32 | crc32(key.encode())))


def _fraction(bits: int) -> float:
    return (bits >> 11) * 2.0**-53
