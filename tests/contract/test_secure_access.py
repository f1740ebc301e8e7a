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

"""Management encryption: nodes that differ do not see each other."""

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls.ca import Authority
from tests.contract import site
from tests.contract import test_gluster

_DIRECTORY = '/usr/lib/ssl'
_SECONDS = 120


class SecureAccessContract(test_gluster.GlusterContract):
    """Three hosts with certificates, and a volume on all of them."""

    def setUp(self):
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        authority = Authority.load_or_create(f'{directory}/ca')
        for node in self.nodes:
            bundle = issue.issue_node(authority, 'contract')
            self.run_on(node, *distribute.deploy_commands(bundle, _DIRECTORY))
        self.addCleanup(self._put_back)
        self.create(start=True)

    def _put_back(self):
        """Leave hosts that speak plain text, and see each other."""
        for node in self.nodes:
            self.run_on(
                node,
                system.remove_file(names.SECURE_ACCESS),
                system.service_restart(),
                *distribute.remove_commands(_DIRECTORY),
            )
        self.wait_connected()

    def secure(self, *nodes):
        for node in nodes:
            self.run_on(
                node,
                system.write_file(names.SECURE_ACCESS, '\n'),
                system.service_restart(),
            )

    def plain(self, *nodes):
        for node in nodes:
            self.run_on(
                node,
                system.remove_file(names.SECURE_ACCESS),
                system.service_restart(),
            )

    def ready(self, node):
        """Count the peers that a host sees, with itself."""
        try:
            return sum(self.peers(node).values())
        except exceptions.CommandFailed:
            return None

    def running(self, node):
        """Count the bricks that run, as a host sees it."""
        try:
            said = self.said(node, test_gluster._STATUS)
            return len(gluster_xml.brick_ports('n', said))
        except exceptions.HostError:
            return None

    def test_one_alone_then_all_then_none(self):
        with self.eventually(_SECONDS) as until:
            until(lambda: self.running(self.first) == 3)

        self.secure(self.first)
        with self.eventually(_SECONDS) as until:
            until(lambda: self.ready(self.first) == 1)
            until(lambda: self.ready(self.second) == 2)
            until(lambda: self.ready(self.third) == 2)
            until(lambda: self.running(self.second) == 2)
            until(lambda: not self.running(self.first))

        self.secure(self.second, self.third)
        self.wait_connected()
        with self.eventually(_SECONDS) as until:
            until(lambda: self.running(self.second) == 3)
        self.run_on(
            self.first, gluster.volume_set(test_gluster.NAME, {'user.a': 'b'})
        )

        self.plain(*self.nodes)
        self.wait_connected()
        with self.eventually(_SECONDS) as until:
            until(lambda: self.running(self.third) == 3)

    def test_a_file_counts_from_the_next_start(self):
        self.run_on(self.first, system.write_file(names.SECURE_ACCESS, '\n'))

        self.pause()

        self.assertEqual(3, self.ready(self.second))


class SimulatedSecureAccessTest(SecureAccessContract, site.SimulatedSite):
    """On simulated hosts."""


class LabSecureAccessTest(SecureAccessContract, site.LabSite):
    """On real hosts."""
