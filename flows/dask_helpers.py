"""Workers of a Dask cluster that share what the members of an ensemble take: each some rows of the store, all leads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.errors import RequestError

if TYPE_CHECKING:
    from tasks.slabs import Encoded, Helpers, Slab


@dataclass(frozen=True)
class DaskHelpers:
    """The workers of a scheduler, as many as there are when they are first asked. They must see the work folder."""

    address: str
    count: int

    def encode(self, slabs: Sequence[Slab]) -> Iterator[Encoded]:
        from distributed import Client

        from tasks.slabs import encode_slab

        with Client(self.address) as client:
            futures = [client.submit(encode_slab, slab, pure=False) for slab in slabs]
            try:
                for future in futures:
                    yield future.result()
            finally:
                client.cancel(futures)


def helpers_at(address: str) -> Helpers | None:
    """The workers of a cluster, None where it has none; raises RequestError where Dask is missing or nobody answers."""
    try:
        from distributed import Client
    except ImportError as error:
        raise RequestError("WINDLASS_DASK_ADDRESS is set, but Dask is missing: install windlass[dask]") from error
    try:
        with Client(address, timeout="20s") as client:
            count = len(client.scheduler_info(n_workers=-1)["workers"])
    except OSError as error:
        raise RequestError(
            f"no Dask scheduler answers at {address}: start it, or unset WINDLASS_DASK_ADDRESS"
        ) from error
    return DaskHelpers(address, count) if count else None
