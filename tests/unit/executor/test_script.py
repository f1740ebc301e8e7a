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

"""A batch as a script, run by each shell of this machine."""

import dataclasses
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import ddt
import fixtures

from manila_gluster_heketi.executor import base as executor
from manila_gluster_heketi.executor import script
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Fence
from manila_gluster_heketi.hostcmd.command import Guard
from manila_gluster_heketi.hostcmd.command import Tolerance
from tests import base

_FENCE = 'manila_gluster_heketi.executor.fence'
_SHELLS = [each for each in ('dash', 'bash') if shutil.which(each)]


def _shell(text, *, stdin='', guard=None, tolerated=()):
    return Command(
        ('sh', '-c', text), stdin=stdin, guard=guard, tolerated=tolerated
    )


@ddt.ddt
class ScriptTest(base.TestCase):
    """Status, output, guards and tolerances come back as they were."""

    allow_processes = True

    def _run(self, shell, *batch):
        wrapped = script.Script.of(batch)
        done = subprocess.run(
            [shell, '-s'],
            input=wrapped.text(),
            capture_output=True,
            text=True,
        )
        transcript = wrapped.parse(done.stdout, done.stderr)
        self.assertTrue(transcript.begun)
        return [
            (each.status, each.stdout, each.stderr, each.skipped)
            for each in transcript.results
        ]

    @ddt.data(*_SHELLS)
    def test_output_is_told_apart(self, shell):
        self.assertEqual(
            [
                (0, 'one\n', 'two\n', False),
                (0, '$HOME `x`\n', '', False),
                (3, 'no end', 'either\n', False),
            ],
            self._run(
                shell,
                _shell('echo one; echo two >&2'),
                _shell('cat', stdin='$HOME `x`\n'),
                _shell('printf "no end"; echo either >&2; exit 3'),
            ),
        )

    @ddt.data(*_SHELLS)
    def test_the_first_failure_is_the_last_command(self, shell):
        self.assertEqual(
            [(4, '', '', False)],
            self._run(shell, _shell('exit 4'), _shell('echo never')),
        )

    @ddt.data(*_SHELLS)
    def test_a_tolerated_failure_goes_on(self, shell):
        words = "it's [a*] \"way\" of $x"
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'words')
        path.write_text(f'so: {words}!\nmore\n')
        tolerant = Command(
            ('sh', '-c', 'cat; cat "$0" >&2; exit 5', str(path)),
            stdin='in\n',
            tolerated=(Tolerance(5, 'other'), Tolerance(5, words)),
        )

        self.assertEqual(
            [
                (5, 'in\n', f'so: {words}!\nmore\n', False),
                (0, 'next\n', '', False),
            ],
            self._run(shell, tolerant, _shell('echo next')),
        )

    @ddt.data(*_SHELLS)
    def test_other_words_or_status_end_a_batch(self, shell):
        for tolerance in (Tolerance(5, 'other'), Tolerance(6, 'said')):
            self.assertEqual(
                [(5, '', 'said\n', False)],
                self._run(
                    shell,
                    _shell('echo said >&2; exit 5', tolerated=(tolerance,)),
                    _shell('echo never'),
                ),
            )

    @ddt.data(*_SHELLS)
    def test_any_words_are_tolerated_without_text(self, shell):
        results = self._run(
            shell,
            _shell('exit 5', tolerated=(Tolerance(5, ''),)),
            _shell('echo a >&2; exit 5', tolerated=(Tolerance(5, ''),)),
            _shell('echo a >&2', tolerated=(Tolerance(5, ''),)),
        )

        self.assertEqual([5, 5, 0], [each[0] for each in results])
        self.assertEqual(['', 'a\n', 'a\n'], [each[2] for each in results])

    @ddt.data(*_SHELLS)
    def test_words_do_not_last_until_the_next_command(self, shell):
        tolerated = (Tolerance(5, 'said'),)

        self.assertEqual(
            [5, 5],
            [
                each[0]
                for each in self._run(
                    shell,
                    _shell('echo said >&2; exit 5', tolerated=tolerated),
                    _shell('exit 5', tolerated=tolerated),
                    _shell('echo never'),
                )
            ],
        )

    @ddt.data(*_SHELLS)
    def test_guards(self, shell):
        there = self.useFixture(fixtures.TempDir()).path
        conditions = (
            (Condition.EXISTS, there, False),
            (Condition.EXISTS, f'{there}/no', True),
            (Condition.MISSING, there, True),
            (Condition.MISSING, f'{there}/no', False),
            (Condition.MOUNTED, '/proc', False),
            (Condition.MOUNTED, there, True),
            (Condition.NOT_MOUNTED, '/proc', True),
            (Condition.NOT_MOUNTED, there, False),
        )

        for tolerated in ((), (Tolerance(5, 'x'),)):
            results = self._run(
                shell,
                *(
                    _shell(
                        'echo ran',
                        guard=Guard(condition, path),
                        tolerated=tolerated,
                    )
                    for condition, path, _ in conditions
                ),
            )
            self.assertEqual(
                [skipped for _, _, skipped in conditions],
                [each[3] for each in results],
            )

    def test_each_command_has_its_own_time(self):
        batch = [
            dataclasses.replace(_shell('true'), timeout_seconds=seconds)
            for seconds in (120, 600, 5)
        ]
        fenced = [
            dataclasses.replace(each, fence=Fence('op', 0)) for each in batch
        ]
        for commands, limits in (
            (batch, [120, 120, 600, 5, 5]),
            # The fence is waited for once, before the first one.
            (fenced, [320, 320, 600, 5, 5]),
        ):
            wrapped = script.Script.of(commands)
            self.assertEqual(limits, [*map(wrapped.limit_seconds, range(5))])

    def test_how_far_a_script_has_come(self):
        wrapped = script.Script.of([_shell('echo a'), _shell('echo b')])
        said = subprocess.run(
            ['sh', '-s'],
            input=wrapped.text(),
            capture_output=True,
            text=True,
        ).stdout

        self.assertEqual(0, wrapped.reached(''))
        self.assertEqual(3, wrapped.reached(said))
        # A mark that has not come in full is none yet.
        self.assertEqual(2, wrapped.reached(said.rstrip('\n')))
        self.assertEqual(2, wrapped.reached(said[: said.index('b\n')]))

    def test_script_and_controller_agree_on_what_is_fatal(self):
        for tolerance in (Tolerance(5, 'said'), Tolerance(5, 'other')):
            tolerant = _shell('echo said >&2; exit 5', tolerated=(tolerance,))
            results = self._run('sh', tolerant, _shell('true'))
            result = executor.Result(tolerant, 5, '', 'said\n', 0)
            self.assertEqual(
                executor.is_fatal(result), len(results) == 1, tolerance
            )


