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

"""Access keys: with each rule comes the token to enrol with."""

import os
from typing import Any

import fixtures
from manila import exception as manila_exception

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import tokens
from tests.functional.driver import backend
from tests.functional.enrolment import bench
from tests.functional.interference import fail


class AccessKeysTestCase(backend.BackendTestCase):
    """Rules of a share on a back end where tenants can enrol."""

    def setUp(self) -> None:
        """Create a share."""
        super().setUp()
        self.d = self.deploy(enrolment_url=bench.URL)
        self.driver = self.set_up(
            self.d, gluster_heketi_enrolment_url=bench.URL
        )
        self.share = backend.share()
        [self.location] = self.driver.create_share(None, self.share)
        self.alice = backend.rule('alice', 1)
        self.bob = backend.rule('bob', 2)

    def update(self, every: Any, add: Any = (), delete: Any = ()) -> Any:
        """Change the rules as Manila's manager does."""
        return self.driver.update_access(
            None, self.share, every, list(add), list(delete)
        )

    def redeem(self, key: str, name: str = 'alice') -> None:
        """Get a certificate."""
        self.d.service.enrolment.redeem(
            key, bench.EnrolmentTestCase.request(name)
        )

    def test_a_rule_is_added(self) -> None:
        """Its key is a token for its name on this share instance."""
        [(rule, values)] = self.update([self.alice], [self.alice]).items()
        self.assertEqual(('rule-1', {'access_key'}), (rule, set(values)))
        token = tokens.peek(values['access_key'])
        self.assertEqual(
            ('alice', self.share['id']), (token.common_name, token.share_id)
        )
        self.redeem(values['access_key'])

    def test_the_longest_name(self) -> None:
        """The key fits into Manila's column."""
        rule = backend.rule('x' * 64, 3)
        found = self.update([rule], [rule])
        self.assertLessEqual(len(found['rule-3']['access_key']), 255)

    def test_a_bad_rule_beside(self) -> None:
        """It is in error, and has no key."""
        bad = backend.rule('*', 2)
        found = self.update([self.alice, bad], [self.alice, bad])
        self.assertEqual({'state': 'error'}, found['rule-2'])
        self.assertEqual({'access_key'}, set(found['rule-1']))

    def test_all_rules_are_set_anew(self) -> None:
        """As at each start of manila-share: keys stay, used ones are left."""
        rules = [self.alice, self.bob]
        keys = self.update(rules, rules)
        self.assertEqual(keys, self.update(rules))
        self.assertEqual(keys, self.update(rules, rules))
        self.redeem(keys['rule-1']['access_key'])
        self.assertEqual({'rule-2': keys['rule-2']}, self.update(rules))
        self.redeem(keys['rule-2']['access_key'], 'bob')
        self.assertEqual({}, self.update(rules))

    def test_rules_from_before_tenants_could_enrol(self) -> None:
        """They get their keys when all are set anew."""
        self.d.service.change_access(self.share['id'], add=['alice'])
        self.assertEqual({'rule-1'}, set(self.update([self.alice])))

    def test_the_process_died_before_manila_had_the_key(self) -> None:
        """The same key comes when the rule is added again."""
        lost = self.update([self.alice], [self.alice])
        other = self.set_up(self.d, gluster_heketi_enrolment_url=bench.URL)
        again = other.update_access(
            None, self.share, [self.alice], [self.alice], []
        )
        self.assertEqual(lost, again)

    def test_a_rule_is_deleted_and_added(self) -> None:
        """Its first key is void, the second one good."""
        first = self.update([self.alice], [self.alice])['rule-1']
        self.assertEqual({}, self.update([], [], [self.alice]))
        alice = backend.rule('alice', 7)
        second = self.update([alice], [alice])['rule-7']
        self.assertNotEqual(first, second)
        self.assertRaises(
            exceptions.TokenRefused, self.redeem, first['access_key']
        )
        self.redeem(second['access_key'])

    def test_no_key_can_be_had(self) -> None:
        """The rule stands without: it lets in whoever has a certificate."""
        log = self.useFixture(fixtures.FakeLogger())
        os.chmod(f'{self.d.settings.ca_directory}/ca.key', 0o644)
        self.assertEqual({}, self.update([self.alice], [self.alice]))
        self.assertIn('has no access keys: [MGH-602]', log.output)
        self.assertEqual(('alice',), self.volume(self.d, self.share).access)
        os.chmod(f'{self.d.settings.ca_directory}/ca.key', 0o600)
        self.assertEqual({'rule-1'}, set(self.update([self.alice])))

    def test_the_change_fails(self) -> None:
        """There is no key for what was not let in."""
        self.d.executor.before = fail()
        self.assertRaises(
            manila_exception.ShareBackendException,
            self.update,
            [self.alice],
            [self.alice],
        )
        self.assertEqual((), self.d.service.enrolment.listed())

    def test_where_tenants_enrol(self) -> None:
        """It is in the export location; a change makes Manila ask again."""
        self.assertEqual(bench.URL, self.location['metadata']['enrolment-url'])
        info = self.driver.get_backend_info(None)
        self.assertEqual(bench.URL, info['gluster_heketi_enrolment_url'])


class WithoutTestCase(backend.BackendTestCase):
    """A back end as it is by default."""

    def test_nothing_tells_of_it(self) -> None:
        """Manila gets what it got before."""
        d = self.deploy()
        driver = self.set_up(d)
        share = backend.share()
        [location] = driver.create_share(None, share)
        alice = backend.rule('alice')
        self.assertEqual(
            {}, driver.update_access(None, share, [alice], [alice], [])
        )
        self.assertNotIn('enrolment-url', location['metadata'])
        self.assertEqual(
            {'gluster_heketi_servers'}, set(driver.get_backend_info(None))
        )
