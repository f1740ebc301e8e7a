# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Several processes, any order of their steps, and everything goes wrong.

A failure is shrunk by hypothesis to the shortest list of steps that it finds,
which reads as a script: who was asked what, who took which step, what broke.
"""

import contextlib
import functools
import logging
import os
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import fixtures
import hypothesis
from hypothesis import stateful
from hypothesis import strategies

from manila_gluster_heketi import durability as durabilities
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from tests import base
from tests.crash import agreement
from tests.crash import change
from tests.crash import host_faults
from tests.crash import workers

_NODES = 5
_DISKS = 2
_ROUNDS = 4
_MORE = int(os.environ.get('GLUSTER_HEKETI_CRASH') == 'all')

_HOST = strategies.sampled_from([f'gl{n}' for n in range(1, _NODES + 1)])
_WHICH = strategies.integers(0, 2)
_SHARE = strategies.sampled_from(['s1', 's2', 's3'])
_CLIENTS = strategies.sets(
    strategies.sampled_from(['alice', 'bob', 'carol']), max_size=3
)
_DURABILITY = strategies.sampled_from(
    ['distribute', 'replicate:2', 'replicate:3', 'arbiter', 'disperse:2+1']
)
_FAULT = strategies.sampled_from(
    [each for each in host_faults.ALL if not each.in_midst]
)
_DISK = strategies.integers(0, _DISKS - 1)
#: As many hosts as may be ill at once.
_ILL = 2


def _step(**given: Any) -> Callable[[Any], Any]:
    """Make a rule after which everything that always holds is looked at.

    Invariants of hypothesis would do, but fill the script with their names.
    """

    def decorate(act: Callable[..., None]) -> Any:
        @functools.wraps(act)
        def acted(self: 'Machine', **chosen: Any) -> None:
            act(self, **chosen)
            self.check()

        return stateful.rule(**given)(acted)

    return decorate


_needs_share = stateful.precondition(
    lambda self: bool(self.idle() and self.shares())
)
_needs_idle = stateful.precondition(lambda self: bool(self.idle()))
_needs_busy = stateful.precondition(lambda self: bool(self.stage.turns.ready))
_needs_health = stateful.precondition(lambda self: len(self.ill) < _ILL)
_needs_illness = stateful.precondition(lambda self: bool(self.ill))


class Machine(stateful.RuleBasedStateMachine):
    """What can be asked, who goes on, and what can happen."""

    stage: workers.Workers
    bystander: object

    def __init__(self) -> None:
        super().__init__()
        self.stage.set_back()
        self.ill: dict[str, host_faults.HostFault] = {}
        self.without_record: set[str] = set()
        self.d = self.stage.deployment

    def teardown(self) -> None:
        """All is healed: everything has to come to an end, and to agree."""
        try:
            self._converge()
        finally:
            self.stage.close()

    def idle(self) -> list[int]:
        """List the processes that have nothing to do."""
        return [n for n, w in enumerate(self.stage.workers) if w.is_idle]

    def shares(self) -> list[str]:
        """List the shares that have a volume, or nearly."""
        return sorted(
            volume.share_id
            for volume in self.d.service.volumes()
            if volume.state is not model.VolumeState.CONDEMNED
            and volume.name.startswith('share-')
        )

    def empty_hosts(self) -> list[str]:
        """List the nodes that hold no bricks."""
        with self.d.service.store.read() as tx:
            return [
                node.manage_host
                for node in topology.nodes(tx)
                if not any(
                    volumes.bricks_of_device(tx, device.id)
                    for device in topology.devices(tx, node.id)
                )
            ]

    def has_new_hosts(self) -> bool:
        """Tell whether a load would add anything."""
        devices = sum(len(c.devices) for c in self.d.service.clusters())
        return devices < _NODES * len(self.d.disks)

    # --- what is asked ----------------------------------------------------

    def _ask(self, asked: str, act: Callable[[Service], object]) -> None:
        self.stage.ask(self.idle()[0], asked, act)

    @_needs_idle
    @_step(share=_SHARE, durability=_DURABILITY)
    def create(self, share: str, durability: str) -> None:
        """Ask for a volume."""
        spec = model.VolumeSpec(
            share,
            f'share-{share}',
            2 * GIB,
            durability=durabilities.parse(durability),
        )
        self._ask(f'create {share}', lambda s: s.create_volume(spec))

    @_needs_share
    @_step(which=_WHICH)
    def delete(self, which: int) -> None:
        """Ask for the end of a volume."""
        share = self.shares()[which % len(self.shares())]
        self._ask(f'delete {share}', lambda s: s.delete_volume(share))

    @_needs_share
    @_step(which=_WHICH, gigabytes=strategies.integers(3, 9))
    def extend(self, which: int, gigabytes: int) -> None:
        """Ask for a larger volume."""
        share = self.shares()[which % len(self.shares())]
        self._ask(
            f'extend {share}',
            lambda s: s.extend_volume(share, gigabytes * GIB),
        )

    @_needs_share
    @_step(which=_WHICH)
    def shrink(self, which: int) -> None:
        """Ask for a smaller volume."""
        share = self.shares()[which % len(self.shares())]
        self._ask(f'shrink {share}', lambda s: s.shrink_volume(share, GIB))

    @_needs_share
    @_step(which=_WHICH, clients=_CLIENTS)
    def change_access(self, which: int, clients: set[str]) -> None:
        """Ask for other clients."""
        share = self.shares()[which % len(self.shares())]
        self._ask(
            f'access {share}', lambda s: s.change_access(share, names=clients)
        )

    @stateful.precondition(lambda self: self.idle() and self.has_new_hosts())
    @_step()
    def load(self) -> None:
        """Ask for all hosts and devices that there are."""
        document = self.d.document()
        self._ask('load', lambda s: self.d.load_in(s, document))

    @_needs_idle
    @_step(host=_HOST, disk=_DISK)
    def remove_device(self, host: str, disk: int) -> None:
        """Ask for the end of a device, which may hold bricks."""
        path = self.d.disks[disk]
        self._ask(
            f'remove {host}:{path}',
            lambda s: s.hardware.remove_device(host, path),
        )

    @stateful.precondition(lambda self: self.idle() and self.empty_hosts())
    @_step(which=_WHICH)
    def remove_node(self, which: int) -> None:
        """Ask for the end of a node with its devices, which are empty yet."""
        host = self.empty_hosts()[which % len(self.empty_hosts())]

        def remove(service: Service) -> None:
            for path in self.d.disks:
                with contextlib.suppress(exceptions.NotFound):
                    service.hardware.remove_device(host, path)
            service.hardware.remove_node(host)

        self._ask(f'remove {host}', remove)

    @_needs_idle
    @_step()
    def repair(self) -> None:
        """Ask for all that can be mended."""
        self._ask('repair', lambda s: s.truth.repair())

    @_needs_idle
    @_step(host=_HOST)
    def renew(self, host: str) -> None:
        """Ask for a new certificate of a node."""
        self._ask(
            f'renew {host}',
            lambda s: s.node_certificates.renew((host,), every=True),
        )

    @stateful.precondition(
        lambda self: self.idle() and self.d.service.operations()
    )
    @_step()
    def recover(self) -> None:
        """Look for what others left open."""
        self._ask('recover', lambda s: s.recover())

    # --- who goes on ------------------------------------------------------

    @_needs_busy
    @_step(choice=strategies.integers(0, 7), times=strategies.integers(1, 15))
    def go_on(self, choice: int, times: int) -> None:
        """Let one of those who can go on do so, again and again."""
        for _ in range(times):
            self.stage.step(choice)

    @_needs_busy
    @_step()
    def finish(self) -> None:
        """Let all go on to the end."""
        self.stage.finish()

    # --- what happens -----------------------------------------------------

    @_needs_busy
    @_step(worker=strategies.integers(0, len(workers.MACHINES) - 1))
    def kill(self, worker: int) -> None:
        """A process dies, and another one takes its place."""
        self.stage.kill(worker)

    @_needs_health
    @_step(host=_HOST, fault=_FAULT)
    def strike(self, host: str, fault: host_faults.HostFault) -> None:
        """A host fails."""
        if host not in self.ill:
            self.ill[host] = fault
            fault.strike(self.stage.cluster, host)

    @_needs_health
    @_step(host=_HOST)
    def damage(self, host: str) -> None:
        """A host loses the record of itself, which recovery does not see."""
        files = self.stage.cluster.host(host).space.root.files
        if files.pop(names.NODE_RECORD, None):
            self.without_record.add(host)

    @_needs_illness
    @_step(which=strategies.integers(0, _ILL - 1))
    def heal(self, which: int) -> None:
        """A host is put right again."""
        host = list(self.ill)[which % len(self.ill)]
        self.ill.pop(host).heal(self.stage.cluster, host)

    @_step(minutes=strategies.sampled_from([1, 5, 20]))
    def pass_time(self, minutes: int) -> None:
        """Time passes, while all who work are asleep."""
        self.stage.pass_time(minutes)

    @_step(minutes=strategies.sampled_from([-20, -5, -2, 0, 2, 5, 20]))
    def set_clock(self, minutes: int) -> None:
        """The clock is set, right or wrong, under who works."""
        self.stage.clocks.set(minutes)

    @stateful.precondition(lambda self: self.idle() and self.stage.turns.ready)
    @_step(asleep=strategies.booleans(), times=strategies.integers(1, 15))
    def overtake(self, asleep: bool, times: int) -> None:
        """Who is at work is taken for dead: it slept, or the clock jumped."""
        if asleep:
            self.stage.pass_time(5)
        else:
            self.stage.clocks.set(20)
        self._ask('recover', lambda s: s.recover())
        for _ in range(times):
            self.stage.step(-1)

    # --- what always holds ------------------------------------------------

    def check(self) -> None:
        """Look at everything that holds at any moment."""
        found = [
            *self.stage.unexpected(),
            *self._over_committed(),
            *self._not_on_record(),
            *self._open_to_all(),
        ]
        if change.untouched(self.d) != self.bystander:
            found.append('the bystander was touched')
        assert not found, '\n'.join(found)

    def _over_committed(self) -> Iterator[str]:
        """No device has given away more than it has."""
        with self.d.service.store.read() as tx:
            for cluster in topology.clusters(tx):
                for each in topology.snapshot(tx, cluster.id).devices:
                    if each.used_bytes > max(0, each.device.total_bytes):
                        yield f'{each.device.path} is over-committed'

    def _not_on_record(self) -> Iterator[str]:
        """A brick is reserved before it is made, and until it is gone."""
        with self.d.service.store.read() as tx:
            known = {
                brick.lv_name
                for volume in volumes.volumes(tx)
                for brick in volumes.bricks(tx, volume.id)
            }
            known |= {device.pool_name for device in topology.devices(tx)}
        for name in self.d.hosts:
            for group in self.stage.cluster.host(name).disks.groups.values():
                for unknown in set(group.volumes) - known:
                    yield f'{name}: {unknown} is not on record'

    def _open_to_all(self) -> Iterator[str]:
        """No volume is started but with TLS and a list of clients."""
        for name in self.d.hosts:
            for each in self.stage.cluster.volumes(name).values():
                allowed = each.options.get('auth.ssl-allow', '*')
                if each.status == 'Started' and (
                    each.options.get('server.ssl') != 'on'
                    or '*' in allowed.split(',')
                ):
                    yield f'{name}: {each.name} is open to all'

    # --- the end ----------------------------------------------------------

    def _converge(self) -> None:
        for host, fault in self.ill.items():
            fault.heal(self.stage.cluster, host)
        self.stage.finish()
        for _ in range(_ROUNDS):
            self.stage.pass_time(20)
            found = [each.error for each in self.d.service.recover()]
            # A lease lasts longer that was taken while the clock was ahead.
            if not any(found) and not self.d.service.operations():
                break
        damage = {
            f'{host}: files: {names.NODE_RECORD} is missing'
            for host in self.without_record
        }
        found += [*{*agreement.differences(self.d)} - damage]
        if damage:
            self.d.service.truth.repair()
            found += agreement.differences(self.d)
        assert not any(found), '\n'.join(found)
        self.check()


class MachineTestCase(base.TestCase):
    """Many runs of it."""

    TIMEOUT_SCALING_FACTOR = 60 if _MORE else 5

    def test_any_order_of_anything(self) -> None:
        """All ends well."""
        # Many runs would fill the memory with what they log.
        self.useFixture(fixtures.FakeLogger(level=logging.ERROR))
        stage = self.useFixture(
            # More than there are nodes and volumes, so that no thread waits
            # for another one but in its turn.
            workers.Workers(nodes=_NODES, disks=_DISKS, cluster_operations=32)
        )
        d = stage.deployment
        document = d.document('gl1', 'gl2', 'gl3', 'gl4')
        for node in document['clusters'][0]['nodes']:
            node['devices'] = d.disks[:1]
        d.load(document)
        change.bystander(d)
        stage.save()
        machine = type(
            'Machine',
            (Machine,),
            {'stage': stage, 'bystander': change.untouched(d)},
        )
        stateful.run_state_machine_as_test(
            machine,
            settings=hypothesis.settings(
                max_examples=1000 if _MORE else 30,
                stateful_step_count=40,
                deadline=None,
                derandomize=not _MORE,
                database=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            ),
        )
