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

"""Topology documents that are wrong: field and value are named."""

import json
import logging

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from tests.functional import deployment


def _moved_storage(document):
    hosts = document['clusters'][0]['nodes'][0]['node']['hostnames']
    hosts['storage'] = ['10.9.9.9']


def _moved_cluster(document):
    document['clusters'][0]['name'] = 'other'


def _storage_of_another(document):
    hosts = document['clusters'][0]['nodes'][0]['node']['hostnames']
    hosts['manage'] = ['gl9']


@ddt.ddt
class BadDocumentTestCase(deployment.DeployedTestCase):
    """A document that is wrong: field and value are named."""

    def _node(self, **changes):
        return {'clusters': [{'nodes': [self.d.node('gl1', **changes)]}]}

    def setUp(self) -> None:
        """Set hosts up, with nothing in the store."""
        super().setUp()
        self.d = self.deploy(load=False)

    def _refused(self, text: str, *parts: str) -> None:
        before = self.d.world()
        error = self.assertRaises(
            exceptions.InvalidTopology,
            self.d.service.load_topology,
            text,
            'file.json',
        )
        for part in ('file.json', *parts):
            self.assertIn(part, str(error))
        self.assertEqual(before, self.d.world())
        self.assertEqual([], self.d.executor.seen)

    @ddt.data(
        ('', 'line 1'),
        ('{', 'not JSON'),
        ('[]', 'must be an object'),
        ('{"clusters": []}', 'name at least one cluster'),
        ('{"clusters": [{"nodes": []}]}', 'at least one node'),
        ('{"cluster": []}', 'cluster', 'clusters'),
        ('{"clusters": [{"nodes": [{}]}]}', 'clusters[0].nodes[0].node'),
    )
    def test_not_a_document(self, case) -> None:
        """Where it is wrong is said."""
        self._refused(*case)

    @ddt.data(
        ({'zone': 0}, '.zone', '0'),
        ({'zone': '1'}, '.zone', "'1'"),
        ({'zone': None}, '.zone'),
        ({'zone': True}, '.zone', 'True'),
        ({'devices': ['vdb']}, '.devices[0]', "'vdb'"),
        ({'devices': ['/dev/vdb; reboot']}, '/dev/vdb; reboot'),
        ({'devices': ['/dev/../etc']}, '/dev/../etc'),
        ({'devices': ['/dev/vdb', '/dev/vdb']}, '.devices[1]', 'the same'),
        ({'devices': [{'name': '/dev/vdb', 'wipe': True}]}, '.wipe'),
        ({'hostnames': {'manage': [], 'storage': ['a']}}, '.manage'),
        ({'hostnames': {'manage': ['-oX'], 'storage': ['a']}}, '-oX'),
    )
    def test_a_node_that_is_wrong(self, case) -> None:
        """Field and value are named."""
        changes, *parts = case
        self._refused(json.dumps(self._node(**changes)), *parts)

    def test_a_host_twice(self) -> None:
        """Names compare without case."""
        node = self.d.node('gl1')
        again = self.d.node('gl1')
        again['node']['hostnames'] = {
            'manage': ['GL1'],
            'storage': ['10.0.0.7'],
        }
        self._refused(
            json.dumps({'clusters': [{'nodes': [node, again]}]}),
            'GL1',
            'the same is at',
        )

    @ddt.data(
        (_moved_storage, "'10.9.9.9'"),
        (_moved_cluster, 'nodes do not move between clusters'),
        (_storage_of_another, 'node gl1 has this storage host'),
    )
    @ddt.unpack
    def test_it_contradicts_the_store(self, change, part) -> None:
        """Bricks are known by address, so that it can't move."""
        self.d.load()
        self.d.executor.seen.clear()
        document = self.d.document()
        change(document)
        self._refused(json.dumps(document), part)

    def test_nothing_secret_is_logged(self) -> None:
        """Private keys go to hosts and nowhere else."""
        logged = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.d.load()
        self.assertNotIn('PRIVATE KEY', logged.output)
        self.assertNotIn(
            'PRIVATE KEY', '\n'.join(c for _, c in self.d.executor.seen)
        )
