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

"""Who gets in, with many rules on a share and many clients at work."""

import concurrent.futures
import datetime
import pathlib
import re
import subprocess
import time
from collections.abc import Sequence
from typing import ClassVar

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls.ca import Authority
from tests.lab import footprint
from tests.lab import forged
from tests.lab import site
from tests.lab.shares import until

_RULES = 100
_REQUESTERS = 10
# With alice and the nodes they leave room for no name of 64 characters.
_NAME_LENGTH = 38
_WRITERS = 8
_CUT_OFF_SECONDS = 3
_PATIENCE_SECONDS = 60
_SECOND = datetime.timedelta(seconds=1)
_HOUR = datetime.timedelta(hours=1)
_SHORT_LIFE = 8 * _SECOND

# Writes into a file of its own until its standard input ends, each block down
# to the bricks. Says how many blocks there were and how long the slowest
# took, then when and why it ended.
_WRITE = """
import os, select, sys, time
count, longest, reason = 0, 0, 'told to'
try:
    with open(sys.argv[1], 'wb', buffering=0) as file:
        while not select.select([sys.stdin], [], [], 0)[0]:
            begun = time.monotonic()
            file.write(os.urandom(1 << 16))
            os.fsync(file.fileno())
            longest = max(longest, time.monotonic() - begun)
            count += 1
            time.sleep(0.05)
except OSError as error:
    reason = error.strerror
print(count, longest, time.time(), reason, sep=';')
"""


