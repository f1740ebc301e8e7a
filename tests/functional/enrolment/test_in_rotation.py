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


"""Tenants enrol while the authority is rotated; the endpoint goes on."""

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.tls import reading
from tests.functional.enrolment import bench
from tests.functional.enrolment import test_tenant

_OF_THE_NEW_ONE = (RotationPhase.RE_SIGN, RotationPhase.TRUST_NEW, None)


@ddt.ddt
class InRotationTestCase(test_tenant.TenantTestCase):
    """An endpoint that was started before the rotation."""

    @ddt.data(RotationPhase.TRUST_BOTH, *_OF_THE_NEW_ONE)
    def test_with_an_access_key_of_that_phase(
        self, phase: RotationPhase | None
    ) -> None:
        """What is installed goes with the key, and trusts who signs."""
        self.d.service.rotations.rotate(phase)
        token = self.enrolment.grant(bench.SHARE, 'alice')
        self.enrol(token=token)

        found = self.files()
        leaf, *_ = reading.certificates(found['glusterfs.pem'])
        signer, *_ = reading.certificates(self.enrolment.authority_pem())
        self.assertTrue(reading.is_issued_by(leaf, signer))
        self.assertIn(signer, reading.certificates(found['glusterfs.ca']))

    @ddt.data(*_OF_THE_NEW_ONE)
    def test_with_an_access_key_of_the_old_authority(
        self, phase: RotationPhase | None
    ) -> None:
        """It is sent to nobody; the rule has another one by now."""
        self.d.service.rotations.rotate(phase)
        self.assertRaises(exceptions.EnrolmentFailed, self.enrol)
        self.assertEqual({}, self.files())

        tokens = self.enrolment.tokens(bench.SHARE, bench.RULES)
        self.assertNotEqual(self.token, tokens['rule-1'])
        self.enrol(token=tokens['rule-1'])
