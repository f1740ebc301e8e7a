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

"""``gluster-heketi ca rotate`` as its users run it."""

from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.tls import reading
from tests.functional.cli import commands


class RotateTestCase(commands.CommandTestCase):
    """Three nodes with a share."""

    def setUp(self) -> None:
        """Load them."""
        super().setUp()
        self.run_command('topology', 'load', self.topology)
        self.d.create()

    def test_phase_by_phase(self) -> None:
        """A row tells how far it is, lines what becomes of each node."""
        status, _, err = self.run_command(
            'ca', 'rotate', '--until', 'trust-both'
        )
        self.assertEqual(ExitCode.OK, status, err)
        self.assertIn('trust-both: gl2: trust-changed, handshake on port', err)
        found = self.json_of('ca', 'rotate', '--status')
        self.assertEqual('trust-both', found['Phase'])
        self.assertEqual('forward', found['Direction'])
        self.assertEqual('', found['Nodes Behind'])
        self.assertTrue(found['Linked'])
        shown = self.json_of('ca', 'show')
        self.assertEqual('trust-both, forward', shown['Rotation'])
        self.assertEqual(
            found['Old Fingerprint'], shown['SHA-256 Fingerprint']
        )
        found = self.json_of('ca', 'rotate')
        self.assertNotEqual('', found['Ended At'])
        shown = self.json_of('ca', 'show')
        self.assertEqual('', shown['Rotation'])
        self.assertEqual(
            found['New Fingerprint'], shown['SHA-256 Fingerprint']
        )

    def test_clients_that_are_left(self) -> None:
        """The code of the error, and who they are."""
        self.d.service.clients.issue('early')
        err = self.refused(ExitCode.FAILED, 'ca', 'rotate')
        self.assertIn('MGH-630', err)
        found = self.json_of('ca', 'rotate', '--status')
        self.assertEqual('re-sign', found['Phase'])
        self.assertIn('early, serial', found['Old Clients'])
        self.json_of('ca', 'rotate', '--force')

    def test_back(self) -> None:
        """The fingerprint is the old one."""
        before = self.json_of('ca', 'show')
        self.json_of('ca', 'rotate', '--until', 're-sign')
        found = self.json_of('ca', 'rotate', '--back')
        self.assertEqual(('trust-old', 'back'), self._told(found))
        self.assertEqual(before, self.json_of('ca', 'show'))
        for host in self.d.hosts:
            [trusted] = reading.certificates(self.d.trusted(host))
            self.assertEqual(
                before['SHA-256 Fingerprint'], reading.fingerprint(trusted)
            )

    def _told(self, found: dict[str, str]) -> tuple[str, str]:
        return found['Phase'], found['Direction']

    def test_there_is_none(self) -> None:
        """To look, or to go back."""
        for option in ('--status', '--back'):
            err = self.refused(ExitCode.FAILED, 'ca', 'rotate', option)
            self.assertIn('MGH-633', err)

    def test_what_does_not_go_together(self) -> None:
        """Nothing begins."""
        for options in (
            ('--key', 'x.key'),
            ('--certificate', 'x.pem'),
            ('--chain', 'x.pem'),
        ):
            self.refused(ExitCode.BAD_INPUT, 'ca', 'rotate', *options)
        self.assertIsNone(self.d.service.rotations.status())
