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

"""``gluster-heketi ca rotate``: another certificate authority."""

import argparse
import sys

from cliff import show

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.service.rotation import Source
from manila_gluster_heketi.service.rotation import Status

_PHASES = (
    RotationPhase.TRUST_BOTH,
    RotationPhase.RE_SIGN,
    RotationPhase.TRUST_NEW,
)
_COLUMNS = (
    'Rotation',
    'Phase',
    'Direction',
    'Old Fingerprint',
    'New Fingerprint',
    'Linked',
    'Started At',
    'Ended At',
    'Nodes Behind',
    'Old Clients',
)


class Rotate(show.ShowOne):
    """Let another certificate authority take the place of the one there is.

    In three phases, each through on all nodes before the next begins, while
    clients are at work. trust-both: nodes trust the old authority and the new
    one. re-sign: nodes get certificates of the new one, one after the other,
    and so does every client that is issued one. trust-new: nodes trust the
    new one alone. Then the old key is destroyed, and there is no way back.

    It begins if none is under way, and goes on with one that was stopped or
    cut off, on whichever host. trust-new is refused while certificates of
    clients that the old authority signed hold.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask how far."""
        parser = super().get_parser(prog_name)
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            '--until',
            metavar='PHASE',
            choices=[each.value for each in _PHASES],
            help='stop when this phase is through on all nodes: '
            + ', '.join(_PHASES),
        )
        what.add_argument(
            '--status',
            action='store_true',
            help='show how far it is; nothing is changed',
        )
        what.add_argument(
            '--back',
            action='store_true',
            help='bring all nodes back to the old authority',
        )
        parser.add_argument(
            '--force',
            action='store_true',
            help='go on even if clients are locked out by that',
        )
        for name, text in (
            ('certificate', 'of your own authority, in place of a new one'),
            ('key', 'its key, mode 0600'),
            ('chain', 'the certificates above it, in any order'),
        ):
            parser.add_argument(
                f'--{name}', metavar='FILE', default='', help=text
            )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Do it, and show how far it is."""
        rotations = configured.service_for(self.app).rotations
        source = Source(
            parsed_args.certificate, parsed_args.key, parsed_args.chain
        )
        if bool(source.certificate) != bool(source.key) or (
            source.chain and not source.key
        ):
            raise exceptions.InvalidInput(
                field='--certificate',
                value=source.certificate,
                reason='--certificate and --key belong together',
            )
        if parsed_args.back:
            rotations.back(force=parsed_args.force, told=_tell)
        elif not parsed_args.status:
            until = parsed_args.until
            rotations.rotate(
                RotationPhase(until) if until else None,
                force=parsed_args.force,
                source=source,
                told=_tell,
            )
        found = rotations.status()
        if found is None:
            raise exceptions.NoRotation(
                kind='rotation of the certificate authority',
                reason='there was none so far',
            )
        return _COLUMNS, _values(found)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def _values(found: Status) -> tuple[object, ...]:
    rotation = found.rotation
    return (
        rotation.number,
        rotation.phase.value,
        rotation.direction.value,
        *found.fingerprints,
        bool(rotation.link_pem),
        rotation.started_at.isoformat(),
        rotation.ended_at.isoformat() if rotation.ended_at else '',
        '\n'.join(f'{host}: {lacks}' for host, lacks in found.behind.items()),
        '\n'.join(
            f'{each.common_name}, serial {each.serial}, until '
            f'{each.not_after:%Y-%m-%d}'
            for each in found.old_clients
        ),
    )
