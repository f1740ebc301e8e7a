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


"""``gluster-heketi check``: the store compared with the nodes."""

import argparse
import textwrap
from collections.abc import Callable

from cliff import lister

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.service.truth import Checked

_WIDTH = 40


class Check(lister.Lister):
    """Compare the store with Gluster, LVM, mounts, fstab and certificates.

    The exit status is 6 if there is a difference that matters and is not
    mended, and 0 if there is none. What is being changed is not compared.
    """

    _status = ExitCode.OK

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask how far to look and what to do about it."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--cluster', metavar='NAME', default='', help='look at it alone'
        )
        parser.add_argument(
            '--host',
            metavar='HOST',
            nargs='+',
            default=[],
            help='look at these nodes alone, and at volumes with bricks there',
        )
        parser.add_argument(
            '--repair',
            action='store_true',
            help='mend what can be mended without a doubt',
        )
        parser.add_argument(
            '--remove-orphans',
            action='store_true',
            help='with --repair: destroy logical volumes that are marked as '
            'bricks but are on record no more, with the data on them, if '
            'Gluster has no volume of them',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run, and tell by the exit status what is left."""
        return super().run(parsed_args) or self._status

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each difference."""
        if parsed_args.remove_orphans and not parsed_args.repair:
            raise exceptions.InvalidInput(
                field='--remove-orphans',
                value=True,
                reason='it is a part of --repair',
            )
        truth = configured.service_for(self.app).truth
        where = (parsed_args.cluster, parsed_args.host)
        if parsed_args.repair:
            report = truth.repair(
                *where, remove_orphans=parsed_args.remove_orphans
            )
        else:
            report = truth.check(*where)
        for note in report.notes:
            what = 'held' if note.held else 'not compared'
            self.app.stderr.write(
                f'gluster-heketi: {what}: {note.object}: {note.reason}\n'
            )
        self.app.stderr.write(
            f'gluster-heketi: {report.nodes} nodes and {report.bricks} '
            'bricks were looked at\n'
        )
        if not report.is_clean:
            self._status = ExitCode.FINDINGS
        told = _telling(parsed_args.formatter)
        return (
            (
                'Code',
                'Severity',
                'Host',
                'Object',
                'Expected',
                'Found',
                'Mend',
                'Outcome',
            ),
            [
                (
                    str(each.finding.code),
                    str(each.finding.severity),
                    each.finding.host,
                    told(each.finding.object),
                    told(each.finding.expected),
                    told(each.finding.found),
                    told(each.finding.mend),
                    told(_outcome(each)),
                )
                for each in report.checked
            ],
        )


def _outcome(checked: Checked) -> str:
    if checked.mended:
        return 'mended'
    return checked.failure


def _telling(formatter: str) -> Callable[[str], str]:
    """Choose how to tell things: a table is for people and their screens."""
    if formatter != 'table':
        return str
    return lambda text: textwrap.fill(text, _WIDTH)
