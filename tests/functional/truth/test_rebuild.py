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


"""A lost store, restored from what the nodes say."""

import copy
import dataclasses
import os
from collections.abc import Callable
from typing import Any

import ddt

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.operations.truth import rebuild
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import KIB
from manila_gluster_heketi.store import volumes
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.truth import damage

_KINDS = (
    'distribute',
    'replicate:2',
    'replicate:3',
    'arbiter',
    'disperse:4+2',
    'disperse:2+1',
)


class LostStoreTestCase(deployment.DeployedTestCase):
    """The database is deleted, and with it its write-ahead log."""

    def lose(self, d: deployment.Deployment) -> None:
        """Lose the store; a new process finds nothing."""
        d.service.store.close()
        for name in os.listdir(d.directory):
            if name.startswith('store.sqlite'):
                os.unlink(os.path.join(d.directory, name))
        d.service, d.executor = d.process()
        self.assertEqual(((), ()), (d.service.nodes(), d.service.volumes()))

    def count(self, d: deployment.Deployment) -> dict[str, int]:
        """Count round trips from now on, by the host they go to."""
        d.service.store.close()
        seen: dict[str, int] = {}
        run_batch = d.cluster.run_batch

        def counting(host: str, batch: Any) -> Any:
            seen[host] = seen.get(host, 0) + 1
            return run_batch(host, batch)

        d.cluster.run_batch = counting
        self.addCleanup(delattr, d.cluster, 'run_batch')
        d.service.engine.site = dataclasses.replace(
            d.service.engine.site, executor=d.cluster
        )
        return seen


