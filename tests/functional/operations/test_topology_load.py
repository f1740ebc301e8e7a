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

"""Loading topology documents: what is added, what is refused, what stays."""

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import journal
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says


class LoadTestCase(deployment.DeployedTestCase):
    """Documents that are fine."""

    def test_hosts_become_nodes(self) -> None:
        """Peers, certificates, pools and rows are there."""
        d = self.deploy(nodes=3, disks=2, load=False)
        report = d.load()

        actions = [(e.action, e.host, e.subject) for e in report.entries]
        self.assertEqual(
            [('added', '', 'cluster')]
            + [('added', h, 'node') for h in d.hosts]
            + [('added', h, path) for h in d.hosts for path in d.disks],
            actions,
        )
        self.assertEqual((), report.warnings)
        [snapshot] = d.service.clusters()
        self.assertEqual('c1', snapshot.cluster.name)
        self.assertEqual(6, len(snapshot.devices))
        for each in snapshot.devices:
            self.assertIs(model.EntryState.ONLINE, each.node.state)
            self.assertIs(model.EntryState.ONLINE, each.device.state)
            self.assertGreater(each.device.total_bytes, 19 * GIB)
            self.assertTrue(each.device.pv_uuid)
            pool = d.cluster.host(each.node.manage_host).disks.volume_at(
                f'/dev/{each.device.vg_name}/pool'
            )
            assert pool is not None
            self.assertEqual(pool.size_bytes, each.device.total_bytes)
        for host in d.hosts:
            files = dict(d.on_hosts()[host]['files'])
            self.assertIn('/usr/lib/ssl/glusterfs.pem', files)
            self.assertIn(
                'ping-timeout 10', files['/etc/glusterfs/glusterd.vol']
            )
        found = {c.common_name for c in d.service.clients.certificates()}
        self.assertEqual({f'gluster-heketi-node-{snapshot.cluster.id}'}, found)
        issued = d.service.clients.certificates()
        self.assertEqual(['node-add'] * 3, [c.asked_by for c in issued])
        self.assertEqual((), d.service.operations())

    def test_a_second_load_changes_nothing(self) -> None:
        """No entry, no command, no row."""
        d = self.deploy()
        before = d.world()
        commands = len(d.executor.seen)

        report = d.load()

        self.assertEqual(((), ()), (report.entries, report.warnings))
        self.assertEqual(before, d.world())
        self.assertEqual(commands, len(d.executor.seen))

    def test_the_exported_document_loads_without_a_change(self) -> None:
        """What export prints is what load reads."""
        d = self.deploy(disks=2)
        exported = d.service.topology_document()
        self.assertEqual(d.document(), exported)
        self.assertEqual((), d.load(exported).entries)

    def test_zone_and_tags_are_updated(self) -> None:
        """The node hears of it, so that a lost store can be rebuilt."""
        d = self.deploy()
        document = d.document()
        changed = document['clusters'][0]['nodes'][0]
        changed['node'].update(zone=9, tags={'rack': 'r7'})
        changed['devices'] = [{'name': '/dev/vdb', 'tags': {'disk': 'ssd'}}]
        commands = len(d.executor.seen)

        report = d.load(document)

        self.assertEqual(
            [('updated', 'gl1', 'node'), ('updated', 'gl1', '/dev/vdb')],
            [(e.action, e.host, e.subject) for e in report.entries],
        )
        node = d.service.nodes()[0]
        self.assertEqual((9, {'rack': 'r7'}), (node.zone, dict(node.tags)))
        tags = [
            dict(each.device.tags)
            for each in d.service.clusters()[0].devices
            if each.node.manage_host == 'gl1'
        ]
        self.assertEqual([{'disk': 'ssd'}], tags)
        [(host, command)] = d.executor.seen[commands:]
        self.assertEqual('gl1', host)
        self.assertIn(names.NODE_RECORD, command)
        record = d.node_record('gl1')
        self.assertEqual((9, {'rack': 'r7'}), (record.zone, record.tags))
        self.assertEqual([{'disk': 'ssd'}], [e.tags for e in record.devices])

    def test_a_node_that_can_not_hear_of_it(self) -> None:
        """The change stands, and the reader is warned."""
        d = self.deploy()
        before = d.node_record('gl1')
        document = d.document()
        document['clusters'][0]['nodes'][0]['node'].update(zone=9)
        d.cluster.cut_network('gl1')

        report = d.load(document)

        [warning] = report.warnings
        self.assertIn('node gl1 has an old record of itself', warning)
        self.assertIn('MGH-301', warning)
        self.assertEqual(9, d.service.nodes()[0].zone)
        self.assertEqual(before, d.node_record('gl1'))

    def test_nodes_know_themselves(self) -> None:
        """A record of the node and its devices; an undone load has none."""
        d = self.deploy(disks=2, load=False)
        d.executor.before = once(on('gl2', says('vgcreate')), fail())
        self.assertRaises(exceptions.OperationFailed, d.load)
        self.assertEqual((), d.node_record('gl2').devices)

        d.load()

        [snapshot] = d.service.clusters()
        for node in d.service.nodes():
            record = d.node_record(node.manage_host)
            self.assertEqual(
                (snapshot.cluster.id, 'c1', node.id, node.storage_host),
                (
                    record.cluster_id,
                    record.cluster_name,
                    record.node_id,
                    record.storage_host,
                ),
            )
            self.assertEqual(
                sorted(
                    (each.device.id, each.device.path)
                    for each in snapshot.devices
                    if each.node.id == node.id
                ),
                [(each.id, each.path) for each in record.devices],
            )

    def test_tags_of_new_nodes_and_devices(self) -> None:
        """A device's go before its node's."""
        d = self.deploy(load=False)
        document = d.document()
        [node, *_] = document['clusters'][0]['nodes']
        node['node']['tags'] = {'rack': 'r7', 'arbiter': 'disabled'}
        node['devices'] = [
            {
                'name': '/dev/vdb',
                'tags': {'disk': 'ssd', 'arbiter': 'required'},
            }
        ]

        d.load(document)

        [tags] = [
            each.tags
            for each in d.service.clusters()[0].devices
            if each.node.manage_host == 'gl1'
        ]
        self.assertEqual(
            {'rack': 'r7', 'disk': 'ssd', 'arbiter': 'required'}, tags
        )

    def test_a_node_joins_a_cluster_that_is_there(self) -> None:
        """It becomes a peer of all, and gets bricks."""
        d = self.deploy(nodes=4, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        volume = d.create()

        report = d.load(d.document('gl1', 'gl2', 'gl3', 'gl4'))

        self.assertEqual(
            ['node', '/dev/vdb'], [e.subject for e in report.entries]
        )
        self.assertEqual(4, len(d.service.nodes()))
        self.assertEqual(1, len(d.service.clusters()))
        # The same pool: the new peer knows the volume that was there.
        self.assertEqual((volume.name,), d.cluster.volume_names('gl4'))
        others = d.create('share-2')
        self.assertTrue(
            any('10.0.0.4:' in each for each in d.service.bricks(others))
        )

    def test_what_the_document_leaves_out_stays(self) -> None:
        """The reader is told, and nothing is removed."""
        d = self.deploy()
        before = d.world()
        report = d.load(d.document('gl1', 'gl2'))
        self.assertEqual((), report.entries)
        self.assertEqual(before, d.world())
        self.assertIn(
            'node gl3 is not in the document; it stays', report.warnings
        )

    def test_two_clusters_in_one_document(self) -> None:
        """Each is a pool of its own, with its own common name."""
        d = self.deploy(nodes=6, load=False)
        document = d.document('gl1', 'gl2', 'gl3')
        document['clusters'] += d.document('gl4', 'gl5', 'gl6', name='c2')[
            'clusters'
        ]

        d.load(document)

        self.assertEqual(
            ['c1', 'c2'], [s.cluster.name for s in d.service.clusters()]
        )
        one = d.create('share-1', cluster_id=d.service.cluster_named('c1').id)
        two = d.create('share-2', cluster_id=d.service.cluster_named('c2').id)
        self.assertEqual((one.name,), d.cluster.volume_names('gl1'))
        self.assertEqual((two.name,), d.cluster.volume_names('gl4'))
        names = {c.common_name for c in d.service.clients.certificates()}
        self.assertEqual(2, len(names))

    def test_destroydata_wipes_a_device(self) -> None:
        """Only if the document says so for that device."""
        d = self.deploy(load=False)
        d.cluster.host('gl2').disks.devices['/dev/vdb'].signatures[:] = [
            'ext4'
        ]
        document = d.document()
        document['clusters'][0]['nodes'][1]['devices'] = [
            {'name': '/dev/vdb', 'destroydata': True}
        ]
        d.load(document)
        self.assertEqual(3, len(d.service.clusters()[0].devices))

    def test_glusterd_is_left_alone_if_the_option_says_so(self) -> None:
        """With a ping time-out of 0 its file stays as it is."""
        d = self.deploy(peer_ping_timeout=0)
        files = dict(d.on_hosts()['gl1']['files'])
        self.assertIn('ping-timeout 0', files['/etc/glusterfs/glusterd.vol'])
        self.assertNotIn(
            str(system.service_restart()), [c for _, c in d.executor.seen]
        )


@ddt.ddt
class FailureTestCase(deployment.DeployedTestCase):
    """A host fails half-way: what was begun is taken back."""

    @ddt.data(
        ('set_ping_timeout',),
        ('restart', 'glusterd'),
        ('peer', 'probe'),
        ('write_file', '/usr/lib/ssl/glusterfs.pem'),
    )
    def test_a_step_of_adding_nodes_fails(self, words) -> None:
        """Nothing is left on any host or in the store."""
        d = self.deploy(load=False)
        before = d.world()
        d.executor.before = once(says(*words), fail())

        error = self.assertRaises(exceptions.OperationFailed, d.load)

        self.assertNotIsInstance(error, exceptions.OperationStuck)
        self.assertIn('it broke', str(error))
        self.assertEqual(before, d.world())
        # And what failed can be repeated.
        d.load()
        self.assertEqual(3, len(d.service.nodes()))

    @ddt.data(('vgcreate',), ('lvcreate',), ('pvs',), ('lvs',))
    def test_a_step_of_adding_devices_fails(self, words) -> None:
        """The nodes are there; no device is, on any host."""
        d = self.deploy(load=False, disks=2)
        document = d.document()
        for node in document['clusters'][0]['nodes']:
            node['devices'] = []
        d.load(document)
        before = d.world()
        d.executor.before = once(on('gl2', says(*words)), fail())

        self.assertRaises(exceptions.OperationFailed, d.load)

        self.assertEqual(before, d.world())
        d.load()
        self.assertEqual(6, len(d.service.clusters()[0].devices))

    def test_a_certificate_is_refused_and_undone(self) -> None:
        """A connection that breaks in the middle leaves no file behind."""
        d = self.deploy(load=False)
        before = d.world()
        d.executor.after = once(
            says('write_file', '/usr/lib/ssl/glusterfs.key'), _lose
        )
        self.assertRaises(exceptions.OperationFailed, d.load)
        self.assertEqual(before, d.world())

    def test_a_host_dies_while_it_joins(self) -> None:
        """The operation waits; recovery takes the rest back."""
        d = self.deploy(load=False)
        before = d.world()
        d.executor.before = once(
            on('gl3', says('write_file')),
            lambda host, command: d.cluster.power_off(host),
        )

        self.assertRaises(exceptions.OperationStuck, d.load)

        [operation] = d.service.operations()
        self.assertIs(model.OpState.STUCK, operation.state)
        [still] = d.service.recover()
        self.assertIn('gl3', still.error)
        d.cluster.power_on('gl3')
        [closed] = d.service.recover()
        self.assertEqual('', closed.error)
        self.assertEqual(before, d.world())
        d.load()
        self.assertEqual(3, len(d.service.nodes()))

    def test_no_load_while_one_is_half_way(self) -> None:
        """What waits for a host is finished, or the reader told, first."""
        d = self.deploy(load=False)
        d.executor.before = once(
            on('gl3', says('write_file')),
            lambda host, command: d.cluster.power_off(host),
        )
        self.assertRaises(exceptions.OperationStuck, d.load)
        before = d.world()

        error = self.assertRaises(exceptions.Conflict, d.load)

        [operation] = d.service.operations()
        self.assertIn(operation.id, str(error))
        self.assertEqual(before, d.world())
        d.cluster.power_on('gl3')
        d.load()
        self.assertEqual((), d.service.operations())
        self.assertEqual(3, len(d.service.nodes()))

    def test_a_failed_device_keeps_its_reason(self) -> None:
        """The journal tells later why."""
        d = self.deploy(load=False)
        d.executor.before = once(says('vgcreate'), fail('no such luck'))
        self.assertRaises(exceptions.OperationFailed, d.load)
        with d.service.store.read() as tx:
            [failed] = [
                each
                for each in journal.operations(tx)
                if each.state is model.OpState.UNDONE
            ]
        self.assertIn('no such luck', failed.error)

    def test_a_node_that_falls_silent_once_it_is_a_peer(self) -> None:
        """It is named, and detached as soon as it answers again."""
        d = self.deploy(load=False)
        before = d.world()
        d.executor.after = once(
            says('probe', '10.0.0.2'),
            lambda host, command: d.cluster.cut_network('gl2'),
        )
        error = self.assertRaises(exceptions.OperationFailed, d.load)
        self.assertIn('gl2', str(error))
        d.cluster.restore_network('gl2')
        d.expire_leases()
        d.service.recover()
        self.assertEqual(before, d.world())

    def test_peers_that_never_connect(self) -> None:
        """Waiting ends, who does not see whom is told, and all is undone."""
        d = self.deploy(load=False)
        before = d.world()
        d.cluster.cut_link('gl2', 'gl3')
        d.cluster.advance(3600)
        error = self.assertRaises(exceptions.OperationFailed, d.load)
        self.assertIn(
            'host gl2 is not connected to its peers: 10.0.0.3.', str(error)
        )
        d.cluster.mend_link('gl2', 'gl3')
        self.assertEqual(before, d.world())

    def test_a_peer_that_somebody_detaches(self) -> None:
        """Who is no peer is missed, though all that are see each other."""
        d = self.deploy(load=False)
        before = d.world()
        d.executor.after = once(
            says('probe', '10.0.0.1'),
            lambda host, command: d.cluster.run_batch(
                'gl1', [gluster.peer_detach('10.0.0.3')]
            ),
        )
        error = self.assertRaises(exceptions.OperationFailed, d.load)
        self.assertIn(
            'host gl1 is not connected to its peers: it knows 2 of 3.',
            str(error),
        )
        self.assertEqual(before, d.world())


def _lose(host, command):
    raise exceptions.ConnectionLost(
        host=host, command=str(command), reason='broken pipe'
    )
