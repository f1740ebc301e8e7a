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

"""Access rules as Manila gives them, and errors as it gets them."""

import inspect
import string

import ddt
import fixtures
from manila import exception as manila_exception

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.layout import errors
from tests.functional.driver import backend
from tests.functional.interference import fail
from tests.functional.interference import once
from tests.functional.interference import says


@ddt.ddt
class UpdateAccessTestCase(backend.BackendTestCase):
    """Rules are judged one by one, and set with one command."""

    def setUp(self) -> None:
        """Create a share."""
        super().setUp()
        self.d = self.deploy()
        self.driver = self.set_up(self.d)
        self.share = backend.share()
        self.driver.create_share(None, self.share)
        self.d.executor.seen.clear()

    def _update(self, every, add=(), delete=(), **more):
        return self.driver.update_access(
            None, self.share, every, list(add), list(delete), **more
        )

    def _allowed(self):
        volume = self.volume(self.d, self.share)
        value = self.d.gluster(volume).options['auth.ssl-allow']
        node, *names = value.split(',')
        self.assertEqual(f'gluster-heketi-node-{volume.cluster_id}', node)
        self.assertEqual(tuple(names), volume.access)
        return names

    @ddt.data({}, {'update_rules': None}, {'update_rules': []})
    def test_add_and_delete(self, more) -> None:
        """With the arguments of each Manila release, 2024.2 to 2026.2."""
        alice, bob = backend.rule('alice', 1), backend.rule('bob', 2)
        self.assertEqual({}, self._update([alice], [alice], **more))
        self.assertEqual(['alice'], self._allowed())
        self._update([alice, bob], [bob], **more)
        self.assertEqual(['alice', 'bob'], self._allowed())
        self._update([bob], [], [alice], **more)
        self.assertEqual(['bob'], self._allowed())
        # Each with the question whether glusterd runs.
        self.assertEqual(2 * 3, len(self.d.executor.seen))

    def test_a_rule_that_is_there_and_one_that_is_not(self) -> None:
        """Neither adding nor deleting it again is an error."""
        alice, bob = backend.rule('alice', 1), backend.rule('bob', 2)
        self._update([alice], [alice])
        self._update([alice], [alice])
        self._update([alice], [], [bob])
        self.assertEqual(['alice'], self._allowed())

    def test_recovery(self) -> None:
        """Without rules to add or delete, exactly those given count."""
        self._update([backend.rule('old')], [backend.rule('old')])
        rules = [backend.rule('bob', 2), backend.rule('alice', 1)]
        self.assertEqual({}, self._update(rules))
        self.assertEqual(['alice', 'bob'], self._allowed())
        self._update([])
        self.assertEqual([], self._allowed())

    @ddt.data(
        {'access_type': 'ip', 'access_to': '10.0.0.0/8'},
        {'access_type': 'user'},
        {'access_level': 'ro'},
        {'access_to': ''},
        {'access_to': 'a,b'},
        {'access_to': 'a b'},
        {'access_to': '*'},
        {'access_to': 'a?'},
        {'access_to': '[ab]'},
        {'access_to': 'x' * 65},
        {'access_to': 'gluster-heketi-node-1'},
    )
    def test_a_bad_rule(self, values) -> None:
        """It alone is in error; Manila is told, the log says why."""
        good = backend.rule('alice', 1)
        bad = backend.rule('mallory', 2)
        bad.update(values)
        expected = {'rule-2': {'state': 'error'}}

        self.assertEqual(expected, self._update([good, bad], [good, bad]))
        self.assertEqual(['alice'], self._allowed())
        # In recovery too; and to delete it changes nothing.
        self.assertEqual(expected, self._update([good, bad]))
        self.assertEqual(['alice'], self._allowed())
        self.assertEqual({}, self._update([good], [], [bad]))
        self.assertEqual(['alice'], self._allowed())

    def test_a_revoked_name(self) -> None:
        """Its rule alone is in error, and no recovery brings it back."""
        alice, bob = backend.rule('alice', 1), backend.rule('bob', 2)
        self._update([alice, bob], [alice, bob])
        self.d.service.revocation.revoke('bob', 'lost laptop')
        self.assertEqual(['alice'], self._allowed())
        expected = {'rule-2': {'state': 'error'}}
        carol = backend.rule('carol', 3)
        log = self.useFixture(fixtures.FakeLogger())

        self.assertEqual(
            expected, self._update([alice, bob, carol], [bob, carol])
        )
        self.assertEqual(['alice', 'carol'], self._allowed())
        self.assertIn('lost laptop', log.output)
        self.assertEqual(expected, self._update([alice, bob, carol]))
        self.assertEqual(['alice', 'carol'], self._allowed())
        # To delete its rule changes nothing, and is no error.
        self.assertEqual({}, self._update([alice, carol], [], [bob]))
        self.assertEqual(['alice', 'carol'], self._allowed())

    def test_two_rules_of_one_revoked_name(self) -> None:
        """Manila is told of each."""
        rules = [backend.rule('bob', number) for number in (1, 2)]
        self.d.service.revocation.revoke('bob')
        self.assertEqual(
            {f'rule-{n}': {'state': 'error'} for n in (1, 2)},
            self._update(rules, rules),
        )
        self.assertEqual([], self._allowed())

    def test_a_name_that_is_still_to_be_cut_off(self) -> None:
        """Recovery cuts it off, as does any other change."""
        alice, bob = backend.rule('alice', 1), backend.rule('bob', 2)
        for update in ([[alice, bob]], [[alice, bob], [alice]]):
            self._update([alice, bob])
            self.d.executor.before = fail('it is broken')
            self.d.service.revocation.revoke('bob')
            self.d.executor.before = lambda host, command: None
            self._update(*update)
            self.assertEqual(['alice'], self._allowed())
            self.d.service.revocation.unrevoke('bob')

    def test_bad_rules_alone(self) -> None:
        """Nobody gets in, no command is sent."""
        bad = backend.rule('*', 2)
        self.assertEqual(
            {'rule-2': {'state': 'error'}}, self._update([bad], [bad])
        )
        self.assertEqual([], self._allowed())
        self.assertEqual([], self.d.executor.seen)

    def test_the_list_is_full(self) -> None:
        """Each rule that it has no room for is in error, it alone."""
        log = self.useFixture(fixtures.FakeLogger())
        rules = [backend.rule(f'{n:03}' + 'x' * 60, n) for n in range(60)]
        self.assertEqual({}, self._update(rules, rules))
        before = self._allowed()
        more = [backend.rule(c * 64, 100 + n) for n, c in enumerate('abc')]
        more.append(backend.rule('d', 103))

        states = self._update(rules + more, more)
        error = {'state': 'error'}
        self.assertEqual({'rule-101': error, 'rule-102': error}, states)
        self.assertIn('MGH-103', log.output)
        self.assertEqual(sorted([*before, 'a' * 64, 'd']), self._allowed())
        # One that goes makes room for another.
        self.assertEqual({}, self._update(rules, [more[1]], [rules[0]]))
        # Manila's recovery of the share ends with the same.
        self.assertEqual(
            {'rule-101': error, 'rule-102': error},
            self._update(rules + more, []),
        )
        self.assertEqual(sorted([*before, 'a' * 64, 'd']), self._allowed())

    def test_gluster_refuses(self) -> None:
        """The old list stands; Manila puts the rules into error."""
        alice, bob = backend.rule('alice', 1), backend.rule('bob', 2)
        self._update([alice], [alice])
        self.d.executor.before = once(says('auth.ssl-allow'), fail())
        self.assertRaises(
            manila_exception.ShareBackendException,
            self._update,
            [alice, bob],
            [bob],
        )
        self.assertEqual(['alice'], self._allowed())

    def test_a_share_without_a_volume(self) -> None:
        """Nobody can be let in; to shut out is fine."""
        self.driver.delete_share(None, self.share)
        alice = backend.rule('alice')
        for every, add in (([alice], [alice]), ([alice], [])):
            self.assertRaises(
                manila_exception.ShareResourceNotFound,
                self._update,
                every,
                add,
            )
        self._update([], [], [alice])
        self._update([])


