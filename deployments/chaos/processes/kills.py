"""Faults of single processes: what is killed, and who comes after it."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable

import psutil

from deployments.chaos.fault import Fault, Group
from deployments.chaos.processes.life import Life
from deployments.chaos.processes.world import LEADS, World, wait_until
from deployments.simulator.server import Fault as Slow
from flows.model import Model
from tasks.entry import Target
from tasks.incidents import Kind

Deed = Callable[[World], None]


def at_any_moment(world: World, life: Life) -> None:
    """Kill it somewhere on the way that an ingest takes."""
    life.over.wait(world.took * world.chance.random())
    life.kill()
    life.wait()


def heal(world: World) -> None:
    """The next ingest on the same machine, without a pause."""
    world.publish()


def ingest_killed(world: World) -> None:
    at_any_moment(world, world.ingest())


def ingest_terminated(world: World) -> None:
    """As a service manager ends what does not end at once."""
    life = world.ingest()
    life.over.wait(world.took * world.chance.random())
    life.kill(signal.SIGTERM)
    life.over.wait(0.2 * world.chance.random())
    life.kill()
    life.wait()


def killed_when_published(world: World) -> None:
    """Between the swap of the manifest and whatever comes after it."""
    before = world.published.generation
    life = world.ingest()
    wait_until(lambda: world.published.generation > before or life.over.is_set(), "it is published")
    life.kill()
    life.wait()


def killed_before_it_tells(world: World) -> None:
    """The run lacks an optional variable; whoever published it is gone before anybody was told."""
    world.spoil(lacking(world.model))
    killed_when_published(world)
    world.freshness()
    world.freshness()


def whole_again(world: World) -> None:
    """The mirror has the variable, and another machine brings it."""
    world.mend()
    elsewhere(world)


def lacking(model: Model) -> Callable[[str], str]:
    """What makes an index of one that does not list the model's first optional variable."""
    wanted = next(row for row in model.wanted if not row.required and row.product == model.products[0].name)
    mark = f":{wanted.idx[0]}:{wanted.idx[1]}:" if wanted.idx else f'"param": "{wanted.param}"'
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if mark not in line)


def killed_while_it_fetches(world: World) -> None:
    """With some leads staged and others not."""
    stalls = world.model.products[0].data_path(world.run, LEADS[-1])
    world.server.faults = [Slow(stalls, latency=600.0)]
    life = world.ingest()
    wait_until(lambda: len(staged(world)) >= 3, "leads are staged", life)
    life.kill()
    life.wait()
    world.server.faults = []


def here(world: World) -> None:
    """The next ingest on the same machine asks for nothing that was staged."""
    kept, asked = staged(world), len(world.server.asked)
    heal(world)
    again = files_of(world, kept) & set(world.server.paths()[asked:])
    if again:
        world.breaches.append(f"staged already and asked for again: {', '.join(sorted(again))}")


def elsewhere(world: World) -> None:
    """The next ingest on another machine takes nothing from this one, whose disk is lost."""
    kept, asked = staged(world), len(world.server.asked)
    world.publish(machine=2)
    absent = files_of(world, kept) - set(world.server.paths()[asked:])
    if absent:
        world.breaches.append(f"taken from another machine: {', '.join(sorted(absent))}")
    shutil.rmtree(world.work(1), ignore_errors=True)


def files_of(world: World, leads: set[int]) -> set[str]:
    """The paths at the mirror that hold the messages of these leads (hours): GFS has no `pgrb2b` to ask for at 0 h."""
    model, run = world.model, world.run
    return {
        product.data_path(run, lead)
        for product in model.products
        for lead in leads
        if Target.of(product, run, lead, model.wanted).slots()
    }


def staged(world: World, machine: int = 1) -> set[int]:
    """Leads (hours) of which a record lies in the work folder."""
    records = world.work(machine).glob("*/*/staged/f[0-9][0-9][0-9].json")
    return {int(record.stem[1:]) for record in records}


def decoder_killed(world: World) -> None:
    """One of the forked processes in which ecCodes decodes, as the kernel does where memory is short."""
    life = world.ingest()
    found: list[psutil.Process] = []

    def forked() -> bool:
        found[:] = life.children()
        return bool(found) or life.over.is_set()

    wait_until(forked, "decoders are forked")
    if found:
        victim = world.chance.choice(found)
        victim.kill()
    life.wait()


def twins_in_one_folder(world: World) -> None:
    """Two ingests of a model on one machine: one is told that it is busy."""
    lives = [world.ingest(f"twin{number}") for number in (1, 2)]
    codes = [life.wait() for life in lives]
    if codes.count(0) < 1:
        world.breaches.append(f"of two ingests none published: {[life.said() for life in lives]}")
    for life in lives:
        if life.code and "is being ingested already" not in life.said():
            world.breaches.append(f"the other of two ingests ended with {life.code}: {life.said()}")