class RestoredTestCase(LostStoreTestCase):
    """All comes back as it was."""

    def _used(self) -> deployment.Deployment:
        """Deploy two clusters with some history."""
        d = self.deploy(nodes=9, disks=2, load=False)
        first, second = d.hosts[:6], d.hosts[6:]
        document = {
            'clusters': [
                *d.document(*first)['clusters'],
                *d.document(*second, name='c2')['clusters'],
            ]
        }
        for number, each in enumerate(document['clusters'][1]['nodes']):
            each['node']['tags'] = {'rack': f'r{number}'}
        node = document['clusters'][0]['nodes'][0]
        node['node']['tags'] = {'rack': 'ä r7', 'arbiter': 'disabled'}
        node['devices'][0] = {'name': '/dev/vdb', 'tags': {'disk': 'ssd'}}
        d.load(document)
        node['node']['zone'] = 8
        d.load(document)
        return d

    def _fill(self, d: deployment.Deployment) -> None:
        """Create volumes of all kinds, and change what can be changed."""
        c1, c2 = (d.service.cluster_named(n).id for n in ('c1', 'c2'))
        for number, kind in enumerate(2 * _KINDS):
            d.create(
                f'share-{number}',
                1 + number % 3,
                kind,
                cluster_id=c1,
                headroom_bytes=number * GIB // 4,
            )
        d.create(
            'share-fussy',
            1,
            'arbiter',
            'zone:strict,rack:prefer',
            cluster_id=c2,
            tags="not (disk = 'a b' or rack in (x, y))",
            average_file_bytes=4 * KIB,
        )
        d.create('', 1, 'replicate:3', cluster_id=c2)
        d.service.change_access('share-2', add=['zoe', 'alice', 'bob@a.org'])
        # In place, by sets, and back.
        d.service.extend_volume('share-3', 6 * GIB)
        d.service.extend_volume('share-0', 40 * GIB)
        d.service.shrink_volume('share-0', 30 * GIB)
        d.service.delete_volume('share-5')

    def _foreign(self, d: deployment.Deployment) -> None:
        """Have some volumes that are not ours on the same nodes."""
        for name in ('gl1', 'gl8'):
            host = d.cluster.host(name)
            d.cluster.pool(name).volumes['theirs'] = Volume(
                'theirs', durability.DISTRIBUTE, [f'{host.storage}:/srv/x']
            )
            vg = next(iter(host.disks.groups))
            d.cluster.run_batch(
                name, [lvm.brick_create(vg, 'pool', 'theirs', GIB, ('hers',))]
            )

    def test_row_by_row(self) -> None:
        """Equal but for history; life goes on, and strangers are left."""
        d = self._used()
        self._fill(d)
        self._foreign(d)
        before, hosts = d.record(), d.on_hosts()
        self.assertGreater(len(before['volumes']), 12)
        self.assertGreater(
            len({b.set_index for bricks in before['bricks'] for b in bricks}),
            1,
        )
        self.lose(d)

        rebuilt = d.service.truth.rebuild(['gl1', 'gl9'])

        self.assertEqual((), rebuilt.problems)
        self.assertEqual(before, d.record())
        self.assertEqual(hosts, d.on_hosts())
        self.assertEqual((), d.service.operations(every=True))
        self.assertTrue(d.service.truth.check().is_clean)
        self._live_on(d)

    def test_from_a_node_that_left_and_came_back(self) -> None:
        """It knows the one that probed it as others do."""
        d = self.deploy(nodes=4)
        for path in d.disks:
            d.service.hardware.remove_device('gl1', path)
        d.service.hardware.remove_node('gl1')
        d.load()
        d.create()
        before = d.record()
        self.lose(d)

        rebuilt = d.service.truth.rebuild(['gl1'])

        self.assertEqual((), rebuilt.problems)
        self.assertEqual(before, d.record())

    def test_a_name_that_only_a_peer_knows(self) -> None:
        """The next one leads to the node."""
        d = self.deploy(nodes=3)
        d.create()
        before = d.record()
        d.cluster.pool('gl1').member(d.cluster.host('gl2')).names.insert(
            0, 'n-17'
        )
        self.lose(d)

        rebuilt = d.service.truth.rebuild(['gl1'])

        self.assertEqual((), rebuilt.problems)
        self.assertEqual(before, d.record())

    def _live_on(self, d: deployment.Deployment) -> None:
        again = d.create('share-2', 1, 'replicate:3')
        self.assertEqual(('alice', 'bob@a.org', 'zoe'), again.access)
        d.create('share-new')
        d.service.extend_volume('share-3', 8 * GIB)
        d.service.change_access('share-2', remove=['zoe'])
        for volume in d.service.volumes():
            if volume.share_id:
                d.service.delete_volume(volume.share_id)
        self.assertEqual([''], [each.share_id for each in d.service.volumes()])
        self.assertEqual(('theirs',), d.cluster.volume_names('gl1'))

    def test_a_dry_run(self) -> None:
        """It says the same and writes nothing, also beside a full store."""
        d = self._used()
        self._fill(d)
        planned = d.service.truth.plan_rebuild(['gl3', 'gl7'])
        self.lose(d)
        before = d.record()
        self.assertEqual(planned, d.service.truth.plan_rebuild(['gl3', 'gl7']))
        self.assertEqual(before, d.record())
        self.assertEqual(planned, d.service.truth.rebuild(['gl3', 'gl7']))
        self.assertCountEqual(planned.volumes, d.service.volumes())

    def test_hosts_with_several_names(self) -> None:
        """Named twice, as SSH and as Gluster have it: still one node."""
        d = self._used()
        before = d.record()
        self.lose(d)
        d.service.truth.rebuild(['gl1', '10.0.0.1', 'gl2', 'gl1', 'gl7'])
        self.assertEqual(before, d.record())

    def test_all_hosts_named(self) -> None:
        """Where SSH does not reach the storage addresses."""
        d = self._used()
        self._fill(d)
        before = d.record()
        self.lose(d)
        for name in d.hosts:
            address = d.storage(name)
            d.cluster.refuse(
                address,
                exceptions.HostUnreachable(
                    host=address, reason='No route to host'
                ),
            )
        d.service.truth.rebuild(d.hosts)
        self.assertEqual(before, d.record())

    def test_host_keys(self) -> None:
        """ssh's own record of them is asked, as when a node is added."""
        d = self.deploy()
        line = 'gl2 ssh-ed25519 AAAAC3Nz'
        with open(d.settings.ssh.known_hosts, 'a', encoding='utf-8') as file:
            file.write(f'{line}\n')
        self.lose(d)
        d.service.truth.rebuild(['gl1'])
        self.assertEqual(
            ['', line, ''], [each.host_key for each in d.service.nodes()]
        )

    def test_what_is_offline(self) -> None:
        """No brick is put there afterwards either."""
        d = self.deploy(nodes=4, disks=2)
        offline = model.EntryState.OFFLINE
        d.service.hardware.set_node_state('gl4', offline)
        d.service.hardware.set_device_state('gl3', '/dev/vdc', offline)
        before = d.record()
        self.lose(d)
        d.service.truth.rebuild(['gl1'])
        self.assertEqual(before, d.record())

    def test_what_was_taken_away(self) -> None:
        """It does not come back, and the host may become a node anew."""
        d = self.deploy(nodes=4, disks=2)
        hardware = d.service.hardware
        hardware.remove_device('gl3', '/dev/vdc')
        hardware.remove_device('gl4', '/dev/vdb')
        hardware.remove_device('gl4', '/dev/vdc')
        hardware.remove_node('gl4')
        self.assertEqual([], list(d.service.truth.check().checked))
        before = d.record()
        self.lose(d)
        d.service.truth.rebuild(['gl1'])
        self.assertEqual(before, d.record())
        d.load()
        self.assertEqual(4, len(d.service.nodes()))

    def test_a_node_does_not_hear_that_it_is_offline(self) -> None:
        """It is found, and mended when the node is back."""
        d = self.deploy()
        d.cluster.cut_network('gl3')
        d.service.hardware.set_node_state('gl3', model.EntryState.OFFLINE)
        d.cluster.restore_network('gl3')
        [checked] = d.service.truth.repair().checked
        self.assertIs(Code.NODE_RECORD, checked.finding.code)
        self.assertTrue(checked.mended)
        before = d.record()
        self.lose(d)
        d.service.truth.rebuild(['gl1'])
        self.assertEqual(before, d.record())

    def test_one_round_trip_to_each_host(self) -> None:
        """And one more to two that most are connected to, for what is known.

        The host that was named is asked for its quotas, too.
        """
        d = self.deploy(nodes=6)
        for number in range(6):
            d.create(f'share-{number}')
        seen = self.count(d)
        d.service.truth.plan_rebuild(['gl1'])
        others = {host: n for host, n in seen.items() if host != 'gl1'}
        self.assertEqual([1, 1, 1, 1, 2], sorted(others.values()))
        self.assertEqual(6, len(seen))


