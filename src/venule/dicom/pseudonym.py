"""Names that say nothing: hashes that stand for a DICOM photograph outside its archive.

They are made from the file's whole content. A hash of a patient's number could be found by trying
all numbers; nobody finds this one without having the photograph itself.
"""

import hashlib

_DIGITS = 20
"""80 bits: among a million photographs two share a name with a probability of 4e-13."""


def pseudonym(content: bytes) -> str:
    """20 hex digits for a file's content, the same wherever the file lies."""
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def replacement_uid(name: str, role: str) -> str:
    """A UID in place of one of the source's, found from a pseudonym and a role such as "study".

    A UUID-derived UID (PS3.5 B.2) of version 8, whose bits are the maker's own.
    """
    number = int.from_bytes(hashlib.sha256(f"{role} {name}".encode()).digest()[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return f"2.25.{number}"
