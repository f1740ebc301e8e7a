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

"""Faults that rules ask for: where they strike, and what they leave."""

import threading
import time

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import base as executors
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor import inject_rules
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.executor.inject_rules import When
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Tolerance
from tests import base

_BATCH = tuple(Command((word,)) for word in 'abcd')


class _Hosts:
    """Write down what they are told to run; "fails" fails."""

    def __init__(self):
        self.pieces = []

    @property
    def ran(self):
        return ''.join(word for piece in self.pieces for word in piece)

    def run_batch(self, host, batch):
        self.pieces.append([])
        results = []
        for each in batch:
            self.pieces[-1].append(each.program)
            status = int(each.program == 'fails')
            results.append(executors.Result(each, status, '', '', 0.0))
            if executors.is_fatal(results[-1]):
                raise executors.failure(host, results)
        return tuple(results)


class _InjectCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.hosts = _Hosts()
        self.slept = []

    def injector(self, *rules, **more):
        return inject.Injector(
            self.hosts,
            rules,
            kill=inject.play_dead,
            sleep=self.slept.append,
            **more,
        )

    def run_on(self, injector, *batch, host='gl1'):
        return injector.run_batch(host, batch or _BATCH)


@ddt.ddt
class WhereTest(_InjectCase):
    """Commands that a rule is about, and all others."""

    def test_without_rules_a_batch_stays_one(self):
        results = self.run_on(self.injector())

        self.assertEqual([list('abcd')], self.hosts.pieces)
        self.assertEqual(4, len(results))

    def test_only_the_command_that_is_meant_goes_alone(self):
        self.run_on(self.injector(Rule(Act.DELAY, program='c', seconds=2)))

        self.assertEqual([['a', 'b'], ['c'], ['d']], self.hosts.pieces)
        self.assertEqual([2], self.slept)

    def test_a_rule_that_has_struck_divides_no_more(self):
        injector = self.injector(Rule(Act.DELAY, program='c', seconds=2))
        self.run_on(injector)
        self.hosts.pieces.clear()

        self.run_on(injector)

        self.assertEqual([list('abcd')], self.hosts.pieces)

    @ddt.data(
        (Rule(Act.FAIL, host='gl2'), False),
        (Rule(Act.FAIL, host='gl[13]'), True),
        (Rule(Act.FAIL, program='gluster'), True),
        (Rule(Act.FAIL, program='lvm'), False),
        (Rule(Act.FAIL, words=('volume', 'v 1')), True),
        (Rule(Act.FAIL, words=('v 1', 'volume')), False),
        (Rule(Act.FAIL, text=r"start 'v \d'$"), True),
        (Rule(Act.FAIL, text=r'^volume'), False),
        (Rule(Act.FAIL, position=1), True),
        (Rule(Act.FAIL, position=2), False),
        (Rule(Act.FAIL, skip=1), False),
        (Rule(Act.FAIL, chance=0.0), False),
        (Rule(Act.FAIL, gate='/no/such/file'), False),
        (Rule(Act.FAIL, gate='/'), True),
    )
    @ddt.unpack
    def test_it_strikes(self, rule, strikes):
        command = Command(('gluster', 'volume', 'start', 'v 1'))
        try:
            self.run_on(self.injector(rule), command)
        except exceptions.CommandFailed:
            self.assertTrue(strikes)
        else:
            self.assertFalse(strikes)

    def test_the_position_is_that_in_the_batch(self):
        injector = self.injector(Rule(Act.LOSE, When.AFTER, position=3))

        self.assertRaises(exceptions.ConnectionLost, self.run_on, injector)

        self.assertEqual('abc', self.hosts.ran)

    def test_the_second_and_third_time(self):
        injector = self.injector(Rule(Act.FAIL, skip=1, times=2, program='b'))
        for fails in (False, True, True, False):
            try:
                self.run_on(injector)
            except exceptions.CommandFailed:
                self.assertTrue(fails)
            else:
                self.assertFalse(fails)

    def test_always(self):
        injector = self.injector(Rule(Act.FAIL, times=0))
        for _ in range(3):
            self.assertRaises(exceptions.CommandFailed, self.run_on, injector)

    def test_chance_is_repeated_with_the_seed(self):
        def struck(seed):
            injector = self.injector(
                Rule(Act.DELAY, times=0, chance=0.5, seconds=1), seed=seed
            )
            found = []
            for _ in range(8):
                del self.slept[:]
                self.run_on(injector)
                found.append(len(self.slept))
            return found

        self.assertEqual(struck(1), struck(1))
        self.assertNotEqual(struck(1), struck(2))
        self.assertTrue(8 < sum(struck(1)) < 24)

    def test_rules_can_come_and_go(self):
        injector = self.injector()
        injector.arm(Rule(Act.FAIL, times=0))
        self.assertRaises(exceptions.CommandFailed, self.run_on, injector)
        injector.disarm()
        self.run_on(injector)