class StoreInUseTestCase(LostStoreTestCase):
    """A store is restored as a whole or not at all."""

    def test_there_is_a_cluster(self) -> None:
        """Nothing is mixed with it."""
        d = self.deploy()
        before = d.record()
        error = self.assertRaises(
            exceptions.StoreInUse, d.service.truth.rebuild, ['gl1']
        )
        self.assertIn('not empty', str(error))
        self.assertEqual(before, d.record())

    def test_nothing_is_half_written(self) -> None:
        """One transaction, whatever breaks it."""
        d = self.deploy()
        d.create()
        before = d.record()
        self.lose(d)
        empty = d.record()
        rebuilt = d.service.truth.plan_rebuild(['gl1'])
        twice = dataclasses.replace(rebuilt, bricks=rebuilt.bricks * 2)
        self.assertRaises(
            exceptions.Conflict, rebuild.write, d.service.store, twice
        )
        self.assertEqual(empty, d.record())
        rebuild.write(d.service.store, rebuilt)
        self.assertEqual(before, d.record())


# --- what speaks against it -----------------------------------------------


def _copy_record(d: deployment.Deployment) -> None:
    """Make a node of a copy of another's root disk."""
    files = d.cluster.host('gl1').space.root.files
    damage._files(d)[names.NODE_RECORD] = files[names.NODE_RECORD]


def _edit_record(old: str, new: str) -> Callable[[Any], None]:
    def edit(d: deployment.Deployment) -> None:
        text = damage._files(d)[names.NODE_RECORD].content
        assert old in text
        damage._files(d)[names.NODE_RECORD] = File(
            text.replace(old, new), 0o644
        )

    return edit


