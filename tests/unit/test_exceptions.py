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

"""Tests of the error taxonomy."""

import copy
import inspect
import pickle
import string

import ddt

from manila_gluster_heketi import exceptions
from tests import base


def kinds() -> list[type[exceptions.GlusterHeketiError]]:
    """List every class of the taxonomy."""
    return [
        each
        for _, each in inspect.getmembers(exceptions, inspect.isclass)
        if issubclass(each, exceptions.GlusterHeketiError)
    ]


def fields_of(kind: type[exceptions.GlusterHeketiError]) -> dict[str, str]:
    """Give a value for each field that a class needs."""
    return {
        name: f'a {name}'
        for _, name, _, _ in string.Formatter().parse(kind.template)
        if name
    }


@ddt.ddt
class TaxonomyTestCase(base.TestCase):
    """Every class, whatever it is about."""

    @ddt.data(*kinds())
    def test_it_tells_what_happened_and_what_to_do(self, kind) -> None:
        """Code, every field, and the next action."""
        fields = fields_of(kind)
        error = kind(**fields)
        text = str(error)
        self.assertTrue(text.startswith(f'[{kind.code}] '))
        for value in fields.values():
            self.assertIn(value, text)
        self.assertTrue(text.endswith(kind.action))
        self.assertTrue(kind.action.endswith('.'))
        self.assertEqual(fields, error.fields)

    @ddt.data(*kinds())
    def test_it_crosses_processes(self, kind) -> None:
        """Pickled and copied it is the same."""
        error = kind(**fields_of(kind))
        for other in (
            pickle.loads(pickle.dumps(error)),  # noqa: S301
            copy.deepcopy(error),
        ):
            self.assertIs(kind, type(other))
            self.assertEqual(str(error), str(other))
            self.assertEqual(error.fields, other.fields)

    @ddt.data(*kinds())
    def test_a_field_that_is_missing(self, kind) -> None:
        """A bug of ours shows at once, not in a half-written text."""
        for name in fields_of(kind):
            fields = fields_of(kind)
            del fields[name]
            self.assertRaises(KeyError, kind, **fields)

    @ddt.data(*kinds())
    def test_its_status_is_an_error(self, kind) -> None:
        """For REST."""
        self.assertIn(kind.http_status, range(400, 600))

    def test_codes_are_unique(self) -> None:
        """One class each."""
        codes = [each.code for each in kinds()]
        self.assertEqual(len(codes), len(set(codes)))
        for code in codes:
            self.assertRegex(code, r'^MGH-\d{3}$')

    def test_codes_are_their_own(self) -> None:
        """A subclass that inherits one can't be told from its base."""
        for each in kinds():
            self.assertIn('code', vars(each), each)