def _kinds():
    """List every class of the taxonomy."""
    return sorted(
        (
            each
            for _, each in inspect.getmembers(exceptions, inspect.isclass)
            if issubclass(each, exceptions.GlusterHeketiError)
        ),
        key=lambda each: each.code,
    )


def example(kind: type[exceptions.GlusterHeketiError]):
    """Make an error of a kind, with some value for each field."""
    fields = {
        name: f'<{name}>'
        for _, name, _, _ in string.Formatter().parse(kind.template)
        if name
    }
    return kind(**fields)


@ddt.ddt
class ErrorsTestCase(backend.BackendTestCase):
    """Our taxonomy in Manila's words."""

    @ddt.data(*_kinds())
    def test_each_has_an_exception_of_manila(self, kind) -> None:
        """It can be raised, and keeps what the reader needs."""
        self.assertTrue(
            issubclass(
                getattr(manila_exception, kind.manila),
                manila_exception.ManilaException,
            )
        )
        error = example(kind)
        found = errors.translated(error, 'share-1')
        self.assertIs(getattr(manila_exception, kind.manila), type(found))
        if kind.manila in (
            'ShareResourceNotFound',
            'ShareShrinkingPossibleDataLoss',
        ):
            self.assertIn('share-1', str(found))
        else:
            self.assertIn(str(error), str(found))
