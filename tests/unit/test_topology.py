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

"""Tests of the topology document."""

import copy
import dataclasses
import json
from typing import Any

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import topology
from tests import base


def _node(
    host: str, *devices: Any, zone: Any = 1, **more: Any
) -> dict[str, Any]:
    hostnames = {'manage': [host], 'storage': [f'{host}.storage']}
    node = {'hostnames': hostnames, 'zone': zone, **more}
    return {'node': node, 'devices': list(devices)}


DOCUMENT: Any = {
    'clusters': [
        {
            'name': 'gold',
            'nodes': [
                _node('gl1', '/dev/sdb', '/dev/sdc', tags={'rack': 'a'}),
                _node(
                    'gl2',
                    {'name': '/dev/sdb', 'tags': {'disk': 'ssd'}},
                    zone=2,
                ),
            ],
        }
    ]
}

NODE = 'clusters[0].nodes[0].node'
DEVICES = 'clusters[0].nodes[0].devices'


def _wanted(document: Any) -> topology.WantedTopology:
    return topology.parse(json.dumps(document), 'topology.json')


def _loaded(
    wanted: topology.WantedTopology,
    current: topology.CurrentTopology | None = None,
) -> topology.CurrentTopology:
    """Apply a diff as a loader does, with ids that say what they are."""
    current = current or topology.CurrentTopology()
    diff = topology.diff(current, wanted)
    clusters = {c.id: c for c in current.clusters}
    nodes = {n.id: n for n in current.nodes}
    devices = {d.id: d for d in current.devices}
    for cluster in diff.clusters:
        identity = f'id-{cluster.name or cluster.nodes[0].manage_host}'
        clusters[identity] = model.Cluster(identity, cluster.name)
    for new in diff.nodes:
        home = new.cluster.name or new.cluster.nodes[0].manage_host
        node = new.node
        nodes[node.manage_host] = model.Node(
            id=node.manage_host,
            cluster_id=new.cluster_id or f'id-{home}',
            manage_host=node.manage_host,
            storage_host=node.storage_host,
            zone=node.zone,
            tags=node.tags or {},
        )
    for added in diff.devices:
        host, path = added.node.manage_host, added.device.path
        devices[host + path] = model.Device(
            id=host + path,
            node_id=added.node_id or host,
            path=path,
            vg_name='vg',
            pool_name='pool',
            total_bytes=1,
            extent_bytes=1,
            tags=added.device.tags or {},
        )
    nodes.update({u.after.id: u.after for u in diff.node_updates})
    devices.update({u.after.id: u.after for u in diff.device_updates})
    return topology.CurrentTopology(
        tuple(clusters.values()),
        tuple(nodes.values()),
        tuple(devices.values()),
    )


class ParseTestCase(base.TestCase):
    """What is in a document that can be read."""

    def test_devices_are_strings_or_objects(self) -> None:
        """Both forms may be mixed."""
        wanted = _wanted(
            {
                'clusters': [
                    {
                        'file': True,
                        'block': False,
                        'nodes': [
                            _node(
                                'gl1',
                                '/dev/sdb',
                                {
                                    'name': '/dev/disk/by-id/x:1',
                                    'destroydata': True,
                                    'tags': {'a': 'b'},
                                },
                            )
                        ],
                    }
                ]
            }
        )
        node = topology.WantedNode(
            manage_host='gl1',
            storage_host='gl1.storage',
            zone=1,
            devices=(
                topology.WantedDevice('/dev/sdb'),
                topology.WantedDevice('/dev/disk/by-id/x:1', True, {'a': 'b'}),
            ),
        )
        cluster = topology.WantedCluster('', (node,))
        self.assertEqual(topology.WantedTopology((cluster,)), wanted)

    def test_first_hostname_counts(self) -> None:
        """Further ones are accepted, as Heketi does."""
        document = copy.deepcopy(DOCUMENT)
        names = document['clusters'][0]['nodes'][0]['node']
        names['hostnames']['manage'] = ['gl1', 'gl1-spare']
        node = _wanted(document).clusters[0].nodes[0]
        self.assertEqual('gl1', node.manage_host)

    def test_same_path_on_two_nodes_is_no_repetition(self) -> None:
        """A path is one node's own."""
        self.assertEqual(2, len(_wanted(DOCUMENT).clusters[0].nodes))

    def test_node_may_have_no_devices_yet(self) -> None:
        """They can be added later."""
        document = copy.deepcopy(DOCUMENT)
        del document['clusters'][0]['nodes'][0]['devices']
        self.assertEqual((), _wanted(document).clusters[0].nodes[0].devices)


