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

"""A share that lets alice in, and what is needed to enrol for it."""

import datetime
from typing import Any

import fixtures

from manila_gluster_heketi.service.enrolment import Enrolled
from manila_gluster_heketi.tls import csr
from manila_gluster_heketi.tls import keys
from tests.functional import deployment

SHARE = '10000000-0000-4000-8000-000000000001'
URL = 'https://127.0.0.1:8787'
RULES = {'rule-1': 'alice'}


class EnrolmentTestCase(deployment.DeployedTestCase):
    """Nodes with one share; alice has a token."""

    #: Options of the back end.
    OPTIONS: dict[str, Any] = {}

    def setUp(self) -> None:
        """Create the share."""
        super().setUp()
        self.d = self.deploy(**{'enrolment_url': self.url(), **self.OPTIONS})
        self.d.create(SHARE)
        self.d.service.change_access(SHARE, add=['alice'])
        self.enrolment = self.d.service.enrolment
        self.token = self.enrolment.tokens(SHARE, RULES)['rule-1']

    def url(self) -> str:
        """Choose where the endpoint is."""
        return URL

    @staticmethod
    def request(name: str = 'alice', key: Any = None) -> str:
        """Make a request, with a key of its own unless given."""
        return csr.make(key or keys.make(keys.KeyType.EC_P256), name)

    def redeem(
        self, token: str = '', request: str = '', **more: Any
    ) -> Enrolled:
        """Use a token, alice's unless given."""
        return self.enrolment.redeem(
            token or self.token, request or self.request(), **more
        )

    def on_record(self) -> tuple[Any, ...]:
        """Read what an enrolment changes."""
        return (
            self.enrolment.listed(),
            self.d.service.clients.certificates(),
            self.d.record(),
        )

    def let_pass(self, **time: float) -> None:
        """Let time pass for whoever asks for it."""
        later = datetime.datetime.now(
            datetime.timezone.utc
        ) + datetime.timedelta(**time)
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tls.policy.now', lambda: later
            )
        )