def twins_on_two_machines(world: World) -> None:
    """Two ingests of a run on two machines, into one bucket; the second machine is given back."""
    lives = [world.ingest(f"machine{number}", machine=number) for number in (1, 2)]
    if world.chance.random() < 0.5:
        at_any_moment(world, lives.pop(world.chance.randrange(2)))
    codes = [life.wait() for life in lives]
    if 0 not in codes:
        world.breaches.append(f"of two ingests none published: {[life.said() for life in lives]}")
    for life in lives:
        if life.code and "meanwhile" not in life.said():
            world.breaches.append(f"an ingest that came second ended with {life.code}: {life.said()}")
    shutil.rmtree(world.work(2), ignore_errors=True)


def sync_killed(world: World) -> None:
    """At any moment of what it brings."""
    assert world.sync
    world.publish()
    world.sync.over.wait(2.0 * world.chance.random())
    world.sync.kill()
    world.sync.wait()


def sync_terminated(world: World) -> None:
    """SIGTERM and at once SIGKILL."""
    assert world.sync
    world.publish()
    world.sync.over.wait(2.0 * world.chance.random())
    world.sync.kill(signal.SIGTERM)
    world.sync.kill()
    world.sync.wait()


def sync_again(world: World) -> None:
    world.start_sync()


def worker_killed(world: World) -> None:
    """One of the two processes that answer; a request that it had taken is lost, the other answers the next."""
    world.away()
    workers = world.api_workers()
    victim = world.chance.choice(workers)
    victim.kill()
    victim.wait()
    wait_until(lambda: len(world.api_workers()) == 2 and victim not in world.api_workers(), "a worker takes its place")
    wait_until(world.answers, "the API answers")
    world.back()
    world.publish()


def server_killed(world: World) -> None:
    """The parent of the workers, which must not outlive it: its port is to be free for the next."""
    assert world.api
    world.away()
    workers = world.api_workers()
    world.api.kill()
    world.api.wait()
    _, alive = psutil.wait_procs(workers, timeout=30)
    if alive:
        world.breaches.append(f"{len(alive)} workers outlive the server that started them")
        for orphan in alive:
            orphan.kill()


def server_terminated(world: World) -> None:
    """SIGTERM and at once SIGKILL."""
    assert world.api
    world.api.kill(signal.SIGTERM)
    server_killed(world)


def server_again(world: World) -> None:
    world.start_api()
    world.back()
    world.publish()


def _nothing(world: World) -> None:
    return


def _fault(
    name: str, group: Group, title: str, begin: Deed, end: Deed = heal, told: frozenset[Kind] = frozenset()
) -> Fault[World]:
    return Fault(name, group, title, begin, end, told)


KILLS: tuple[Fault[World], ...] = (
    _fault("ingest-killed", Group.KILL, "kill -9 of an ingest, any moment", ingest_killed),
    _fault("ingest-terminated", Group.KILL, "SIGTERM, then kill -9 of an ingest", ingest_terminated),
    _fault("ingest-killed-published", Group.KILL, "kill -9 of an ingest at the swap", killed_when_published),
    _fault("ingest-goes-on", Group.KILL, "killed while it fetches; the same machine goes on",
           killed_while_it_fetches, here),
    _fault("ingest-elsewhere", Group.KILL, "killed while it fetches; another machine begins anew",
           killed_while_it_fetches, elsewhere),
    _fault("partial-not-told", Group.KILL, "killed at the swap of a run that lacks a variable",
           killed_before_it_tells, whole_again, frozenset({Kind.PARTIAL})),
    _fault("twins-one-folder", Group.TWINS, "two ingests in one work folder", twins_in_one_folder),
    _fault("twins-two-machines", Group.TWINS, "two ingests on two machines, one perhaps killed",
           twins_on_two_machines),
    _fault("sync-killed", Group.KILL, "kill -9 of sync, any moment", sync_killed, sync_again),
    _fault("sync-terminated", Group.KILL, "SIGTERM, then kill -9 of sync", sync_terminated, sync_again),
    _fault("api-worker-killed", Group.KILL, "kill -9 of one API worker of two", worker_killed, _nothing),
    _fault("api-killed", Group.KILL, "kill -9 of the API's parent; started again", server_killed, server_again),
    _fault("api-terminated", Group.KILL, "SIGTERM, then kill -9 of the API", server_terminated, server_again),
)  # fmt: skip
"""Those of any model, without Prefect."""

DECODERS: tuple[Fault[World], ...] = (
    _fault("decoder-killed", Group.KILL, "kill -9 of a forked decoder", decoder_killed),
)
"""Those of a world of IFS, whose packing ecCodes alone decodes."""
