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

"""``gluster-heketi cert revoke``: names that have access to nothing."""

import argparse
import textwrap

from cliff import command
from cliff import lister

from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import invoker
from manila_gluster_heketi.cli.exit_codes import ExitCode

_WIDTH = 60


class Revoke(lister.Lister):
    """Ban a client's name, and cut it off from every volume.

    From the first moment no certificate is issued for it and no access rule
    lets it in. Then it is taken from the list of each volume that has it. Run
    it again to do what is left. The exit status is 6 if a volume still lets
    the name in, and 0 if none does.
    """

    _status = ExitCode.OK

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the name, and why."""
        parser = _with_name(super().get_parser(prog_name))
        parser.add_argument(
            '--reason',
            metavar='TEXT',
            default='',
            help='what whoever is refused is told; at most 255 characters',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run, and tell by the exit status whether something is left."""
        return super().run(parsed_args) or self._status

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each volume that let the name in."""
        service = configured.service_for(self.app)
        done = service.revocation.revoke(
            parsed_args.common_name,
            parsed_args.reason,
            asked_by=invoker.name(),
        )
        self.app.stderr.write(
            f'gluster-heketi: {done.name.common_name} is revoked since '
            f'{done.name.revoked_at:%Y-%m-%d %H:%M:%S} UTC; certificates that '
            f'were revoked now: {done.certificates}\n'
        )
        if not done.is_complete:
            self._status = ExitCode.FINDINGS
        return (
            ('Volume', 'Share', 'Outcome'),
            [
                (
                    each.volume.name,
                    each.volume.share_id,
                    _outcome(each.failure, parsed_args.formatter),
                )
                for each in done.withdrawals
            ],
        )


class Unrevoke(command.Command):
    """Let a name be used again; its old certificates stay revoked.

    Gluster knows no revoked certificates: whoever has an old one of that name
    could mount what the name is let in to. So it is refused while a revoked
    one still holds.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the name."""
        parser = _with_name(super().get_parser(prog_name))
        parser.add_argument(
            '--force',
            action='store_true',
            help='even if a revoked certificate of that name still holds',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Lift the ban."""
        service = configured.service_for(self.app)
        service.revocation.unrevoke(
            parsed_args.common_name, force=parsed_args.force
        )


class Revoked(lister.Lister):
    """List the names that are revoked."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each name."""
        service = configured.service_for(self.app)
        return (
            ('Common Name', 'Revoked', 'By', 'Reason'),
            [
                (
                    each.common_name,
                    each.revoked_at.isoformat(timespec='seconds'),
                    each.revoked_by,
                    each.reason,
                )
                for each in service.revocation.names()
            ],
        )


def _with_name(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        'common_name', metavar='CN', help='the common name of a client'
    )
    return parser


def _outcome(failure: str, formatter: str) -> str:
    if not failure:
        return 'cut off'
    return textwrap.fill(failure, _WIDTH) if formatter == 'table' else failure