@ddt.ddt
class FenceTest(base.TestCase):
    """Nothing of an old epoch runs once a host has seen a newer one."""

    allow_processes = True

    def setUp(self):
        """Have files of fences that are nobody else's."""
        super().setUp()
        self.fences = self.useFixture(fixtures.TempDir()).join('fences')

    def _script(self, epoch, *texts, operation='op'):
        fence = Fence(operation, epoch)
        return script.Script.of(
            [dataclasses.replace(_shell(text), fence=fence) for text in texts],
            self.fences,
        )

    def _begin(self, shell, wrapped, **settings):
        process = subprocess.Popen(
            [shell, '-s'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **settings,
        )
        process.stdin.write(wrapped.text())
        process.stdin.close()
        process.stdin = None
        return process

    def _end(self, process, wrapped):
        transcript = wrapped.parse(*process.communicate(timeout=20))
        self.assertTrue(transcript.begun)
        return (
            [each.stdout.strip() for each in transcript.results],
            transcript.refused,
        )

    def _run(self, shell, *args, **kwargs):
        wrapped = self._script(*args, **kwargs)
        return self._end(self._begin(shell, wrapped), wrapped)

    @ddt.data(*_SHELLS)
    def test_late(self, shell):
        self.assertEqual((['a'], ''), self._run(shell, 0, 'echo a'))
        self.assertEqual((['b'], ''), self._run(shell, 2, 'echo b'))
        self.assertEqual(([], 'late'), self._run(shell, 1, 'echo c'))
        self.assertEqual((['d'], ''), self._run(shell, 2, 'echo d'))

    @ddt.data(*_SHELLS)
    def test_other_operations_have_nothing_to_do_with_it(self, shell):
        self._run(shell, 2, 'echo a')

        self.assertEqual(
            (['b'], ''), self._run(shell, 0, 'echo b', operation='other')
        )

    @ddt.data(*_SHELLS)
    def test_a_newer_one_waits_for_the_command_that_runs(self, shell):
        log = pathlib.Path(self.useFixture(fixtures.TempDir()).join('log'))
        old = self._script(
            0,
            f'echo begun >>{log}; while [ ! -e {log}.go ]; do sleep 0.05; '
            f'done; echo ended >>{log}',
            f'echo never >>{log}',
        )
        process = self._begin(shell, old)
        self._until(log.exists)
        new = self._script(1, f'echo newer >>{log}')
        newer = self._begin(shell, new)
        epoch = pathlib.Path(self.fences, 'op')
        self._until(lambda: epoch.read_text() == '1\n')
        pathlib.Path(f'{log}.go').touch()

        self.assertEqual(([''], 'late'), self._end(process, old))
        self.assertEqual(([''], ''), self._end(newer, new))
        self.assertEqual('begun\nended\nnewer\n', log.read_text())

    @ddt.data(*_SHELLS)
    def test_what_runs_for_too_long(self, shell):
        self.useFixture(fixtures.MonkeyPatch(f'{_FENCE}.PATIENCE', 1))
        old = self._script(0, 'echo so >&2; sleep 3')
        process = self._begin(shell, old)
        lock = pathlib.Path(self.fences, 'op.lock')
        self._until(lock.exists)
        self._until(lambda: _is_held(lock))

        self.assertEqual(([], 'busy'), self._run(shell, 1, 'echo newer'))
        self.assertEqual(([''], ''), self._end(process, old))

    @ddt.data(*_SHELLS)
    def test_what_stays_behind_holds_no_lock(self, shell):
        wrapped = self._script(0, 'sleep 20 >/dev/null 2>&1 & echo $!')
        [pid], refused = self._end(self._begin(shell, wrapped), wrapped)
        self.addCleanup(os.kill, int(pid), signal.SIGKILL)

        self.assertEqual('', refused)
        self.assertEqual((['b'], ''), self._run(shell, 1, 'echo b'))

    @ddt.data(*_SHELLS)
    def test_nowhere_to_write(self, shell):
        pathlib.Path(self.fences).touch()

        found, refused = self._run(shell, 0, 'echo never')

        self.assertEqual([], found)
        self.assertNotIn(refused, ('', 'late', 'busy'))

    @ddt.data(*_SHELLS)
    def test_no_room_for_the_epoch(self, shell):
        self.assertEqual((['a'], ''), self._run(shell, 1, 'echo a'))
        # As on a full disk: files can be made, but nothing written to them.
        wrapped = self._script(2, 'echo never')
        full = self._begin(
            shell, wrapped, restore_signals=False, preexec_fn=_fill
        )

        found, refused = self._end(full, wrapped)

        self.assertEqual([], found)
        self.assertNotIn(refused, ('', 'late', 'busy'))
        # What was known before still is.
        self.assertEqual(([], 'late'), self._run(shell, 0, 'echo b'))
        self.assertEqual((['c'], ''), self._run(shell, 1, 'echo c'))

    @ddt.data(*_SHELLS)
    def test_half_a_script(self, shell):
        text = self._script(0, 'echo a', 'echo b').text()
        for length in range(0, len(text) - 3, 7):
            done = subprocess.run(
                [shell, '-s'],
                input=text[:length],
                capture_output=True,
                text=True,
            )
            self.assertEqual('', done.stdout, text[:length])
        self.assertFalse(os.path.exists(self.fences))

    def _until(self, holds):
        deadline = time.monotonic() + 10
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


def _fill():
    """Have each write to a file fail; Python leaves the signal ignored."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _is_held(lock):
    done = subprocess.run(['flock', '-n', str(lock), 'true'])
    return done.returncode != 0