def _add_device(d: deployment.Deployment) -> None:
    tags = marks.device_tags('f' * 32)
    d.cluster.run_batch(damage.HOST, [lvm.vg_create('vg_f', '/dev/vdc', tags)])


def _copy_device(d: deployment.Deployment) -> None:
    """Have another node say that it has this device, and show it."""
    group = damage.group(d)
    d.cluster.run_batch(
        'gl1',
        [
            lvm.vg_create('vg_copy', '/dev/vdc', group.tags),
            lvm.thin_pool_create('vg_copy', 'pool', GIB, GIB // 16),
        ],
    )
    files = d.cluster.host('gl1').space.root.files
    text = files[names.NODE_RECORD].content
    mine = damage._files(d)[names.NODE_RECORD].content
    [theirs, ours] = (
        _between(each, '"devices": [', ' ],') for each in (text, mine)
    )
    files[names.NODE_RECORD] = File(
        text.replace(theirs, f'{theirs.rstrip()},{ours}'), 0o644
    )


def _between(text: str, start: str, end: str) -> str:
    _, _, rest = text.partition(start)
    return rest.partition(end)[0]


def _copy_brick(d: deployment.Deployment) -> None:
    volume = damage.lv(d)
    d.cluster.run_batch(
        damage.HOST,
        [lvm.brick_create(volume.vg, 'pool', 'copy', GIB, volume.tags)],
    )


def _second_volume(name: str) -> Callable[[Any], None]:
    """Have a second volume that says an option of the first."""

    def second(d: deployment.Deployment) -> None:
        other = d.gluster(d.service.volume('share-2'))
        other.options[name] = damage.gluster(d).options[name]
        if name == names.OPTION_VOLUME_ID:
            for host in d.hosts:
                for group in d.cluster.host(host).disks.groups.values():
                    _retag(d, group)

    return second


def _retag(d: deployment.Deployment, group: Any) -> None:
    first, second = (d.service.volume(s).id for s in ('share-1', 'share-2'))
    for volume in group.volumes.values():
        volume.tags = tuple(
            each.replace(second, first) for each in volume.tags
        )


def _another_position(d: deployment.Deployment) -> None:
    damage.lv(d).tags = tuple(
        f'{names.TAG_POSITION}7' if names.TAG_POSITION in each else each
        for each in damage.lv(d).tags
    )


def _no_pool(d: deployment.Deployment) -> None:
    damage.group(d).volumes['pool'].name = 'other'
    damage.group(d).volumes['other'] = damage.group(d).volumes.pop('pool')


def _set(name: str, value: str) -> Callable[[Any], None]:
    def change(d: deployment.Deployment) -> None:
        damage.gluster(d).options[name] = value

    return change


def _first_missed_a_creation(d: deployment.Deployment) -> None:
    damage.miss(d, 'gl1', damage.gluster(d).name)


def _cut_off(host: str) -> Callable[[Any], None]:
    def cut(d: deployment.Deployment) -> None:
        d.cluster.cut_network(host, controller=False)
        d.cluster.advance(2000)

    return cut


def _old_options(host: str) -> Callable[[Any], None]:
    """Have a host miss that somebody may not mount any more."""

    def age(d: deployment.Deployment) -> None:
        volume = damage.gluster(d)
        old = copy.deepcopy(volume)
        old.options['auth.ssl-allow'] += ',mallory'
        damage.miss(d, host, volume.name, old)

    return age


def _rename_cluster(d: deployment.Deployment) -> None:
    _edit_record('"name": "c1"', '"name": "c9"')(d)


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something that speaks against a part of what the nodes say.

    :ivar codes: what it is called
    :ivar kept: whether share-1, and share-2, can be restored without it
    """

    name: str
    do: Callable[[deployment.Deployment], None]
    codes: tuple[Code, ...]
    kept: tuple[bool, bool]

    @property
    def __name__(self) -> str:
        """What ddt calls the test after."""
        return self.name


_NODE = (Code.VOLUME_FOREIGN_BRICK,)
_LEFT = (Code.BRICK_LEFT_OVER,)
_NEITHER, _SECOND, _BOTH = (False, False), (False, True), (True, True)
_PROBLEMS = (
    Problem(
        'silent',
        damage.the_network_is_cut,
        (Code.NODE_SILENT, *_NODE),
        _SECOND,
    ),
    Problem(
        'no record', damage.the_record_is_gone, (Code.NO_NODE, *_NODE), _SECOND
    ),
    Problem(
        'half a record',
        damage.the_record_is_half_written,
        (Code.NO_NODE, *_NODE),
        _SECOND,
    ),
    Problem('two nodes', _copy_record, (Code.NODE_TWICE, *_NODE), _SECOND),
    Problem(
        'two clusters in a pool',
        _rename_cluster,
        (Code.CLUSTER_UNCLEAR,),
        _NEITHER,
    ),
    Problem(
        'disk is gone',
        damage.the_disk_is_gone,
        (Code.DEVICE_GONE, *_NODE),
        _SECOND,
    ),
    Problem('pool is gone', _no_pool, (Code.POOL_MISSING, *_NODE), _SECOND),
    Problem('device too many', _add_device, (Code.DEVICE_UNRECORDED,), _BOTH),
    Problem('two devices', _copy_device, (Code.DEVICE_TWICE,), _SECOND),
    Problem(
        'half the tags',
        damage.the_brick_has_the_tags_of_an_older_release,
        (Code.BRICK_UNCLEAR, *_NODE),
        _SECOND,
    ),
    Problem('two bricks', _copy_brick, (Code.BRICK_UNCLEAR, *_NODE), _SECOND),
    Problem(
        'orphan',
        damage.there_is_an_orphan,
        (*_LEFT, Code.DEVICE_TAKEN),
        _BOTH,
    ),
    Problem('no volume', damage.the_volume_is_gone, _LEFT, _SECOND),
    Problem(
        'a node missed a creation',
        damage.the_node_missed_a_creation,
        (Code.NODE_MISSED,),
        _BOTH,
    ),
    Problem(
        'the node asked missed a creation',
        _first_missed_a_creation,
        (Code.NODE_MISSED,),
        _BOTH,
    ),
    Problem('a node is cut off', _cut_off('gl2'), (Code.NODE_NO_PEER,), _BOTH),
    Problem(
        'the node asked is cut off',
        _cut_off('gl1'),
        (Code.NODE_NO_PEER,),
        _BOTH,
    ),
    Problem(
        'a node has old options',
        _old_options('gl2'),
        (Code.VOLUME_DISPUTED,),
        _SECOND,
    ),
    Problem(
        'the node asked has old options',
        _old_options('gl1'),
        (Code.VOLUME_DISPUTED,),
        _SECOND,
    ),
    Problem(
        'a node missed a deletion',
        damage.the_node_missed_a_deletion,
        (Code.NODE_MISSED,),
        _BOTH,
    ),
    Problem(
        'foreign brick',
        damage.the_volume_has_a_foreign_brick,
        (*_LEFT, *_NODE),
        _SECOND,
    ),
    Problem(
        'tags of another brick',
        damage.the_brick_is_another,
        (Code.BRICK_UNCLEAR, *_NODE),
        _SECOND,
    ),
    Problem(
        'stopped',
        damage.the_volume_is_stopped,
        (Code.VOLUME_UNCLEAR,),
        _SECOND,
    ),
    Problem(
        'no limit', damage.there_is_no_limit, (Code.VOLUME_UNCLEAR,), _SECOND
    ),
    Problem(
        'no quota', damage.the_quota_is_off, (Code.VOLUME_UNCLEAR,), _SECOND
    ),
    Problem(
        'open to all',
        damage.everybody_may_mount,
        (Code.VOLUME_UNCLEAR,),
        _SECOND,
    ),
    Problem(
        'a pattern',
        _set('auth.ssl-allow', '*'),
        (Code.VOLUME_UNCLEAR,),
        _SECOND,
    ),
    Problem(
        'options are missing',
        damage.the_options_of_an_older_release,
        (Code.VOLUME_UNCLEAR,),
        _SECOND,
    ),
    Problem(
        'another kind',
        damage.the_volume_is_of_another_kind,
        (Code.VOLUME_UNCLEAR,),
        _SECOND,
    ),
    Problem(
        'another order',
        damage.the_bricks_are_in_another_order,
        (Code.VOLUME_UNCLEAR,),
        _SECOND,
    ),
    Problem(
        'another position', _another_position, (Code.VOLUME_UNCLEAR,), _SECOND
    ),
    Problem(
        'another id',
        damage.the_volume_is_another,
        (Code.VOLUME_FOREIGN_BRICK,),
        _SECOND,
    ),
    Problem(
        'one share twice',
        _second_volume(names.OPTION_SHARE_ID),
        (Code.VOLUME_TWICE,),
        _NEITHER,
    ),
    Problem(
        'one id twice',
        _second_volume(names.OPTION_VOLUME_ID),
        (Code.VOLUME_TWICE,),
        _NEITHER,
    ),
)


@ddt.ddt
class ProblemTestCase(LostStoreTestCase):
    """What contradicts itself or is half-way is named and refused."""

    def _deploy(self) -> deployment.Deployment:
        """Have share-1 on hosts 1 to 3, and share-2 on others."""
        d = self.deploy(nodes=6, disks=2, load=False)
        document = d.document()
        for node in document['clusters'][0]['nodes']:
            node['devices'] = ['/dev/vdb']
            number = int(node['node']['hostnames']['manage'][0][2:])
            node['node']['tags'] = {'half': str((number + 2) // 3)}
        d.load(document)
        d.create('share-1', 2, tags='half = 1')
        d.create('share-2', 2, tags='half = 2')
        return d

    @ddt.data(*_PROBLEMS)
    def test_problem(self, problem: Problem) -> None:
        """By its code; without what it is about the rest comes back."""
        d = self._deploy()
        kept = [
            (volume, d.bricks(volume))
            for volume, keep in zip(
                map(d.service.volume, ('share-1', 'share-2')), problem.kept
            )
            if keep
        ]
        problem.do(d)
        self.lose(d)
        hosts = d.on_hosts()

        error = self.assertRaises(
            exceptions.RebuildRefused, d.service.truth.rebuild, ['gl1']
        )

        refused = error.fields['rebuilt']
        found = {e.code for e in (*refused.problems, *refused.offline)}
        self.assertLessEqual(set(problem.codes), found)
        self.assertEqual(((), ()), (d.service.nodes(), d.service.volumes()))
        rebuilt = d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual(refused, rebuilt)
        self.assertEqual(
            kept,
            [(v, d.bricks(v)) for v in d.service.volumes()],
            [str(each) for each in rebuilt.problems],
        )
        self.assertEqual(hosts, d.on_hosts())

    def test_each_code_has_a_problem(self) -> None:
        """So that none is there in theory alone."""
        named = {code for each in _PROBLEMS for code in each.codes}
        self.assertEqual(
            set(), {c for c in Code if c.value.code > 'MGH-C7'} - named
        )

    def test_sets_in_another_order(self) -> None:
        """A file would be looked for in the wrong one."""
        d = self.deploy(nodes=6)
        d.create()
        d.service.extend_volume('share-1', 30 * GIB)
        found = damage.gluster(d).addresses
        self.assertGreater(len(found), 3)
        found[:] = [*found[3:6], *found[:3], *found[6:]]
        self.lose(d)
        rebuilt = d.service.truth.plan_rebuild(['gl1'])
        self.assertEqual(
            [Code.VOLUME_UNCLEAR], [p.code for p in rebuilt.problems]
        )
        self.assertIn('1.0, 1.1, 1.2, 0.0', rebuilt.problems[0].found)

    def test_two_clusters_of_one_name(self) -> None:
        """The name is what Manila knows a pool by."""
        d = self.deploy(nodes=6, load=False)
        for name, hosts in (('c1', d.hosts[:3]), ('c2', d.hosts[3:])):
            d.load(d.document(*hosts, name=name))
        for host in d.hosts[3:]:
            files = d.cluster.host(host).space.root.files
            text = files[names.NODE_RECORD].content
            files[names.NODE_RECORD] = File(text.replace('c2', 'c1'), 0o644)
        self.lose(d)
        rebuilt = d.service.truth.plan_rebuild(['gl1', 'gl4'])
        self.assertEqual(
            [Code.CLUSTER_UNCLEAR] * 2, [p.code for p in rebuilt.problems]
        )
        self.assertEqual((), rebuilt.nodes)

    def test_nobody_answers(self) -> None:
        """There is nothing to write."""
        d = self.deploy(load=False)
        for host in d.hosts:
            d.cluster.power_off(host)
        error = self.assertRaises(
            exceptions.RebuildRefused, d.service.truth.rebuild, ['gl1', 'gl2']
        )
        [first, second] = error.fields['rebuilt'].problems
        self.assertEqual(
            (Code.NODE_SILENT, Code.NODE_SILENT), (first.code, second.code)
        )

    def test_glusterd_does_not_answer(self) -> None:
        """On the host that was named; another one tells, but of it too."""
        d = self.deploy()
        d.create()
        before = d.record()
        self.lose(d)
        d.cluster.host('gl1').glusterd_runs = False
        rebuilt = d.service.truth.plan_rebuild(['gl1'])
        self.assertEqual(
            [Code.POOL_SILENT], [p.code for p in rebuilt.problems]
        )
        rebuilt = d.service.truth.rebuild(['gl1', 'gl2'], leave_out=True)
        self.assertEqual(
            [(Code.NODE_NO_PEER, 'gl1')],
            [(p.code, p.host) for p in rebuilt.problems],
        )
        self.assertEqual(before, d.record())

    def test_a_host_that_was_never_a_node(self) -> None:
        """Named by mistake, or a peer of somebody's own."""
        d = self.deploy(nodes=4, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        before = d.record()
        d.cluster.run_batch('gl1', [gluster.peer_probe('10.0.0.4')])
        self.lose(d)
        rebuilt = d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual([Code.NO_NODE], [p.code for p in rebuilt.problems])
        self.assertEqual(before, d.record())

    def test_a_creation_was_cut_short(self) -> None:
        """Its bricks are left over, at whatever command it ended."""
        for commands in (3, 9, 18, 21):
            d = self.deploy()
            d.create('share-2')
            before = d.record()
            d.executor.kill_after(commands)
            self.assertRaises(Killed, d.create)
            self.lose(d)
            rebuilt = d.service.truth.rebuild(['gl1'], leave_out=True)
            d.service.truth.repair(remove_orphans=True)
            if commands < 19:
                self.assertTrue(d.service.truth.check().is_clean)
            self.assertNotEqual((), rebuilt.offline)
            online = model.EntryState.ONLINE
            for host in d.hosts:
                d.service.hardware.set_device_state(host, '/dev/vdb', online)
            self.assertEqual(before, d.record(), commands)

    def test_a_deletion_was_cut_short(self) -> None:
        """What was given up does not come back."""
        d = self.deploy()
        d.create()
        d.create('share-2')
        d.cluster.power_off('gl3')
        d.service.delete_volume('share-1')
        d.cluster.power_on('gl3')
        self.lose(d)
        rebuilt = d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual(
            [Code.VOLUME_UNCLEAR], [p.code for p in rebuilt.problems]
        )
        self.assertEqual(
            ['share-2'], [v.share_id for v in d.service.volumes()]
        )

    def test_a_brick_that_grew_alone(self) -> None:
        """What it has is what is on record afterwards."""
        d = self.deploy()
        volume = d.create()
        damage.the_brick_is_larger(d)
        grown = damage.brick(d)
        self.lose(d)
        d.service.truth.rebuild(['gl1'])
        with d.service.store.read() as tx:
            sizes = {b.id: b.size_bytes for b in volumes.bricks(tx, volume.id)}
        self.assertEqual(damage.lv(d).size_bytes, sizes[grown.id])
        self.assertGreater(sizes[grown.id], grown.size_bytes)
        self.assertEqual(volume, d.service.volume('share-1'))
        self.assertTrue(d.service.truth.check().is_clean)
