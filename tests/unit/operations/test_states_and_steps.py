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

"""Tests of the life of operations, and of steps as the journal has them."""

import dataclasses
import datetime
import itertools
import json
from typing import ClassVar

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import create_volume  # noqa: F401
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import remove_hardware  # noqa: F401
from manila_gluster_heketi.operations import renew_certificate  # noqa: F401
from manila_gluster_heketi.operations import site
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations import volume_steps
from tests import base

_LEGAL = {
    ('running', 'done'),
    ('running', 'undoing'),
    ('running', 'stuck'),
    ('undoing', 'undone'),
    ('undoing', 'stuck'),
    ('stuck', 'undoing'),
    ('stuck', 'running'),
    ('stuck', 'abandoned'),
}


def _operation(state: OpState) -> model.Operation:
    return model.Operation(
        id='op-1',
        kind=model.OpKind.VOLUME_CREATE,
        subject='volume-1',
        cluster_id='cluster-1',
        state=state,
        owner='me',
        lease_until=datetime.datetime.now(datetime.timezone.utc),
    )


def _brick(number: int) -> model.Brick:
    return model.Brick(
        id=f'brick-{number}',
        volume_id='volume-1',
        device_id='device-1',
        set_index=0,
        position=number,
        size_bytes=1 << 30,
        vg_name='vg_1',
        pool_name='pool',
        lv_name=f'brick_{number}',
        mount_path=f'/mounts/{number}',
        brick_path=f'/mounts/{number}/brick',
    )


_RENEWAL = ('keep-certificate', 'replace-certificate', 'retire-certificate')


def _renewal(*marks: str) -> model.Operation:
    """Make a renewal of a certificate, each step in a state."""
    return dataclasses.replace(
        _operation(OpState.RUNNING),
        kind=model.OpKind.NODE_CERTIFICATE,
        steps=tuple(
            model.StepRecord(
                index=index,
                kind=kind,
                host='gl1',
                params={},
                state=model.StepState(mark),
            )
            for index, (kind, mark) in enumerate(
                zip(_RENEWAL, marks, strict=True)
            )
        ),
    )


_STEPS = (
    brick_steps.MakeBricks('gl1', bricks=(_brick(1), _brick(2))),
    brick_steps.DestroyBricks('gl1', bricks=(_brick(1),)),
    brick_steps.GrowBricks(
        'gl1', bricks=(_brick(1),), old_sizes={'brick-1': 5}
    ),
    volume_steps.MakeVolume(
        'gl1',
        hosts=('gl1', 'gl2'),
        name='v',
        durability='replicate:2',
        addresses=('a:/b', 'c:/d'),
        options={'client.ssl': 'on'},
        quota_bytes=7,
    ),
    volume_steps.SetAccess(
        'gl1',
        hosts=('gl1',),
        name='v',
        names=('alice',),
        value='n,alice',
        old_value='n',
    ),
)


@ddt.ddt
class NoReturnTestCase(base.TestCase):
    """When an operation that can be undone can be so no more."""

    @ddt.data(
        ('planned', 'planned', 'planned'),
        ('done', 'doing', 'planned'),
        ('done', 'undone', 'planned'),
        ('done', 'undo-failed', 'planned'),
        ('undone', 'undone', 'planned'),
    )
    def test_there_is_a_way_back(self, marks) -> None:
        """As long as a step before it is not done."""
        self.assertFalse(kinds.goes_forward(_renewal(*marks)))

    @ddt.data('planned', 'doing', 'done')
    def test_there_is_none(self, last) -> None:
        """It may have begun; one that failed is marked as planned again."""
        self.assertTrue(kinds.goes_forward(_renewal('done', 'done', last)))

    def test_an_operation_without_such_a_step(self) -> None:
        """Nothing was planned yet, or it is abandoned half-way."""
        found = dataclasses.replace(_renewal('done', 'done', 'done'), steps=())
        self.assertFalse(kinds.goes_forward(found))

    def test_kinds_that_only_go_forward_or_back(self) -> None:
        """Whatever their steps say."""
        for kind, forward in (
            (model.OpKind.VOLUME_CREATE, False),
            (model.OpKind.NODE_REMOVE, True),
        ):
            found = dataclasses.replace(
                _renewal('done', 'done', 'done'), kind=kind
            )
            self.assertEqual(forward, kinds.goes_forward(found))


@ddt.ddt
class StatesTestCase(base.TestCase):
    """What may become of an operation."""

    @ddt.data(*itertools.product(OpState, OpState))
    @ddt.unpack
    def test_moves(self, before, after) -> None:
        """Those of the table and no others."""
        operation = _operation(before)
        if (str(before), str(after)) in _LEGAL:
            states.check_transition(operation, after)
            return
        error = self.assertRaises(
            exceptions.InvalidTransition,
            states.check_transition,
            operation,
            after,
        )
        self.assertIn('op-1', str(error))
        self.assertIn(f'from {before} to {after}', str(error))

    def test_every_state_can_come_to_an_end(self) -> None:
        """From each open one there is a way to a final one."""
        reached = set(states.FINAL)
        for _ in OpState:
            reached |= {a for a, b in states.TRANSITIONS if b in reached}
        self.assertEqual(set(OpState), reached)
        self.assertFalse({a for a, _ in states.TRANSITIONS} & states.FINAL)
        self.assertEqual(set(OpState), states.OPEN | states.FINAL)


