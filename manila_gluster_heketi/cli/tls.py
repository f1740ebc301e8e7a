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

"""``gluster-heketi tls``: certificates of nodes."""

import argparse
import textwrap
from collections.abc import Callable

from cliff import lister

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.operations.tls_status import NodeStatus
from manila_gluster_heketi.service.node_certificates import Renewal
from manila_gluster_heketi.tls import reading

_WIDTH = 32


class Renew(lister.Lister):
    """Renew the certificates of nodes that end soon, one after the other.

    Each new certificate is seen in use, by a connection to a brick of the
    node, before the next node is touched. If it is not, the node has its old
    one again and the next nodes are left alone. Nothing is restarted, and
    clients stay connected.

    The exit status is 1 if a node was not renewed that should have been.
    """

    _status = ExitCode.OK

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask which ones."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--node',
            metavar='HOST',
            nargs='+',
            default=[],
            help='these nodes alone, as SSH reaches them',
        )
        parser.add_argument(
            '--all',
            action='store_true',
            help='however long their certificates hold',
        )
        parser.add_argument(
            '--within',
            metavar='DAYS',
            type=int,
            help='those that end within so many days; default: '
            'gluster_heketi_node_renewal_days',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run, and tell by the exit status whether all went well."""
        return super().run(parsed_args) or self._status

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each node."""
        if parsed_args.within is not None and parsed_args.within < 0:
            raise exceptions.InvalidInput(
                field='--within',
                value=parsed_args.within,
                reason='it is less than 0',
            )
        rows = configured.service_for(self.app).node_certificates.renew(
            parsed_args.node,
            every=parsed_args.all,
            within_days=parsed_args.within,
        )
        if not all(each.is_good for each in rows):
            self._status = ExitCode.FAILED
        return (
            ('Host', 'Outcome', 'Serial', 'Not After', 'Detail'),
            [_row(each) for each in rows],
        )


class Status(lister.Lister):
    """Show the certificate of each node, and what is wrong with it.

    A connection to a brick shows which certificate is in use; where there is
    no brick, or the way to its port is barred, that is said. Daemons that a
    brick refused once are named: they run, but do nothing until they are
    restarted.

    The exit status is 6 if anything is wrong, and 0 if nothing is.
    """

    _status = ExitCode.OK

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the nodes."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--node',
            metavar='HOST',
            nargs='+',
            default=[],
            help='look at these nodes alone, as SSH reaches them',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run, and tell by the exit status whether anything is wrong."""
        return super().run(parsed_args) or self._status

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """List one row for each node."""
        rows = configured.service_for(self.app).node_certificates.status(
            parsed_args.node
        )
        if any(each.troubles for each in rows):
            self._status = ExitCode.FINDINGS
        told = _telling(parsed_args.formatter)
        return (
            (
                'Host',
                'Serial',
                'Common Name',
                'Not After',
                'Days Left',
                'Authority',
                'Key',
                'Clock Offset',
                'Handshake',
                'Trouble',
                'Mend',
            ),
            [_status_row(each, told) for each in rows],
        )


def _status_row(
    status: NodeStatus, told: Callable[[str], str]
) -> tuple[object, ...]:
    facts = status.facts
    found = facts.certificate if facts else None
    return (
        status.node.manage_host,
        told(reading.serial_of(found)) if found else '',
        told(reading.name_of(found)) if found else '',
        found.not_valid_after_utc.isoformat() if found else '',
        '' if status.days_left is None else status.days_left,
        told(_authority(status)),
        str(facts.permission or 'none') if facts else '',
        round(facts.clock_offset_seconds) if facts else '',
        told(status.handshake),
        told('; '.join(each.text for each in status.troubles)),
        told('; '.join(each.mend for each in status.troubles)),
    )


def _authority(status: NodeStatus) -> str:
    """Say whether it is ours, and which it is: there may be two at a time."""
    if status.facts is None:
        return ''
    found = [*map(reading.fingerprint, status.facts.authorities)]
    whose = 'ours' if status.trusts_us else 'not ours'
    return f'{whose}: {", ".join(found)}' if found else 'none'


def _telling(formatter: str) -> Callable[[str], str]:
    """Choose how to tell things: a table is for people and their screens."""
    if formatter != 'table':
        return str
    return lambda text: textwrap.fill(text, _WIDTH)


def _row(renewal: Renewal) -> tuple[str, ...]:
    record = renewal.certificate
    return (
        renewal.host,
        str(renewal.outcome),
        record.serial if record else '',
        record.not_after.isoformat() if record else '',
        renewal.detail,
    )
