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

"""Batches through a real shell: whatever goes in comes back."""

import subprocess

import hypothesis
from hypothesis import strategies

from manila_gluster_heketi.executor import script
from manila_gluster_heketi.hostcmd.command import Command
from tests import base

# No process can be given a NUL; what is not UTF-8 is replaced on the way.
_WORDS = strategies.text(
    strategies.characters(exclude_characters='\0', codec='utf-8'),
    max_size=20,
)
_PRINT = ('printf', '%s')


def _run(text: script.Script) -> script.Transcript:
    done = subprocess.run(
        ['/bin/sh', '-s'],
        input=text.text().encode(),
        capture_output=True,
        check=False,
    )
    return text.parse(
        done.stdout.decode('utf-8', 'replace'),
        done.stderr.decode('utf-8', 'replace'),
    )


class RoundTripTestCase(base.TestCase):
    """Arguments, input and output of many shapes."""

    allow_processes = True

    @hypothesis.settings(max_examples=40, deadline=None)
    @hypothesis.given(strategies.lists(_WORDS, min_size=1, max_size=5))
    def test_arguments(self, words) -> None:
        """No character means anything to the shell."""
        batch = [Command((*_PRINT, word)) for word in words]
        found = _run(script.Script.of(batch))
        self.assertEqual(words, [each.stdout for each in found.results])
        self.assertEqual([0] * len(words), [r.status for r in found.results])

    @hypothesis.settings(max_examples=40, deadline=None)
    @hypothesis.given(_WORDS.filter(bool))
    @hypothesis.example('=\x80')
    @hypothesis.example('=+%@:,\n+\u00c0')
    def test_standard_input(self, text) -> None:
        """It reaches the command, with a newline at its end."""
        found = _run(script.Script.of([Command(('cat',), stdin=text)] * 2))
        end = '' if text.endswith('\n') else '\n'
        self.assertEqual(
            [text + end] * 2, [each.stdout for each in found.results]
        )

    @hypothesis.settings(max_examples=40, deadline=None)
    @hypothesis.given(strategies.data())
    def test_output_that_breaks_off(self, data) -> None:
        """However little came: whole results of the commands that ended."""
        words = ['one', 'two\n', '', 'four']
        text = script.Script.of([Command((*_PRINT, w)) for w in words])
        done = subprocess.run(
            ['/bin/sh', '-s'],
            input=text.text().encode(),
            capture_output=True,
            check=False,
        )
        whole = done.stdout.decode()
        length = data.draw(strategies.integers(0, len(whole)))
        found = text.parse(whole[:length], done.stderr.decode())
        said = [each.stdout for each in found.results]
        self.assertEqual(words[: len(said)], said)
        self.assertEqual(length == len(whole), len(said) == len(words))

    def test_binary_output(self) -> None:
        """It is no obstacle to what comes after it."""
        found = _run(
            script.Script.of(
                [
                    Command(('printf', r'\377\376\001')),
                    Command((*_PRINT, 'after')),
                ]
            )
        )
        self.assertEqual('after', found.results[1].stdout)
        self.assertIn('\ufffd', found.results[0].stdout)

    def test_output_like_a_mark(self) -> None:
        """Another batch's mark means nothing in this one."""
        other = script.Script.of([])
        line = f'\n{other.mark} 0 0 1.0\n'
        found = _run(script.Script.of([Command((*_PRINT, line))] * 2))
        self.assertEqual([line] * 2, [r.stdout for r in found.results])
