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

"""What gluster's refusals mean, and removal of what is there alone."""

import dataclasses
import pathlib

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd import gluster
from tests import base

_INFO = pathlib.Path(__file__).parents[2] / 'commands' / 'outputs'
_FIRST = tuple(f'10.77.0.1{n}:/srv/b/w6' for n in (1, 2, 3))
_SECOND = tuple(f'10.77.0.1{n}:/srv/b/w6z' for n in (1, 2, 3))
_ABSENT = tuple(f'10.77.0.1{n}:/srv/b/other' for n in (1, 2, 3))


def _failure(stderr, command='gluster --mode=script volume start v1'):
    return exceptions.CommandFailed(
        host='n1', command=command, status=1, stderr=stderr, completed=2
    )


@ddt.ddt
class ClassifyTest(base.TestCase):
    """Texts from glusterfs 10.3."""

    @ddt.data(
        (
            'volume set: failed: Another transaction is in progress for m1. '
            'Please try again after some time.',
            exceptions.GlusterBusy,
        ),
        (
            'Locking failed on 10.77.0.13. Please check log file for details.',
            exceptions.GlusterBusy,
        ),
        (
            "Brick ops failed on 10.99.0.13. Glusterd Syncop Mgmt brick op "
            "'Rebalance' failed. Please check brick log file for details.",
            exceptions.GlusterBusy,
        ),
        (
            'volume remove-brick status: failed: Brick ops failed on '
            '10.97.0.12. brick operations failed. Check log file for more '
            'details',
            exceptions.GlusterBusy,
        ),
        (
            'volume add-brick: failed: Volume name ex rebalance is in '
            'progress. Please retry after completion',
            exceptions.GlusterBusy,
        ),
        (
            'volume remove-brick start: failed: Rebalance is in progress. '
            'Please retry after completion.',
            exceptions.GlusterBusy,
        ),
        (
            'volume delete: d2: failed: Some of the peers are down',
            exceptions.PeersDown,
        ),
        (
            'Staging failed on 10.77.0.14. Error: Some of the peers are down',
            exceptions.PeersDown,
        ),
        (
            'volume create: d1: failed: Host 10.77.0.13 not connected',
            exceptions.PeersDown,
        ),
        (
            'Connection failed. Please check if gluster daemon is '
            'operational.',
            exceptions.HostUnfit,
        ),
        ('Error : Request timed out', exceptions.CommandTimedOut),
        (
            'volume start: v1: failed: Volume v1 does not exist',
            exceptions.GlusterError,
        ),
    )
    @ddt.unpack
    def test_meaning(self, text, kind):
        found = gluster.classify(_failure(text))

        self.assertIs(kind, type(found))
        self.assertEqual(2, found.fields['completed'])

    def test_other_programs_are_left_alone(self):
        failure = _failure('Locking failed on x', 'lvm vgcreate x')

        self.assertIs(failure, gluster.classify(failure))


_REMOVAL = (
    '<cliOutput><opRet>0</opRet><volRemoveBrick><aggregate><files>1</files>'
    '<size>1</size><failures>0</failures><skipped>0</skipped>'
    '<statusStr>{}</statusStr><runtime>1.0</runtime></aggregate>'
    '</volRemoveBrick></cliOutput>'
)


_BUSY = (
    '<cliOutput><opRet>-1</opRet><opErrno>30800</opErrno><opErrstr>Brick ops '
    "failed on n3. Glusterd Syncop Mgmt brick op 'Rebalance' failed."
    '</opErrstr></cliOutput>'
)


def _moved(status):
    return _REMOVAL.format(status)


@dataclasses.dataclass
class _Answer:
    stdout: str


class RemovalTest(base.TestCase):
    """Only what is there, and ours, is removed."""

    def setUp(self):
        super().setUp()
        self.ran = []

    def _run(self, batch):
        self.ran += batch
        if batch[0].argv[-1] == 'status':
            status = self.moved.pop(0)
            return [_Answer(_BUSY if status is None else _moved(status))]
        present = batch[0].argv[-1] == 'v6'
        name = 'volume-info-all.xml' if present else 'volume-info-absent.xml'
        text = (_INFO / name).read_text()
        # The recorded answer is for all volumes; v6 is made the first.
        head, _, rest = text.partition('<volumes>')
        before, mark, volume = rest.partition('<volume>\n        <name>v6<')
        return [_Answer(f'{head}<volumes>{mark}{volume}' if mark else text)]

    def _changes(self):
        return [each for each in self.ran if not each.reads_only]

    def test_a_volume_of_these_bricks(self):
        gluster.remove_volume_if_there(self._run, 'v6', _FIRST + _SECOND)

        self.assertEqual(
            [
                gluster.volume_stop('v6'),
                gluster.volume_stop('v6'),
                gluster.volume_delete('v6'),
            ],
            self._changes(),
        )

    def test_a_volume_of_other_bricks_stays(self):
        gluster.remove_volume_if_there(self._run, 'v6', _ABSENT)

        self.assertEqual([], self._changes())

    def test_an_absent_volume(self):
        gluster.remove_volume_if_there(self._run, 'v1', _FIRST)
        gluster.remove_sets_if_there(self._run, 'v1', 3, _FIRST, self.fail)

        self.assertEqual([], self._changes())

    def test_sets_that_are_in(self):
        self.moved = ['in progress', None, 'completed']
        pauses = []
        gluster.remove_sets_if_there(
            self._run,
            'v6',
            3,
            _ABSENT + _SECOND,
            pause=lambda: pauses.append(1),
        )

        self.assertEqual(
            [
                gluster.rebalance_stop('v6'),
                gluster.remove_brick_start('v6', _SECOND),
                gluster.remove_brick_commit('v6', _SECOND),
            ],
            self._changes(),
        )
        self.assertEqual([1, 1], pauses)

    def test_a_removal_that_nobody_can_tell_of_is_given_up(self):
        self.moved = [None] * 40

        self.assertRaises(
            exceptions.GlusterBusy,
            gluster.remove_sets_if_there,
            self._run,
            'v6',
            3,
            _SECOND,
            lambda: None,
        )

    def test_sets_whose_data_can_not_be_moved_stay(self):
        self.moved = ['failed']

        self.assertRaises(
            exceptions.GlusterError,
            gluster.remove_sets_if_there,
            self._run,
            'v6',
            3,
            _SECOND,
            self.fail,
        )
        self.assertEqual(
            [
                gluster.rebalance_stop('v6'),
                gluster.remove_brick_start('v6', _SECOND),
                # Or the next attempt would find this one, and no other.
                gluster.remove_brick_stop('v6', _SECOND),
            ],
            self._changes(),
        )

    def test_sets_that_are_not_in(self):
        gluster.remove_sets_if_there(self._run, 'v6', 3, _ABSENT, self.fail)

        self.assertEqual([], self._changes())
