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
import os

from cliff import lister
from cliff import show

from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.tls import issue


class Issue(show.ShowOne):
    """Issue a key and a certificate for a client.

    Writes glusterfs.key (mode 0600), glusterfs.pem and glusterfs.ca. They go
    to the directory where the client's glusterfs reads them: /etc/ssl, or
    /usr/lib/ssl on Debian.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the name and where the files go."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'common_name',
            metavar='CN',
            help='the name to allow with "share access create SHARE cert CN"',
        )
        parser.add_argument(
            '--directory',
            default='.',
            help='where the three files go; default: here',
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
        service = configured.service_for(self.app)
        os.makedirs(parsed_args.directory, mode=0o700, exist_ok=True)
        bundle = service.issue_client(
            parsed_args.common_name, parsed_args.days
        )
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


class List(lister.Lister):
    """List the certificates that were issued."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each certificate."""
        service = configured.service_for(self.app)
        return (
            ('Serial', 'Common Name', 'Kind', 'Not After'),
            [
                (c.serial, c.common_name, c.kind, c.not_after.isoformat())
                for c in service.certificates()
            ],
        )