class AccessTest(site.SiteCase):
    """A share on which alice and a crowd are allowed."""

    share: ClassVar[str]
    crowd: ClassVar[list[str]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        shares = cls.site.shares
        cls.share = shares.create(1)
        cls.addClassCleanup(shares.delete, cls.share)
        cls.volume = cls.site.volume(cls.share)
        shares.allow(cls.share, 'alice')
        cls.crowd = [f'{n:03}'.rjust(_NAME_LENGTH, 'c') for n in range(_RULES)]
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(_REQUESTERS) as pool:
            # The next of each request's names is that of another request.
            list(
                pool.map(
                    cls.allow,
                    (cls.crowd[n::_REQUESTERS] for n in range(_REQUESTERS)),
                )
            )
        print(
            f'{_RULES} rules by {_REQUESTERS} requests at once: '
            f'{time.monotonic() - begun:.1f} s'
        )

    @classmethod
    def allow(cls, names: Sequence[str]) -> None:
        """Let some in, as Manila does when it has several rules to add."""
        cls.site.service.change_access(cls.volume.share_id, add=names)

    def deny(self, name: str) -> None:
        """Shut one out."""
        self.site.service.change_access(self.volume.share_id, remove=[name])

    def mounted(self, identity: pathlib.Path | None) -> client.Client:
        mounted = self.site.client(self.share, identity)
        self.addCleanup(mounted.unmount)
        mounted.mount()
        return mounted

    def allow_value(self) -> str:
        info = self.site.volume_info(self.volume.name)
        return info.options['auth.ssl-allow']

    def test_no_rule_of_a_hundred_is_lost(self) -> None:
        node = names.node_common_name(self.volume.cluster_id)
        self.assertEqual(
            ','.join((node, *sorted(['alice', *self.crowd]))),
            self.allow_value(),
        )

    def test_one_rule_more_than_glusterd_bears(self) -> None:
        before = self.allow_value()
        rule = self.site.shares.allow(self.share, 'e' * 64, wanted='error')
        alive = footprint.answers(
            self.site.lab,
            f'systemctl is-active glusterd; gluster volume info '
            f'{self.volume.name} | grep -c ^Status:.Started',
        )
        self.assertEqual({'active\n1'}, set(alive.values()))
        self.assertEqual(before, self.allow_value())
        self.site.shares.deny(self.share, rule)
        self.assertEqual(before, self.allow_value())

    def test_exactly_the_allowed_ones_get_in(self) -> None:
        allowed = {
            'a certificate that was issued': self.site.identity('alice'),
            'one that was forged well': self.forged('alice'),
        }
        stolen = issue.issue_node(self.authority, model.new_id())
        other_node = self.site.directory / 'other-cluster'
        other_node.mkdir()
        issue.write_bundle(stolen, str(other_node))
        refused = {
            'no certificate': None,
            'another authority': self.site.foreign_identity('alice'),
            'another name': self.site.identity('bob'),
            'expired': self.forged('alice', starts=-_HOUR, ends=-_SECOND),
            'not yet valid': self.forged(
                'alice', starts=_HOUR, ends=_HOUR * 2
            ),
            'a node of another cluster': other_node,
            'a second name': self.forged('bob', 'alice'),
            **{
                f'the name {name}': self.forged(name)
                for name in ('*', 'al*', 'Alice', 'alic')
            },
        }
        self.assertEqual(
            {**dict.fromkeys(allowed, True), **dict.fromkeys(refused, False)},
            {
                what: self._gets_in(identity)
                for what, identity in {**allowed, **refused}.items()
            },
        )

    @property
    def authority(self) -> Authority:
        return self.site.service.engine.site.authority()

    def forged(
        self, *subject: str, **times: datetime.timedelta
    ) -> pathlib.Path:
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        return forged.identity(
            self.authority, directory / 'identity', *subject, **times
        )

    def _gets_in(
        self, identity: pathlib.Path | None, export: str = ''
    ) -> bool:
        attempt = self.site.client(self.share, identity)
        attempt.export = export or attempt.export
        try:
            with attempt:
                # A client that learns late that it is refused unmounts
                # itself; the root of a volume has this number alone.
                seen = attempt.run(['sh', '-c', 'ls >&2 && stat -c %i .'])
        except exceptions.LabMountFailed:
            return False
        return (seen.returncode, seen.stdout.strip()) == (0, '1')

    def test_nobody_gets_in_without_tls(self) -> None:
        """A volume file is all that tells a client of TLS."""
        # Any glusterd gives it to anybody.
        sealed = footprint.answer(
            self.site.lab, 'n1', f'gluster system:: getspec {self.volume.name}'
        )
        plain = re.sub(r'.*transport\.socket\.ssl-enabled.*\n', '', sealed)
        admitted = {}
        for name, text in {'sealed': sealed, 'plain': plain}.items():
            file = self.site.directory / f'{name}.vol'
            file.write_text(text)
            admitted[name] = self._gets_in(
                self.site.identity('alice'), str(file)
            )
        self.assertEqual({'sealed': True, 'plain': False}, admitted)

    def test_a_certificate_that_ends_under_an_open_mount(self) -> None:
        """No new connection; but Gluster does not look at those it has."""
        identity = self.forged('alice', ends=_SHORT_LIFE)
        end = time.monotonic() + _SHORT_LIFE.total_seconds()
        mounted = self.mounted(identity)
        mounted.run(['touch', 'before'], check=True)
        time.sleep(max(0, end + 1 - time.monotonic()))
        self.assertFalse(self._gets_in(identity))
        mounted.run(['touch', 'after'], check=True)

    def test_others_see_nothing_of_a_change(self) -> None:
        """One is cut off, one is let in, seven write on."""
        writers = {name: self._writer(name) for name in self.crowd[:_WRITERS]}
        victim, *others = writers
        self.addCleanup(self.allow, [victim])
        begun = time.time()
        self.deny(victim)
        denied = time.time()
        said, _ = writers[victim].communicate(timeout=_PATIENCE_SECONDS)
        _, _, ended, reason = said.strip().split(';')
        print(
            f'denied in {denied - begun:.1f} s; cut off '
            f'{float(ended) - begun:.1f} s after it was asked for: {reason}'
        )
        self.assertNotEqual('told to', reason)
        self.assertLess(float(ended) - denied, _CUT_OFF_SECONDS)
        self._is_kept_out(victim, denied)
        self.addCleanup(self.deny, 'newcomer')
        self.allow(['newcomer'])
        self.assertTrue(self._gets_in(self.site.identity('newcomer')))
        slowest = 0.0
        for name in others:
            said, _ = writers[name].communicate('', timeout=_PATIENCE_SECONDS)
            count, longest, _, reason = said.strip().split(';')
            self.assertEqual('told to', reason)
            self.assertGreater(int(count), 0)
            slowest = max(slowest, float(longest))
        print(f'the slowest write of the others took {slowest:.1f} s')

    def _is_kept_out(self, name: str, denied: float) -> None:
        """See that no mount succeeds that begins when all bricks must know.

        Each reads the list by itself: on a busy machine one lets a client in
        for a moment that another has cut off.
        """
        begun = time.time()
        while self._gets_in(self.site.identity(name)):
            self.assertLess(begun - denied, _CUT_OFF_SECONDS)
            begun = time.time()

    def _writer(self, name: str) -> 'subprocess.Popen[str]':
        mounted = self.mounted(self.site.identity(name))
        writer = mounted.start(
            ['python3', '-c', _WRITE, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(writer.kill)
        until(
            lambda: mounted.run(['test', '-s', name]).returncode,
            lambda status: not status,
        )
        return writer
