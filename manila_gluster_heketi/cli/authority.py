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

"""``gluster-heketi ca``: the certificate authority itself."""

import argparse

from cliff import show

from manila_gluster_heketi import model
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.tls.description import Description

_COLUMNS = (
    'Kept In',
    'Subject',
    'SHA-256 Fingerprint',
    'Key Type',
    'Not Before',
    'Not After',
    'Encrypted',
    'Self-Signed',
    'Chain',
    'Rotation',
)


class Show(show.ShowOne):
    """Show the certificate authority; none is made.

    The chain lists who is above it, up to the root. While another one takes
    its place, the phase of that is shown; see "ca rotate --status".
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Show it."""
        service = configured.service_for(self.app)
        return _COLUMNS, _values(
            service.authority.describe(), service.authority.rotation()
        )


class Import(show.ShowOne):
    """Take over a certificate authority of your own, such as an intermediate.

    Only where there is none yet, so before the first node. All that is below
    the root of the chain will be trusted, what other authorities there issue
    too, so use a root that has no others.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the files."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--certificate',
            metavar='FILE',
            required=True,
            help='its certificate in PEM; those above it may follow',
        )
        parser.add_argument(
            '--key',
            metavar='FILE',
            required=True,
            help='its key in PEM, mode 0600; in the clear, or encrypted with '
            'the passphrase that is configured',
        )
        parser.add_argument(
            '--chain',
            metavar='FILE',
            default='',
            help='the certificates above it, up to the root, in any order',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Judge it, keep it, and show it."""
        service = configured.service_for(self.app)
        found = service.authority.take_over(
            parsed_args.certificate, parsed_args.key, parsed_args.chain
        )
        return _COLUMNS, _values(found)


class Encrypt(show.ShowOne):
    """Encrypt the key of the certificate authority.

    The passphrase is the one that the configuration names; give it to every
    host first. The file is replaced in one step. A key that is encrypted with
    this passphrase already is left as it is.
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Encrypt it, and show it."""
        service = configured.service_for(self.app)
        return _COLUMNS, _values(
            service.authority.encrypt(), service.authority.rotation()
        )


def _values(
    found: Description, rotation: model.Rotation | None = None
) -> tuple[object, ...]:
    phase = ''
    if rotation is not None and rotation.ended_at is None:
        phase = f'{rotation.phase}, {rotation.direction}'
    return (
        found.kept_in,
        found.subject,
        found.fingerprint,
        found.key_type,
        found.not_before.isoformat(),
        found.not_after.isoformat(),
        found.is_encrypted,
        not found.above,
        '\n'.join(found.above),
        phase,
    )