@ddt.ddt
class RecordsTestCase(base.TestCase):
    """Steps go through JSON and come back."""

    @ddt.data(*_STEPS)
    def test_there_and_back(self, original) -> None:
        """The same step, equal by value."""
        [record] = step.to_records([original])
        stored = json.loads(json.dumps(record.params))
        again = step.from_record(dataclasses.replace(record, params=stored))
        self.assertEqual(original, again)
        self.assertEqual((original.kind, 'gl1'), (record.kind, record.host))

    def test_an_older_release_wrote_it(self) -> None:
        """It did not say which hosts were told."""
        original = _STEPS[-1]
        [record] = step.to_records([original])
        older = {k: v for k, v in record.params.items() if k != 'told'}
        self.assertLess(len(older), len(record.params))
        self.assertEqual(
            original,
            step.from_record(dataclasses.replace(record, params=older)),
        )

    def test_they_are_numbered(self) -> None:
        """In the order in which they are done."""
        records = step.to_records(_STEPS)
        self.assertEqual(
            list(range(len(_STEPS))), [each.index for each in records]
        )

    def test_a_kind_that_is_not_known(self) -> None:
        """A newer release wrote it."""
        record = model.StepRecord(0, 'from-the-future', 'gl1', {})
        self.assertRaises(KeyError, step.from_record, record)

    def test_a_kind_twice(self) -> None:
        """The journal could not tell them apart."""

        class Another(step.Step):
            kind: ClassVar[str] = 'make-bricks'

            def do(self, site):
                """Do nothing."""

            def undo(self, site):
                """Undo nothing."""

        error = self.assertRaises(ValueError, step.persisted, Another)
        self.assertIn('make-bricks', str(error))
        self.assertIs(brick_steps.MakeBricks, step._KINDS['make-bricks'])


class SiteTestCase(base.TestCase):
    """Gluster commands: which host, and how patiently."""

    def _site(self, executor, **values):
        self.pauses = []
        return site.Site(
            executor=executor,
            authority=lambda: None,
            sleep=self.pauses.append,
            **values,
        )

    def test_without_a_host(self) -> None:
        """Said so, not with an empty list."""
        error = self.assertRaises(
            exceptions.NoNodeOnline, self._site(None).run_gluster, [], []
        )
        self.assertIn('no node', str(error))

    def test_another_host_only_if_nothing_was_started(self) -> None:
        """A connection that broke leaves the outcome open."""
        asked = []

        class Executor:
            def run_batch(self, host, batch):
                """Break."""
                asked.append(host)
                raise exceptions.ConnectionLost(
                    host=host, command='gluster', reason='broken'
                )

        self.assertRaises(
            exceptions.ConnectionLost,
            self._site(Executor()).run_gluster,
            ['gl1', 'gl2'],
            [],
        )
        self.assertEqual(['gl1'], asked)

    def test_it_is_told_where_a_change_goes(self) -> None:
        """Before each host that is to make it; to ask changes nothing."""
        told = []

        class Executor:
            def run_batch(self, host, batch):
                """Be there on the second host alone."""
                told.append(f'to {host}')
                if host == 'gl1':
                    raise exceptions.HostUnreachable(host=host, reason='gone')
                return tuple(str(each) for each in batch)

        there = self._site(Executor(), tell=told.append)
        for command in (gluster.volume_stop('v'), gluster.volume_list()):
            there.run_gluster(['gl1', 'gl2'], [command])
        self.assertEqual(
            ['gl1', 'to gl1', 'gl2', 'to gl2', 'to gl1', 'to gl2'], told
        )

    def test_another_host_if_glusterd_does_not_run(self) -> None:
        """Which is asked first, since a command may end it itself."""
        asked = []

        class Executor:
            def run_batch(self, host, batch):
                """Do what the second host can."""
                asked.append(host)
                if host == 'gl1':
                    raise exceptions.CommandFailed(
                        host=host,
                        command=str(batch[0]),
                        status=3,
                        stderr='',
                        completed=0,
                    )
                return tuple(str(each) for each in batch)

        found = self._site(Executor()).run_gluster(
            ['gl1', 'gl2'], [gluster.volume_list()]
        )
        self.assertEqual(['gl1', 'gl2'], asked)
        self.assertEqual((str(gluster.volume_list()),), found)

        error = self.assertRaises(
            exceptions.NoNodeOnline,
            self._site(Executor()).run_gluster,
            ['gl1'],
            [gluster.volume_list()],
        )
        self.assertIn('glusterd does not run', str(error))

    def test_no_other_host_if_a_command_ended_glusterd(self) -> None:
        """It may have done its work before."""
        asked = []

        class Executor:
            def run_batch(self, host, batch):
                """Get no answer."""
                asked.append(host)
                raise exceptions.CommandFailed(
                    host=host,
                    command='gluster volume set v',
                    status=1,
                    stderr='Connection failed. Please check if gluster '
                    'daemon is operational.',
                    completed=1,
                )

        self.assertRaises(
            exceptions.HostUnfit,
            self._site(Executor()).run_gluster,
            ['gl1', 'gl2'],
            [gluster.volume_list()],
        )
        self.assertEqual(['gl1'], asked)

    def test_patience_ends(self) -> None:
        """The pauses grow, and no longer than was allowed is waited."""

        class Executor:
            def run_batch(self, host, batch):
                """Refuse."""
                raise exceptions.CommandFailed(
                    host=host,
                    command='gluster volume set v',
                    status=1,
                    stderr='Another transaction is in progress for v.',
                    completed=1,
                )

        waiting = self._site(Executor(), busy_timeout_seconds=30.0)
        self.assertRaises(
            exceptions.GlusterBusy, waiting.run_gluster, ['gl1'], []
        )
        self.assertEqual(sorted(self.pauses), self.pauses)
        self.assertGreaterEqual(sum(self.pauses), 30)
        self.assertLess(sum(self.pauses), 40)
