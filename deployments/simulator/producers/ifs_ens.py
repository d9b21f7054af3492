"""How ECMWF writes its ensemble: all members of a lead in one file."""

from __future__ import annotations

from dataclasses import replace

from deployments.simulator.producers.ifs import IFS

PRODUCERS = {
    "ifs_ens": replace(IFS, second={}, decoys=tuple(one for one in IFS.decoys if one.name in ("t", "100u", "ro")))
}
