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

"""Commands that people paste do what those of a batch do."""

import os
import subprocess

import ddt
import fixtures
import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi.hostcmd import pasted
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Guard
from tests import base

# What a program can be given: no NUL, and nothing that is no UTF-8.
_WORDS = st.text(
    st.characters(exclude_characters='\0', exclude_categories=['Cs']),
    min_size=1,
    max_size=20,
)


def _pasted(command: Command) -> str:
    """Give what it writes if it is pasted into a shell."""
    done = subprocess.run(
        ['sh'],
        input=pasted.line(command).encode() + b'\n',
        check=False,
        capture_output=True,
    )
    return done.stdout.decode()


@ddt.ddt
class PastedTestCase(base.TestCase):
    """A real shell reads them."""

    # The shell is what is tested.
    allow_processes = True

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(st.lists(_WORDS, min_size=1, max_size=4))
    def test_words_arrive_as_they_are(self, words: list[str]) -> None:
        """Quotes, newlines, dollars and all."""
        command = Command(('printf', '%s|', *words))
        self.assertEqual(''.join(f'{w}|' for w in words), _pasted(command))

    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(_WORDS)
    def test_input(self, text: str) -> None:
        """It is part of the line."""
        self.assertEqual(text, _pasted(Command(('cat',), stdin=text)))

    def test_a_secret(self) -> None:
        """It is not shown, and that is said."""
        line = pasted.line(Command(('cat',), stdin='hush', sensitive=True))
        self.assertNotIn('hush', line)
        self.assertIn('secret', line)

    @ddt.data(
        (Condition.EXISTS, True, True),
        (Condition.EXISTS, False, False),
        (Condition.MISSING, True, False),
        (Condition.MISSING, False, True),
        (Condition.MOUNTED, True, False),
        (Condition.NOT_MOUNTED, True, True),
    )
    @ddt.unpack
    def test_guards(
        self, condition: Condition, is_there: bool, runs: bool
    ) -> None:
        """Whether it runs is asked first."""
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, "it's")
        if is_there:
            os.mkdir(path)
        command = Command(('echo', 'ran'), guard=Guard(condition, path))
        self.assertEqual('ran\n' if runs else '', _pasted(command))

    def test_what_is_mounted(self) -> None:
        """As the root of everything is."""
        guard = Guard(Condition.MOUNTED, '/')
        self.assertEqual(
            'ran\n', _pasted(Command(('echo', 'ran'), guard=guard))
        )