@ddt.ddt
class WhatTest(_InjectCase):
    """What the caller is told, and what the host has done then."""

    def test_a_failure_before_the_command(self):
        rule = Rule(Act.FAIL, program='c', status=5, stderr='no room')
        error = self.assertRaises(
            exceptions.CommandFailed, self.run_on, self.injector(rule)
        )

        self.assertEqual('ab', self.hosts.ran)
        self.assertEqual(2, error.fields['completed'])
        self.assertEqual((5, 'no room'), _told(error))

    def test_a_failure_after_the_command(self):
        rule = Rule(Act.FAIL, When.AFTER, program='c')
        error = self.assertRaises(
            exceptions.CommandFailed, self.run_on, self.injector(rule)
        )

        self.assertEqual('abc', self.hosts.ran)
        self.assertEqual(2, error.fields['completed'])

    def test_a_failure_that_is_tolerated(self):
        mild = Command(('m',), tolerated=(Tolerance(5, 'already'),))
        rule = Rule(Act.FAIL, program='m', status=5, stderr='already there')

        [_, told, after] = self.run_on(
            self.injector(rule), _BATCH[0], mild, _BATCH[1]
        )

        self.assertEqual((5, 0), (told.status, after.status))
        self.assertEqual('ab', self.hosts.ran)

    def test_a_real_failure_counts_from_the_start_of_the_batch(self):
        rule = Rule(Act.DELAY, program='b', seconds=1)
        error = self.assertRaises(
            exceptions.CommandFailed,
            self.run_on,
            self.injector(rule),
            *_BATCH,
            Command(('fails',)),
        )

        self.assertEqual(4, error.fields['completed'])

    @ddt.data(
        (Rest.NEVER, When.BEFORE, 'ab', ''),
        (Rest.NEVER, When.AFTER, 'abc', ''),
        (Rest.NOW, When.BEFORE, 'abcd', ''),
        (Rest.NOW, When.AFTER, 'abcd', ''),
        (Rest.LATER, When.BEFORE, 'ab', 'cd'),
        (Rest.LATER, When.AFTER, 'abc', 'd'),
    )
    @ddt.unpack
    def test_a_connection_breaks(self, rest, when, ran, late):
        injector = self.injector(Rule(Act.LOSE, when, program='c', rest=rest))

        error = self.assertRaises(
            exceptions.ConnectionLost, self.run_on, injector
        )

        self.assertEqual('c', error.fields['command'])
        self.assertEqual(ran, self.hosts.ran)
        injector.run_late()
        self.assertEqual(ran + late, self.hosts.ran)
        injector.run_late()
        self.assertEqual(ran + late, self.hosts.ran)

    def test_what_nobody_hears_of_may_fail(self):
        injector = self.injector(
            Rule(Act.LOSE, program='a', rest=Rest.NOW),
            Rule(Act.HANG, seconds=0, program='b', rest=Rest.LATER),
        )
        batch = (Command(('fails',)), _BATCH[2])
        for first, error in (
            (_BATCH[0], exceptions.ConnectionLost),
            (_BATCH[1], exceptions.CommandTimedOut),
        ):
            self.assertRaises(error, self.run_on, injector, first, *batch)
        injector.run_late()

        self.assertEqual('afailsbfails', self.hosts.ran)

    def test_a_host_hangs_until_the_caller_gives_up(self):
        injector = self.injector(Rule(Act.HANG, program='c', seconds=0.01))

        error = self.assertRaises(
            exceptions.CommandTimedOut, self.run_on, injector
        )

        self.assertEqual(0.01, error.fields['seconds'])
        self.assertEqual('ab', self.hosts.ran)

    def test_a_host_hangs_until_it_is_released(self):
        injector = self.injector(Rule(Act.HANG, program='c'))
        worker = threading.Thread(target=self.run_on, args=[injector])
        worker.start()
        while not injector.hanging:
            time.sleep(0.001)
        self.assertEqual('ab', self.hosts.ran)

        injector.release()
        worker.join()

        self.assertEqual('abcd', self.hosts.ran)
        self.assertEqual(0, injector.hanging)


