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


"""Clusters and nodes come and go while nodes are looked at."""

from typing import Any

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.operations.truth import check
from manila_gluster_heketi.operations.truth.codes import Code
from tests.functional import deployment
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says
from tests.functional.truth import test_check


class MeanwhileTestCase(test_check.TruthTestCase):
    """What was not there at first, or is not there any more."""

    def two_clusters(self) -> deployment.Deployment:
        """Have a second cluster with a node alone, and its record lost."""
        d = self.deploy(nodes=4, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        document = d.document('gl4', name='c2')
        document['clusters'][0]['nodes'][0]['devices'] = []
        d.load(document)
        self.lose_record(d, 'gl4')
        return d

    def lose_record(self, d: deployment.Deployment, host: str) -> None:
        """Take away what a host says of itself."""
        del d.cluster.host(host).space.root.files[names.NODE_RECORD]

    def in_the_second_look(self, d: deployment.Deployment) -> None:
        """Have that node go while it is looked at for the second time."""
        other, _ = d.process()
        concerns = on('gl4', says('pvs'))
        seen = []

        def count(host: str, command: Any) -> None:
            if concerns(host, command):
                seen.append(host)
                if len(seen) == 2:
                    other.hardware.remove_node('gl4')

        d.executor.before = count

    def between_the_looks(self, d: deployment.Deployment) -> None:
        """Have the last node go when the first look is over."""
        other, _ = d.process()
        look = check.look
        done = []

        def look_and_remove(*args: Any, **kwargs: Any) -> check.Look:
            found = look(*args, **kwargs)
            if not done:
                done.append(found)
                other.hardware.remove_device('gl4', '/dev/vdb')
                other.hardware.remove_node('gl4')
            return found

        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.operations.truth.check.look',
                look_and_remove,
            )
        )

    def test_a_cluster_gets_its_first_nodes(self) -> None:
        """It has no pool to be compared with yet."""
        d = self.deploy(nodes=6, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        other, _ = d.process()
        second = d.document('gl4', 'gl5', 'gl6', name='c2')
        d.executor.before = once(
            says('pvs'), lambda host, command: d.load_in(other, second)
        )
        report = d.service.truth.check()
        self.assertEqual([], self.codes(report))
        self.assertEqual(6, report.nodes)

    def test_a_node_goes_between_two_looks(self) -> None:
        """Nobody named it, and nothing is said of it any more."""
        d = self.deploy(nodes=4)
        self.lose_record(d, 'gl2')
        self.lose_record(d, 'gl4')
        self.between_the_looks(d)
        [checked] = d.service.truth.check().checked
        self.assertEqual(
            (Code.NODE_RECORD, 'gl2'),
            (checked.finding.code, checked.finding.host),
        )

    def test_the_only_node_with_a_finding_goes(self) -> None:
        """Then nothing is left to be looked at, not everything."""
        d = self.deploy(nodes=4)
        self.lose_record(d, 'gl4')
        self.between_the_looks(d)
        self.assertEqual([], self.codes(d.service.truth.check()))

    def test_a_node_goes_during_the_second_look(self) -> None:
        """It was there when that look began."""
        d = self.two_clusters()
        self.in_the_second_look(d)
        self.assertEqual([], self.codes(d.service.truth.check()))

    def test_the_cluster_that_is_asked_for_goes(self) -> None:
        """With its last node; that it was there was true."""
        d = self.two_clusters()
        self.in_the_second_look(d)
        report = d.service.truth.check(cluster='c2')
        self.assertEqual([], self.codes(report))
        self.assertRaises(
            exceptions.NotFound, d.service.truth.check, cluster='c2'
        )
