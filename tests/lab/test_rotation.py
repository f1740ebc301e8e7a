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

"""The certificate authority is rotated while clients write."""

import functools
import json
import os
import shutil
import time
import unittest
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.executor.inject_rules import When
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.tls import issue
from tests.lab import deaths
from tests.lab import footprint
from tests.lab import site
from tests.lab.shares import until
from tests.lab.writer import Writer

_NAMES = ('alice', 'bob', 'carol', 'dave')
_RUN = '/var/run/gluster'
_HEALED_SECONDS = 400
# Of a block; the writers share one disk with four nodes.
_PAUSE = 0.1

_EVERY = os.environ.get('GLUSTER_HEKETI_CRASH') == 'all'

# Commands: beyond those that look at four nodes, and at them again, before the
# first is changed.
_SKIPPED = 65

# Ends the only brick of a volume on a node and the self-heal daemon there, and
# has Gluster start them again; what was missed is looked for at once.
_RESTART = """
kill $(cat {run}/vols/{volume}/*.pid) $(cat {run}/glustershd/glustershd.pid)
sleep 1
gluster volume start {volume} force
sleep 3
gluster volume heal {volume} || :
"""


class RotationTest(site.SiteCase):
    """A share of 1 GiB with four clients that know the old authority alone."""

    DEFAULT_TIMEOUT = 1800

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        deaths.prepare()

    def setUp(self) -> None:
        super().setUp()
        shares = self.site.shares
        self.share = shares.create(1)
        self.addCleanup(shares.delete, self.share)
        # Later tests need certificates of the new authority.
        self.addCleanup(
            shutil.rmtree, self.site.directory / 'clients', ignore_errors=True
        )
        for name in _NAMES:
            shares.allow(self.share, name)
        self.volume = self.site.volume(self.share)
        hosts = {
            each.partition(':')[0]
            for each in self.site.service.bricks(self.volume)
        }
        self.nodes = [
            node.name for node in self.site.lab.nodes if node.address in hosts
        ]

    # --- what is done -----------------------------------------------------

    def mounted(self, name: str) -> client.Client:
        """Mount the share as a tenant."""
        mounted = self.site.client(self.share, self.site.identity(name))
        self.addCleanup(mounted.unmount)
        mounted.mount()
        return mounted

    def can_mount(self, name: str) -> bool:
        """Tell whether a tenant gets in now."""
        mounted = self.site.client(self.share, self.site.identity(name))
        try:
            mounted.mount()
            return mounted.run(['ls']).returncode == 0
        except exceptions.LabMountFailed:
            return False
        finally:
            mounted.unmount()

    def writing(self) -> list[Writer]:
        """Have all clients write."""
        writers = [
            Writer(self.mounted(name), f'work-{name}', _PAUSE)
            for name in _NAMES
        ]
        for each in writers:
            self.addCleanup(each.kill)
        return writers

    def rotate(self, *options: str, status: int = 0) -> str:
        """Rotate by the command line; give what it said."""
        begun = time.monotonic()
        done = self.site.run('ca', 'rotate', *options)
        print(
            f'ca rotate {" ".join(options)}: {time.monotonic() - begun:.1f} s'
        )
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done.stderr

    def new_certificate(self, name: str) -> None:
        """Give a client that is mounted another certificate."""
        bundle = self.site.service.clients.issue(name)
        issue.write_bundle(
            bundle, str(self.site.identity(name)), overwrite=True
        )

    def restart(self, node: str) -> None:
        """Restart brick and daemon of a node; see them connected again."""
        text = _RESTART.format(run=_RUN, volume=self.volume.name)
        footprint.answer(self.site.lab, node, text)
        self.healed()
        self.assertEqual('', self.troubles())

    def healed(self) -> None:
        """Wait until every brick has everything: daemons see to it."""
        until(self._to_heal, lambda said: said == '0', seconds=_HEALED_SECONDS)

    def _to_heal(self) -> str:
        """Count what is to be healed; a brick that is not there is no number.

        Gluster's own client for that presents the certificate of its node.
        """
        said = footprint.answer(
            self.site.lab,
            self.nodes[0],
            f'gluster volume heal {self.volume.name} info | awk '
            "'/^Number of entries:/ {sum += $4; many += 1} "
            'END {print many == 3 ? sum + 0 : "few"}\'',
        )
        return said.strip()

    def troubles(self) -> str:
        """Ask for all that is wrong with certificates and their use."""
        done = self.site.run('tls', 'status', '-f', 'json')
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return '; '.join(filter(None, (row['Trouble'] for row in rows)))

    def finished(self, writers: list[Writer]) -> None:
        """See that all was written, and can be read by a client of now."""
        reader = self.mounted('alice')
        for writer in writers:
            written = writer.finish()
            print(
                f'{writer.file}: {written.blocks} blocks, the slowest in '
                f'{written.longest:.1f} s'
            )
            read = reader.run(['sha256sum', writer.file], check=True)
            self.assertEqual(written.digest, read.stdout.split()[0])
        self.healed()
        self._limit(64 << 20)
        full = reader.run(
            ['dd', 'if=/dev/zero', 'of=more', 'bs=1M', 'count=65'],
            timeout=120,
        )
        self.assertIn('quota exceeded', full.stderr)
        self._limit(self.volume.size_bytes)
        done = self.site.run('check')
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def _limit(self, size_bytes: int) -> None:
        """Set the quota, which a daemon with the node's certificate does."""
        footprint.answer(
            self.site.lab,
            self.nodes[0],
            f'gluster volume quota {self.volume.name} limit-usage / '
            f'{size_bytes}',
        )

    # --- tests ------------------------------------------------------------

    def test_forward(self) -> None:
        """Nobody sees anything of it, whatever connects on the way.

        Processes that are at it die in each phase, and others go on.
        """
        writers = self.writing()
        both, signed = RotationPhase.TRUST_BOTH, RotationPhase.RE_SIGN
        for phase, node in ((both, self.nodes[0]), (signed, self.nodes[1])):
            self._die(functools.partial(_forward, phase))
            self.rotate('--until', phase.value)
            if _EVERY or phase is signed:
                self.restart(node)
            # Of before, as it is, and one that gets its certificate now.
            self.assertTrue(self.can_mount('alice'), phase)
            self.site.shares.allow(self.share, f'new-{phase}')
            self.assertTrue(self.can_mount(f'new-{phase}'), phase)
        said = self.rotate(status=ExitCode.FAILED)
        self.assertIn('MGH-630', said)
        shutil.copytree(
            self.site.identity('dave'), self.site.directory / 'clients/old'
        )
        for name in _NAMES:
            self.new_certificate(name)
        self._die(functools.partial(_forward, RotationPhase.TRUST_NEW))
        self.rotate('--until', 'trust-new', '--force')
        if _EVERY:
            self.restart(self.nodes[2])
        self.rotate()
        self.assertTrue(self.can_mount('dave'))
        self.assertFalse(self.can_mount('old'))
        self.finished(writers)

    @unittest.skipUnless(_EVERY, 'takes minutes; see tox -e labcrash')
    def test_back(self) -> None:
        """From the last phase; processes die on the way, others go on."""
        writers = self.writing()
        old = self._authority()
        self.rotate('--until', 're-sign')
        for name in _NAMES:
            self.new_certificate(name)
        self.rotate('--until', 'trust-new', '--force')
        for _ in range(2):
            self._die(_back)
        self.rotate('--back')
        self.assertEqual(old, self._authority())
        self.finished(writers)

    def _authority(self) -> str:
        done = self.site.run('ca', 'show', '-f', 'json')
        found: str = json.loads(done.stdout)['SHA-256 Fingerprint']
        return found

    def _die(self, task: deaths.Task) -> None:
        """Have a process die at its work on the first node that it changes."""
        lived = deaths.live(
            site.settings(self.site.manila.configuration),
            task,
            self.site.directory / 'death.log',
            deaths.Death('a command', When.AFTER, skip=_SKIPPED),
        )
        self.assertFalse(lived, 'it came to the end')
        self.site.recover()
        status = self.site.run('ca', 'rotate', '--status', '-f', 'json')
        found = json.loads(status.stdout)
        print(f'killed in {found["Phase"]}, behind: {found["Nodes Behind"]!r}')
        self.assertTrue(self.can_mount('bob'))


def _forward(phase: RotationPhase, service: Service) -> None:
    service.rotations.rotate(phase, force=True)


def _back(service: Service) -> None:
    service.rotations.back()