@ddt.ddt
class KilledTest(_InjectCase):
    """The process dies."""

    @ddt.data(
        (Rest.NEVER, When.BEFORE, 'ab'),
        (Rest.NEVER, When.AFTER, 'abc'),
        (Rest.NOW, When.BEFORE, 'abcd'),
    )
    @ddt.unpack
    def test_no_handler_of_errors_sees_it(self, rest, when, ran):
        injector = self.injector(Rule(Act.KILL, when, program='c', rest=rest))

        self.assertFalse(issubclass(inject.Killed, Exception))
        self.assertRaises(inject.Killed, self.run_on, injector)

        self.assertEqual(ran, self.hosts.ran)

    def test_who_is_dead_runs_nothing(self):
        injector = self.injector(Rule(Act.KILL, program='c'))
        self.assertRaises(inject.Killed, self.run_on, injector)
        injector.disarm()

        for host in ('gl1', 'gl2'):
            self.assertRaises(inject.Killed, self.run_on, injector, host=host)

        self.assertEqual('ab', self.hosts.ran)


@ddt.ddt
class ReadTest(base.TestCase):
    """Rules in JSON."""

    def test_every_field(self):
        [rule, plain] = inject_rules.read(
            """
            [
              {"act": "hang", "when": "after", "host": "gl*",
               "program": "lvm", "words": ["lvcreate", "--thin"],
               "text": "vg_.*", "position": 2, "skip": 3, "times": 0,
               "chance": 0.5, "gate": "/run/now", "status": 5,
               "stderr": "no", "seconds": 1.5, "rest": "later"},
              {"act": "kill"}
            ]
            """
        )

        self.assertEqual(
            Rule(
                Act.HANG,
                When.AFTER,
                host='gl*',
                program='lvm',
                words=('lvcreate', '--thin'),
                text='vg_.*',
                position=2,
                skip=3,
                times=0,
                chance=0.5,
                gate='/run/now',
                status=5,
                stderr='no',
                seconds=1.5,
                rest=Rest.LATER,
            ),
            rule,
        )
        self.assertEqual(Rule(Act.KILL), plain)

    @ddt.data(
        ('{', 'document'),
        ('{"act": "kill"}', 'document'),
        ('["kill"]', 'rule 1'),
        ('[{"act": "kill"}, {"when": "after"}]', 'rule 2'),
        ('[{"act": "explode"}]', 'rule 1, act'),
        ('[{"act": ["kill"]}]', 'rule 1, act'),
        ('[{"act": "kill", "hosts": "a"}]', 'rule 1, hosts'),
        ('[{"act": "kill", "words": "a"}]', 'rule 1, words'),
        ('[{"act": "kill", "words": [1]}]', 'rule 1, words'),
        ('[{"act": "kill", "text": "("}]', 'rule 1, text'),
        ('[{"act": "kill", "skip": "1"}]', 'rule 1, skip'),
        ('[{"act": "kill", "skip": true}]', 'rule 1, skip'),
        ('[{"act": "kill", "seconds": null}]', 'rule 1, seconds'),
        ('[{"act": "kill", "chance": 2}]', 'rule 1, chance'),
    )
    @ddt.unpack
    def test_what_is_no_rule_is_named(self, document, field):
        error = self.assertRaises(
            exceptions.InvalidInput, inject_rules.read, document
        )
        self.assertEqual(field, error.fields['field'])


def _told(error):
    return error.fields['status'], error.fields['stderr']
