"""What can go wrong on the ground floor."""

from __future__ import annotations


class StorageError(Exception):
    """Root of everything storage raises on purpose."""


class StoreError(StorageError, ValueError):
    """A file is not a store that this version reads."""


class CorruptStore(StoreError):
    """A store's bytes contradict its own index, checksums or run time."""


class QuantisationOverflow(StorageError, OverflowError):
    """A value does not fit the int16 range its variable was given."""


class BucketError(StorageError, OSError):
    """A bucket refused or failed."""


class ObjectNotFound(BucketError, FileNotFoundError):
    """No object of that key."""


class Conflict(BucketError):
    """Somebody else swapped the manifest in between."""


class DiskFull(BucketError):
    """The disk of a bucket or of the synced stores has no room left."""


class WrongChecksum(BucketError):
    """An object is not what its manifest says."""


class ManifestError(StorageError, ValueError):
    """A manifest is not valid JSON of this format."""