@ddt.ddt
class BadDocumentTestCase(base.TestCase):
    """What is refused, where, and with which words."""

    def _refused(self, text: str | bytes, field: str, *words: str) -> None:
        error = self.assertRaises(
            exceptions.InvalidTopology, topology.parse, text, 'topology.json'
        )
        self.assertEqual(field, error.fields['field'])
        self.assertEqual('topology.json', error.fields['source'])
        for word in words:
            self.assertIn(word, error.fields['reason'])

    @ddt.data(
        ('{"clusters": [}', 'line 1, column 15'),
        ('{\n  "clusters": nothing}', 'line 2, column 15'),
        ('', 'line 1, column 1'),
        ('{} {}', 'line 1, column 4'),
        (b'\xff\xfe\xfd', 'the document'),
        ('{"clusters": NaN}', 'the document'),
        ('[' * 100_000, 'the document'),
        ('1' * 5000, 'the document'),
    )
    @ddt.unpack
    def test_not_json(self, text: str | bytes, field: str) -> None:
        """The place of the mistake is named."""
        self._refused(text, field, 'not JSON')

    @ddt.data(
        ([], 'the document', 'object'),
        ({}, 'clusters', 'at least one cluster'),
        ({'clusters': []}, 'clusters', 'at least one cluster'),
        ({'clusters': 'gold'}, 'clusters', 'list'),
        ({'clusters': ['gold']}, 'clusters[0]', 'object'),
        ({'cluster': []}, 'cluster', "did you mean 'clusters'?"),
        ({'clusters': [{}]}, 'clusters[0].nodes', 'at least one node'),
        (
            {'clusters': [{'nodes': [], 'name': 'a'}]},
            'clusters[0].nodes',
            'at least one node',
        ),
        (
            {'clusters': [{'nodes': [{'devices': []}]}]},
            'clusters[0].nodes[0].node',
            'missing',
        ),
    )
    @ddt.unpack
    def test_bad_skeleton(self, document: Any, field: str, word: str) -> None:
        """Without clusters and nodes there is no topology."""
        self._refused(json.dumps(document), field, word)

    @ddt.data(
        ('zone', 0, NODE + '.zone', '1 to'),
        ('zone', -1, NODE + '.zone', '1 to'),
        ('zone', 2**31, NODE + '.zone', '1 to'),
        ('zone', '1', NODE + '.zone', 'without quotes'),
        ('zone', True, NODE + '.zone', 'whole number'),
        ('zone', 1.5, NODE + '.zone', 'whole number'),
        ('zone', None, NODE + '.zone', 'needs a zone'),
        ('zones', 1, NODE + '.zones', "did you mean 'zone'?"),
        ('colour', 1, NODE + '.colour', 'known: hostnames, tags, zone'),
        ('hostnames', 'gl1', NODE + '.hostnames', 'object'),
        (
            'hostnames',
            {'manage': ['a']},
            NODE + '.hostnames.storage',
            'missing',
        ),
        (
            'hostnames',
            {'manage': [], 'storage': ['a']},
            NODE + '.hostnames.manage',
            'at least one host',
        ),
        (
            'hostnames',
            {'manage': 'a', 'storage': ['a']},
            NODE + '.hostnames.manage',
            'list',
        ),
        ('tags', ['a'], NODE + '.tags', 'names and values'),
        ('tags', {'a': 1}, NODE + '.tags.a', 'text, in quotes'),
        ('tags', {'': 'a'}, NODE + '.tags.', '1 to 32'),
        ('tags', {'a b': 'a'}, NODE + '.tags.a b', '1 to 32'),
        ('tags', {'a' * 33: 'a'}, NODE + '.tags.' + 'a' * 33, '1 to 32'),
        ('tags', {'a': 'b' * 65}, NODE + '.tags.a', '64'),
        ('tags', {'a': 'b\n'}, NODE + '.tags.a', 'printable'),
        (
            'tags',
            {'arbiter': 'yes'},
            NODE + '.tags.arbiter',
            'one of required, supported, disabled',
        ),
        (
            'tags',
            {f'a{index}': '' for index in range(33)},
            NODE + '.tags',
            '32 tags, not 33',
        ),
    )
    @ddt.unpack
    def test_bad_node(
        self, key: str, value: Any, field: str, word: str
    ) -> None:
        """Each value of a node is checked."""
        node = _node('gl1')
        node['node'][key] = value
        document = {'clusters': [{'nodes': [node]}]}
        self._refused(json.dumps(document), field, word)

    @ddt.data('', ' ', '-oProxyCommand=x', 'a b', 'a/b', 'ü', 'a' * 254, 7)
    def test_bad_hostname(self, host: Any) -> None:
        """What ssh or gluster could misread is refused."""
        for kind in ('manage', 'storage'):
            node = _node('gl1')
            node['node']['hostnames'][kind] = ['gl1', host]
            document = {'clusters': [{'nodes': [node]}]}
            self._refused(
                json.dumps(document), f'{NODE}.hostnames.{kind}[1]', 'a host'
            )

    @ddt.data(
        ('sdb', DEVICES + '[0]', 'starts with /'),
        ('', DEVICES + '[0]', 'starts with /'),
        (7, DEVICES + '[0]', 'path'),
        (None, DEVICES + '[0]', 'path'),
        ('/dev/s d', DEVICES + '[0]', 'only'),
        ('/dev/$(id)', DEVICES + '[0]', 'only'),
        ('/', DEVICES + '[0]', 'only'),
        ('/dev/../etc/x', DEVICES + '[0]', '..'),
        ('//dev/sdb', DEVICES + '[0]', '//'),
        ('/dev//sdb', DEVICES + '[0]', '//'),
        ('/dev/sdb/', DEVICES + '[0]', 'last /'),
        ({'path': '/dev/sdb'}, DEVICES + '[0].path', 'unknown key'),
        ({'tags': {}}, DEVICES + '[0].name', 'missing'),
        ({'name': 'sdb'}, DEVICES + '[0].name', 'starts with /'),
        (
            {'name': '/dev/sdb', 'destroydata': 'yes'},
            DEVICES + '[0].destroydata',
            'true or false',
        ),
        (
            {'name': '/dev/sdb', 'destroy_data': True},
            DEVICES + '[0].destroy_data',
            "did you mean 'destroydata'?",
        ),
    )
    @ddt.unpack
    def test_bad_device(self, device: Any, field: str, word: str) -> None:
        """Each value of a device is checked."""
        document = {'clusters': [{'nodes': [_node('gl1', device)]}]}
        self._refused(json.dumps(document), field, word)

    @ddt.data('', '-gold', 'a b', 'a#b', 'a' * 64, 7)
    def test_bad_cluster_name(self, name: Any) -> None:
        """Manila makes the name part of a pool's name."""
        document = {'clusters': [{'name': name, 'nodes': [_node('gl1')]}]}
        self._refused(json.dumps(document), 'clusters[0].name', 'a name')

    def test_block_must_be_boolean(self) -> None:
        """It is ignored, but not if it is nonsense."""
        document = {'clusters': [{'block': 1, 'nodes': [_node('gl1')]}]}
        self._refused(
            json.dumps(document), 'clusters[0].block', 'true or false'
        )

    @ddt.data(
        (
            [_node('gl1', '/dev/sdb', {'name': '/dev/sdb'})],
            [],
            DEVICES + '[1].name',
            DEVICES + '[0]',
        ),
        (
            [_node('gl1'), _node('GL1')],
            [],
            'clusters[0].nodes[1].node.hostnames.manage[0]',
            NODE + '.hostnames.manage[0]',
        ),
        (
            [_node('gl1')],
            [_node('gl1')],
            'clusters[1].nodes[0].node.hostnames.manage[0]',
            NODE + '.hostnames.manage[0]',
        ),
    )
    @ddt.unpack
    def test_twice(
        self, first: Any, second: Any, field: str, before: str
    ) -> None:
        """Hosts and devices have one place."""
        clusters = [{'nodes': nodes} for nodes in (first, second) if nodes]
        self._refused(json.dumps({'clusters': clusters}), field, before)

    def test_same_storage_host_twice(self) -> None:
        """Gluster could not tell the nodes apart."""
        twin = _node('gl2')
        twin['node']['hostnames']['storage'] = ['gl1.storage']
        document = {'clusters': [{'nodes': [_node('gl1'), twin]}]}
        self._refused(
            json.dumps(document),
            'clusters[0].nodes[1].node.hostnames.storage[0]',
            'same',
        )

    def test_same_cluster_name_twice(self) -> None:
        """A name is one cluster's own."""
        clusters = [
            {'name': 'gold', 'nodes': [_node(host)]} for host in ('a', 'b')
        ]
        self._refused(
            json.dumps({'clusters': clusters}), 'clusters[1].name', 'same'
        )

    def test_key_twice(self) -> None:
        """JSON would silently take the last one."""
        text = json.dumps(DOCUMENT).replace(
            '"zone": 2', '"zone": 1, "zone": 2'
        )
        self._refused(text, 'clusters[0].nodes[1].node.zone', 'twice')


