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

"""``gluster-heketi cert``: identities for tenants' clients."""

import argparse
import sys

from cliff import lister
from cliff import show

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import invoker
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls.keys import KeyType

# Far more than a request with the largest key has.
_CSR_LIMIT = 64 * 1024


class Issue(show.ShowOne):
    """Issue a certificate for a client, with a key or for the client's own.

    Writes glusterfs.key (mode 0600), glusterfs.pem and glusterfs.ca. They go
    to the directory where the client's glusterfs reads them: /etc/ssl, or
    /usr/lib/ssl on Debian. With --csr no key is made or written.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the name, whose key it is, and where the files go."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'common_name',
            metavar='CN',
            help='the name to allow with "share access create SHARE cert CN"',
        )
        key = parser.add_mutually_exclusive_group()
        key.add_argument(
            '--csr',
            metavar='FILE',
            help="a certificate signing request in PEM with the client's own "
            'key; - for stdin. Nothing but the key is taken from it',
        )
        key.add_argument(
            '--key-type',
            choices=[each.value for each in KeyType],
            default=KeyType.EC_P256.value,
            help='the key to make; default: ec-p256',
        )
        parser.add_argument(
            '--directory',
            default='.',
            help='where the files go; default: here',
        )
        parser.add_argument(
            '--days', type=int, help='how long it is valid; default: 90'
        )
        parser.add_argument(
            '--overwrite', action='store_true', help='replace existing files'
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Issue it, write it, and say what was written."""
        # All that may be wrong here is found before it is on record.
        csr_pem = _read(parsed_args.csr) if parsed_args.csr else ''
        issue.check_directory(
            parsed_args.directory,
            has_key=not csr_pem,
            overwrite=parsed_args.overwrite,
        )
        service = configured.service_for(self.app)
        bundle = _issued(service, parsed_args, csr_pem)
        issue.make_directory(parsed_args.directory)
        issue.write_bundle(
            bundle, parsed_args.directory, overwrite=parsed_args.overwrite
        )
        record = bundle.record
        return (
            ('Common Name', 'Serial', 'Not After', 'Directory'),
            (
                record.common_name,
                record.serial,
                record.not_after.isoformat(),
                parsed_args.directory,
            ),
        )


def _issued(
    service: Service, parsed_args: argparse.Namespace, csr_pem: str
) -> issue.Bundle:
    name, days = parsed_args.common_name, parsed_args.days
    user = invoker.name()
    if csr_pem:
        return service.clients.sign(name, csr_pem, days, asked_by=user)
    return service.clients.issue(
        name, days, key_type=KeyType(parsed_args.key_type), asked_by=user
    )


def _read(path: str) -> str:
    """Read a request; who gives something else gives a key, perhaps.

    :raises InvalidInput: it can't be read, or is none
    """
    try:
        if path == '-':
            text = sys.stdin.read(_CSR_LIMIT + 1)
        else:
            with open(path, encoding='ascii') as file:
                text = file.read(_CSR_LIMIT + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, 'strerror', None) or 'it is not in PEM'
        raise exceptions.InvalidInput(
            field='--csr', value=path, reason=reason
        ) from None
    if not text.strip() or len(text) > _CSR_LIMIT:
        raise exceptions.InvalidInput(
            field='--csr',
            value=path,
            reason='it is empty, or too long for a request',
        )
    return text


class List(lister.Lister):
    """List the certificates that were issued, the first to expire first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask which ones."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--name', metavar='CN', default='', help='those of one name'
        )
        parser.add_argument(
            '--expired',
            action='store_true',
            help='those that hold no more',
        )
        parser.add_argument(
            '--json',
            action='store_const',
            const='json',
            default=argparse.SUPPRESS,
            dest='formatter',
            help='the same as -f json',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each certificate."""
        service = configured.service_for(self.app)
        found = service.clients.certificates(
            parsed_args.name, expired=parsed_args.expired
        )
        return (
            (
                'Serial',
                'Common Name',
                'Kind',
                'Share',
                'Asked By',
                'Issued',
                'Not After',
                'Revoked',
            ),
            [_row(each) for each in found],
        )


def _row(certificate: model.Certificate) -> tuple[str, ...]:
    issued, revoked = certificate.issued_at, certificate.revoked_at
    return (
        certificate.serial,
        certificate.common_name,
        certificate.kind,
        certificate.share_id,
        certificate.asked_by,
        issued.isoformat(timespec='seconds') if issued else '',
        certificate.not_after.isoformat(),
        revoked.isoformat(timespec='seconds') if revoked else '',
    )
