"""The seal on a checkpoint's manifest: a checksum against accidents, with a key a signature against people.

The seal is a file of one line beside the manifest, over the manifest's exact bytes, and is checked before any of them
is parsed. The key comes from the environment or a file, never from an argument, which every process list would show.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import ConfigError, SnapshotError

KEY_VARIABLE = "SIDESTREAM_CHECKPOINT_KEY"
KEY_FILE_VARIABLE = "SIDESTREAM_CHECKPOINT_KEY_FILE"
KEY_BYTES_MIN = 16
SEAL_BYTES_MAX = 200

_SIGNED = b"hmac-sha256 "
_UNSIGNED = b"sha256 "


@dataclass(frozen=True, slots=True)
class SealKey:
    """A secret that signs manifests; never shown.

    >>> SealKey(b"sixteen bytes or more")
    SealKey()
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key that can be guessed."""
        if len(self.secret) < KEY_BYTES_MIN:
            msg = f"a checkpoint key must have at least {KEY_BYTES_MIN} bytes, got {len(self.secret)}"
            raise ConfigError(f"{msg}; make one with: openssl rand -hex 32")


def key_from(environ: Mapping[str, str]) -> SealKey | None:
    """Return the key that the environment holds or names the file of; None where neither variable is set.

    Raises
    ------
    ConfigError
        Both are set, the file cannot be read, or the key is too short.
    """
    text, path = environ.get(KEY_VARIABLE), environ.get(KEY_FILE_VARIABLE)
    if text is not None and path is not None:
        msg = f"{KEY_VARIABLE} and {KEY_FILE_VARIABLE} are both set; set one"
        raise ConfigError(msg)
    if path is not None:
        try:
            return SealKey(Path(path).read_bytes().strip())
        except OSError as error:
            msg = f"{KEY_FILE_VARIABLE} names {path!r}, which cannot be read ({error.strerror}); name a readable file"
            raise ConfigError(msg) from error
    return None if text is None else SealKey(text.strip().encode())


def make_seal(manifest: bytes, key: SealKey | None) -> bytes:
    """Return the seal of a manifest: signed where there is a key.

    >>> make_seal(b"", None)[:17]
    b'sha256 e3b0c44298'
    """
    if key is None:
        return _UNSIGNED + hashlib.sha256(manifest).hexdigest().encode() + b"\n"
    return _SIGNED + hmac.new(key.secret, manifest, hashlib.sha256).hexdigest().encode() + b"\n"


def refuse_other_terms(seal: bytes, key: SealKey | None) -> None:
    """Refuse a signed checkpoint without a key, and an unsigned one with it: no accident made it so.

    Raises
    ------
    SnapshotError
        A signed one is refused, too: whoever forgot to set the key would go on unsigned without noticing.
    """
    if key is None and seal.startswith(_SIGNED):
        msg = f"the checkpoint is signed and no key is set; set {KEY_VARIABLE} or {KEY_FILE_VARIABLE}"
        raise SnapshotError(msg)
    if key is not None and seal.startswith(_UNSIGNED):
        msg = "the checkpoint is not signed, and a key is set; if that is as it should be, go on without the key"
        raise SnapshotError(msg)


def check_seal(manifest: bytes, seal: bytes, key: SealKey | None) -> None:
    """Refuse a manifest that is not the one that was sealed.

    Raises
    ------
    SnapshotError
        The manifest or its seal was changed, or it was signed with another key.
    """
    if not hmac.compare_digest(seal, make_seal(manifest, key)):
        does = "does not match its seal"
        msg = (
            f"the manifest {does}"
            if key is None
            else f"the manifest {does}: it was changed, or signed with another key"
        )
        raise SnapshotError(msg)