class DiffTestCase(base.TestCase):
    """What loading a document changes."""

    def setUp(self) -> None:
        """Load the document once."""
        super().setUp()
        self.document: Any = copy.deepcopy(DOCUMENT)
        self.current = _loaded(_wanted(DOCUMENT))

    def _diff(self) -> topology.TopologyDiff:
        return topology.diff(self.current, _wanted(self.document))

    def _nodes(self) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = self.document['clusters'][0]['nodes']
        return nodes

    def _refused(self, field: str, word: str) -> None:
        error = self.assertRaises(exceptions.InvalidTopology, self._diff)
        self.assertEqual(field, error.fields['field'])
        self.assertIn(word, error.fields['reason'])

    def test_first_load_adds_everything(self) -> None:
        """An empty store lacks all of it."""
        diff = topology.diff(
            topology.CurrentTopology(), _wanted(self.document)
        )
        self.assertEqual(['gold'], [c.name for c in diff.clusters])
        self.assertEqual(
            ['gl1', 'gl2'], [new.node.manage_host for new in diff.nodes]
        )
        self.assertEqual(
            [
                ('gl1', '/dev/sdb'),
                ('gl1', '/dev/sdc'),
                ('gl2', '/dev/sdb'),
            ],
            [(new.node.manage_host, new.device.path) for new in diff.devices],
        )
        self.assertFalse(diff.empty)

    def test_second_load_changes_nothing(self) -> None:
        """Loading is idempotent."""
        diff = self._diff()
        self.assertTrue(diff.empty)
        self.assertEqual((), diff.absent_nodes)
        self.assertEqual((), diff.absent_devices)

    def test_unnamed_cluster_is_known_by_its_nodes(self) -> None:
        """So Heketi's own documents can be loaded again."""
        del self.document['clusters'][0]['name']
        self._nodes().append(_node('gl3', '/dev/sdb'))
        diff = self._diff()
        self.assertEqual((), diff.clusters)
        self.assertEqual(['id-gold'], [n.cluster_id for n in diff.nodes])
        self.assertEqual([''], [d.node_id for d in diff.devices])

    def test_new_disk_in_known_node(self) -> None:
        """Only the disk is added."""
        self._nodes()[0]['devices'].append('/dev/sdd')
        diff = self._diff()
        self.assertEqual((), diff.nodes)
        (new,) = diff.devices
        self.assertEqual(('gl1', '/dev/sdd'), (new.node_id, new.device.path))

    def test_changed_zone_tags_and_storage_host(self) -> None:
        """What Heketi silently ignores is updated."""
        node = self._nodes()[0]['node']
        node['zone'] = 7
        node['tags'] = {'rack': 'b'}
        node['hostnames']['storage'] = ['10.0.0.1']
        self._nodes()[1]['devices'][0]['tags'] = {'disk': 'hdd'}
        diff = self._diff()
        (changed,) = diff.node_updates
        self.assertEqual(
            dataclasses.replace(
                changed.before,
                zone=7,
                tags={'rack': 'b'},
                storage_host='10.0.0.1',
            ),
            changed.after,
        )
        (device,) = diff.device_updates
        self.assertEqual({'disk': 'hdd'}, device.after.tags)
        self.current = _loaded(_wanted(self.document), self.current)
        self.assertTrue(self._diff().empty)

    def test_tags_that_are_not_mentioned_stay(self) -> None:
        """An object without tags does not ask for none."""
        del self._nodes()[0]['node']['tags']
        self._nodes()[1]['devices'] = ['/dev/sdb']
        self.assertTrue(self._diff().empty)

    def test_empty_tags_remove_them(self) -> None:
        """An object with empty tags does."""
        self._nodes()[0]['node']['tags'] = {}
        (changed,) = self._diff().node_updates
        self.assertEqual({}, changed.after.tags)

    def test_what_the_document_lacks_is_reported_only(self) -> None:
        """A forgotten line must not remove a node."""
        self._nodes().pop()
        diff = self._diff()
        self.assertTrue(diff.empty)
        self.assertEqual(['gl2'], [n.manage_host for n in diff.absent_nodes])
        self.assertEqual(['gl2/dev/sdb'], [d.id for d in diff.absent_devices])

    def test_other_cluster_is_reported_absent(self) -> None:
        """One document may speak of some clusters only."""
        self.document = {
            'clusters': [{'name': 'tin', 'nodes': [_node('gl9')]}]
        }
        diff = self._diff()
        self.assertEqual(['tin'], [c.name for c in diff.clusters])
        self.assertEqual(['gold'], [c.name for c in diff.absent_clusters])

    def test_node_does_not_move_between_clusters(self) -> None:
        """Gluster can't move a peer with its bricks."""
        moved = self._nodes().pop()
        self.document['clusters'].append({'name': 'tin', 'nodes': [moved]})
        self._refused('clusters[1].nodes[0].node', 'gold')

    def test_cluster_does_not_fall_apart(self) -> None:
        """Two unnamed clusters can't be one."""
        del self.document['clusters'][0]['name']
        self.document['clusters'].append({'nodes': [self._nodes().pop()]})
        self._refused('clusters[1]', 'one cluster')

    def test_storage_host_of_another_node(self) -> None:
        """Also when that node is not in the document."""
        self._nodes().pop()
        self._nodes()[0]['node']['hostnames']['storage'] = ['gl2.storage']
        self._refused(NODE + '.hostnames.storage[0]', 'gl2')


class DocumentTestCase(base.TestCase):
    """What there is, written as a document."""

    def test_export_loads_again_without_change(self) -> None:
        """The export is the inverse of loading."""
        current = _loaded(_wanted(DOCUMENT))
        written = topology.document(current)
        self.assertEqual(DOCUMENT, written)
        self.assertTrue(topology.diff(current, _wanted(written)).empty)

    def test_cluster_without_nodes_is_left_out(self) -> None:
        """No document can ask for one."""
        current = topology.CurrentTopology((model.Cluster('1', 'empty'),))
        self.assertEqual({'clusters': []}, topology.document(current))
