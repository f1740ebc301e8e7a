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

"""``gluster-heketi enroll``: run by a tenant, on the tenant's machine."""

import argparse
import sys

from cliff import show

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.conf import choices
from manila_gluster_heketi.tenant import enrol
from manila_gluster_heketi.tenant import identity
from manila_gluster_heketi.tenant.endpoint import Endpoint
from manila_gluster_heketi.tls import tokens

_STDIN = '-'


class Enroll(show.ShowOne):
    """Get a certificate for this machine with the access key of a rule.

    Makes a key, which never leaves this machine, has it certified, and puts
    key, certificate and authority where this machine's glusterfs reads them.
    It needs no configuration. What is cut short is finished by the same
    command; until then what was there before stays or is put back. An access
    key is good for one machine; that it was used or withdrawn is said by the
    endpoint.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for what Manila's user has got, and where it goes."""
        parser = super().get_parser(prog_name)
        token = parser.add_mutually_exclusive_group(required=True)
        token.add_argument(
            '--token',
            metavar='KEY',
            help='the access key, as "openstack share access list" shows it; '
            'others on this machine may see it while this runs',
        )
        token.add_argument(
            '--token-file',
            metavar='FILE',
            help='a file whose only line is the access key; - for stdin',
        )
        parser.add_argument(
            '--url',
            required=True,
            help='of the endpoint: enrolment-url of the export location',
        )
        parser.add_argument(
            '--name',
            metavar='CN',
            default='',
            help='refuse an access key for another name',
        )
        parser.add_argument(
            '--share',
            metavar='ID',
            default='',
            help='refuse an access key for another share instance',
        )
        parser.add_argument(
            '--directory',
            help='where glusterfs of this machine reads its certificate; '
            'default: it is asked',
        )
        parser.add_argument(
            '--overwrite',
            action='store_true',
            help='replace the identity that this machine has',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Enrol, and show what was installed and how to mount."""
        url = choices.enrolment_url(parsed_args.url, '--url')
        if not url:
            raise exceptions.InvalidInput(
                field='--url', value='', reason='it is empty'
            )
        token = parsed_args.token or _read(parsed_args.token_file)
        done = enrol.enrol(
            token.strip(),
            Endpoint(url),
            parsed_args.directory or identity.directory_of_glusterfs(),
            common_name=parsed_args.name,
            share_id=parsed_args.share,
            overwrite=parsed_args.overwrite,
        )
        return (
            (
                'Common Name',
                'Share',
                'Serial',
                'Not After',
                'Directory',
                'Mount',
            ),
            (
                done.common_name,
                done.share_id,
                done.serial,
                done.not_after.isoformat(),
                done.directory,
                done.mount,
            ),
        )


def _read(path: str) -> str:
    """Read a token.

    :raises InvalidInput: it can't be read
    """
    limit = tokens.LIMIT + 2
    try:
        if path == _STDIN:
            return sys.stdin.read(limit)
        with open(path, encoding='ascii') as file:
            return file.read(limit)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, 'strerror', None) or 'it is no access key'
        raise exceptions.InvalidInput(
            field='--token-file', value=path, reason=reason
        ) from None
