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

"""Real labs beside each other: networks, power cuts, and what stays behind.

These start User-Mode-Linux guests of their own, so they need root and the
packages of ``tools/lab-packages``, but no lab that runs.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import nodes
from manila_gluster_heketi.lab import power
from manila_gluster_heketi.lab import topology

_GIB = 1 << 30
_NAMESPACES = pathlib.Path('/run/netns')
_MAKE_BRICK = """
set -e
pvcreate -qq /dev/ubdb
vgcreate -qq vg_test /dev/ubdb
lvcreate -qq -y -L 600M --type thin-pool -n pool vg_test
lvcreate -qq -y -V 400M -T vg_test/pool -n brick
mkfs.xfs -q -K /dev/vg_test/brick
mkdir /srv/brick
echo /dev/vg_test/brick /srv/brick xfs noatime 0 0 >>/etc/fstab
mount /srv/brick
echo kept >/srv/brick/file
sync
"""


def _spec(name: str, subnet: str, **changes: object) -> layout.LabSpec:
    fields: dict[str, object] = {
        'name': f'{name}-{os.getpid()}',
        'subnet': subnet,
        'node_count': 2,
        'zones': (1, 2),
        'disk_bytes': _GIB,
        'memory_mib': 256,
    }
    return layout.LabSpec(**{**fields, **changes})


def _marks_on_host(word: str) -> dict[str, set[str]]:
    """Return what on this host bears ``word``: it must not stay behind."""
    processes = set()
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            line = path.read_bytes().decode(errors='replace')
        except OSError:
            continue
        if word in line:
            processes.add(line)
    mounts = pathlib.Path('/proc/self/mounts').read_text().splitlines()
    return {
        'processes': processes,
        'mounts': {line for line in mounts if word in line},
        'namespaces': {
            path.name for path in _NAMESPACES.glob('*') if word in path.name
        },
    }


def _links() -> set[str]:
    return set(os.listdir('/sys/class/net'))


@unittest.skipUnless(os.geteuid() == 0, 'namespaces and taps need root')
class LabNodesTest(unittest.TestCase):
    """Two labs, brought up once for all tests of the class."""

    scratch: pathlib.Path
    lab: layout.Lab
    other: layout.Lab

    @classmethod
    def setUpClass(cls) -> None:
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix='lab-'))
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.lab = cls._up(_spec('one', '10.91.1.0/24'))
        cls.other = cls._up(
            _spec('two', '10.91.2.0/24', node_count=1, idle_hooks=False)
        )

    @classmethod
    def _up(cls, spec: layout.LabSpec) -> layout.Lab:
        lab = layout.Lab.plan(spec, cls.scratch / spec.name)
        cls.addClassCleanup(cls._purge, lab)
        return nodes.up(spec, lab.directory)

    @staticmethod
    def _purge(lab: layout.Lab) -> None:
        if lab.exists:
            nodes.down(lab, purge=True)

    def run_on(
        self, node: str, script: str, user: str = 'root', lab: object = None
    ) -> subprocess.CompletedProcess[str]:
        argv = nodes.ssh_argv(lab or self.lab, node, user)
        return subprocess.run(
            [*argv, script], capture_output=True, text=True, timeout=60
        )

    def answer(self, node: str, script: str, user: str = 'root') -> str:
        done = self.run_on(node, script, user)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.strip()

    def pings(self, node: str, seconds: int) -> bool:
        argv = nodes.ssh_argv(self.lab, node)
        argv[-1:-1] = ['-o', f'ConnectTimeout={seconds}']
        end = time.monotonic() + seconds
        while True:
            done = subprocess.run([*argv, 'true'], capture_output=True)
            if done.returncode == 0 or time.monotonic() > end:
                return done.returncode == 0
            # A search for the node's address that failed while the link was
            # down is an error at once, also a moment after it is up.
            time.sleep(0.2)

    def test_each_guest_has_one_processor(self) -> None:
        chosen = set()
        for node in self.lab.nodes:
            [mine] = {
                tuple(os.sched_getaffinity(process))
                for process in power.process_ids(self.lab, node)
            }
            self.assertEqual(1, len(mine))
            chosen.update(mine)
        usable = os.sched_getaffinity(0)
        self.assertEqual(min(len(usable), len(self.lab.nodes)), len(chosen))

    def test_lvm_finds_no_old_terminals(self) -> None:
        self.assertEqual('', self.answer('n1', 'find /dev -name "pty[a-z]*"'))

    def test_guests_have_what_a_node_needs(self) -> None:
        sizes = 'blockdev --getsize64 /dev/ubdb /dev/ubdc'
        told = self.answer(
            'n1', f'hostname; systemctl is-active glusterd; {sizes}'
        )
        self.assertEqual(['n1', 'active', *[str(_GIB)] * 2], told.split())
        shipped = pathlib.Path('/etc/glusterfs/glusterd.vol').read_text()
        found = self.answer('n1', 'cat /etc/glusterfs/glusterd.vol')
        self.assertEqual(shipped.strip(), found)

    def test_hooks_are_as_shipped_unless_idle_ones_are_not_wanted(
        self,
    ) -> None:
        ask = "cd /var/lib/glusterd/hooks/1; find . -name 'S*' | sort"
        shipped = subprocess.run(
            ['sh', '-c', ask], check=True, capture_output=True, text=True
        ).stdout
        self.assertEqual(shipped, self.run_on('n1', ask).stdout)
        self.assertEqual(
            [
                './add-brick/post/S13create-subdir-mounts.sh',
                './add-brick/pre/S28Quota-enable-root-xattr-heal.sh',
            ],
            self.run_on('n1', ask, lab=self.other).stdout.split(),
        )

    def test_guests_see_nothing_of_the_hosts_secrets(self) -> None:
        listing = self.answer(
            'n1',
            'ls -A /root /var/lib/gluster-heketi-lab;'
            'ls /usr/lib/ssl/ /etc/ssl | grep gluster;'
            'touch /usr/lib/ssl/x && rm /usr/lib/ssl/x',
        )
        self.assertEqual(
            '/root:\n.ssh\n\n/var/lib/gluster-heketi-lab:', listing
        )
        accounts = self.answer(
            'n1',
            'cut -d: -f3 /etc/passwd; cat /etc/ssh/ssh_host_ed25519_key.pub',
        )
        *uids, _kind, key, _comment = accounts.split()
        people = [uid for uid in uids if 1000 <= int(uid) < 2000]
        self.assertEqual([], people)
        self.assertIn(key, self.lab.known_hosts.read_text())

    def test_only_operator_may_use_sudo(self) -> None:
        self.assertEqual('0', self.answer('n1', 'sudo -n id -u', 'operator'))
        refused = self.run_on('n1', 'sudo -n id -u', 'nosudo')
        self.assertEqual(1, refused.returncode)
        self.assertIn('password is required', refused.stderr)

    def test_glusterd_restarts_by_systemctl(self) -> None:
        before, after = self.answer(
            'n1',
            'cat /run/glusterd.pid; sudo -n systemctl restart glusterd;'
            'cat /run/glusterd.pid',
            'operator',
        ).split()
        self.assertNotEqual(before, after)
        told = self.answer(
            'n1',
            'systemctl stop glusterd; systemctl is-active glusterd; echo $?;'
            'systemctl start glusterd; systemctl is-active glusterd; echo $?;'
            'systemctl stop ssh 2>/dev/null; echo $?',
        )
        self.assertEqual('inactive 3 active 0 1'.split(), told.split())

    def test_stopping_glusterd_stops_what_it_started(self) -> None:
        brick = f'{self.lab.node("n1").address}:/srv/v'
        told = self.answer(
            'n1',
            f'gluster --mode=script volume create v {brick} force >/dev/null;'
            'gluster --mode=script volume start v >/dev/null;'
            'pgrep -c glusterfsd; systemctl stop glusterd;'
            'pgrep -c glusterfsd; systemctl start glusterd',
        )
        self.assertEqual(['1', '0'], told.split())

    def test_state_survives_power_cuts(self) -> None:
        identity = 'cat /srv/brick/file; gluster system:: uuid get'
        boot = 'cat /proc/sys/kernel/random/boot_id'
        before = self.answer('n2', _MAKE_BRICK + identity)
        self.assertTrue(before.startswith('kept\nUUID: '))
        neighbour = self.answer('n1', boot)
        for dirty in (False, True):
            self.answer('n2', f'echo {dirty} >/root/unflushed')
            nodes.kill(self.lab, 'n2', dirty=dirty)
            self.assertFalse(nodes.status(self.lab)[1].running)
            nodes.start(self.lab, ['n2'])
            self.assertEqual(before, self.answer('n2', identity))
            if not dirty:
                flushed = self.answer('n2', 'cat /root/unflushed')
                self.assertEqual('False', flushed)
        self.assertEqual(neighbour, self.answer('n1', boot))

    def test_a_killed_guest_leaves_no_process(self) -> None:
        before = nodes.status(self.lab)[1].process_id
        nodes.kill(self.lab, 'n2', dirty=True)
        left = _marks_on_host(str(self.lab.directory))['processes']
        self.assertEqual([], [line for line in left if 'umid=n2' in line])
        self.assertNotEqual([], [line for line in left if 'umid=n1' in line])
        nodes.start(self.lab, ['n2'])
        self.assertNotEqual(before, nodes.status(self.lab)[1].process_id)

    def test_a_cut_link_comes_back_at_once(self) -> None:
        nodes.set_link(self.lab, 'n1', up=False)
        self.assertFalse(self.pings('n1', 2))
        linked = [status.linked for status in nodes.status(self.lab)]
        self.assertEqual([False, True], linked)
        nodes.set_link(self.lab, 'n1', up=True)
        # A driver that noticed the cut would be gone for half a minute.
        self.assertTrue(self.pings('n1', 10))

    def test_labs_do_not_see_each_other(self) -> None:
        self.answer('n1', 'true')
        theirs = self.other.node('n1').address
        reached = self.run_on(
            'n1', f'timeout 2 bash -c ": >/dev/tcp/{theirs}/22"'
        )
        self.assertNotEqual(0, reached.returncode)
        done = self.run_on('n1', 'hostname -I', lab=self.other)
        self.assertIn(theirs, done.stdout)

    def test_a_second_up_changes_nothing(self) -> None:
        before = nodes.status(self.lab)[0].process_id
        nodes.up(self.lab.spec, self.lab.directory)
        self.assertEqual(before, nodes.status(self.lab)[0].process_id)
        self.assertEqual(self.lab, layout.Lab.load(self.lab.directory))

    def test_clashes_are_refused(self) -> None:
        elsewhere = self.scratch / 'clash'
        inside = _spec('three', '10.91.1.128/25')
        with self.assertRaisesRegex(exceptions.LabError, 'is used by'):
            nodes.up(inside, elsewhere)
        with self.assertRaisesRegex(exceptions.LabError, 'name is used'):
            nodes.up(self.lab.spec, elsewhere)
        larger = _spec('one', '10.91.1.0/24', node_count=3)
        with self.assertRaisesRegex(exceptions.LabError, 'node_count 2'):
            nodes.up(larger, self.lab.directory)
        self.assertFalse(elsewhere.exists())

    def test_topology_names_each_node_and_disk(self) -> None:
        document = topology.topology_document(self.lab)
        entry = document['clusters'][0]['nodes'][1]
        self.assertEqual(2, entry['node']['zone'])
        self.assertEqual(['10.91.1.12'], entry['node']['hostnames']['storage'])
        self.assertEqual(['/dev/ubdb', '/dev/ubdc'], entry['devices'])


@unittest.skipUnless(os.geteuid() == 0, 'namespaces and taps need root')
class LabRemainsTest(unittest.TestCase):
    """What a lab leaves on the host."""

    def setUp(self) -> None:
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix='lab-'))
        self.addCleanup(shutil.rmtree, self.scratch)
        self.spec = _spec('gone', '10.91.3.0/24', node_count=1)
        self.directory = self.scratch / self.spec.name

    def tearDown(self) -> None:
        lab = layout.Lab(self.spec, self.directory)
        if lab.exists:
            nodes.down(lab, purge=True)

    def test_purge_leaves_nothing(self) -> None:
        links = _links()
        lab = nodes.up(self.spec, self.directory)
        found = _marks_on_host(self.spec.name)
        self.assertTrue(found['processes'] and found['namespaces'])
        self.assertEqual(links, _links())
        mount_point = self._mount_volume(lab)
        lodger = subprocess.Popen(
            [*nodes.ssh_argv(lab, 'n1'), 'sleep 600'], stdin=subprocess.DEVNULL
        )
        self.addCleanup(lodger.kill)
        nodes.down(lab, purge=True)
        self.assertNotEqual(0, lodger.wait(timeout=10))
        mount_point.rmdir()
        self.assertEqual(
            {'processes': set(), 'mounts': set(), 'namespaces': set()},
            _marks_on_host(self.spec.name),
        )
        self.assertEqual(links, _links())
        self.assertEqual([], list(self.scratch.iterdir()))

    def _mount_volume(self, lab: layout.Lab) -> pathlib.Path:
        address = lab.nodes[0].address
        script = (
            f'gluster --mode=script volume create v {address}:/srv/v force'
            ' && gluster --mode=script volume start v'
        )
        subprocess.run(
            [*nodes.ssh_argv(lab, 'n1'), script],
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )
        mount_point = self.scratch / f'{self.spec.name}-mount'
        mount_point.mkdir()
        nodes.run_in_namespace(
            lab,
            ['mount', '-t', 'glusterfs', f'{address}:/v', str(mount_point)],
            check=True,
            timeout=60,
        )
        (mount_point / 'file').write_text('there')
        self.assertTrue(_marks_on_host(self.spec.name)['mounts'])
        return mount_point

    def test_up_after_a_crash_of_the_host(self) -> None:
        lab = nodes.up(self.spec, self.directory)
        argv = nodes.ssh_argv(lab, 'n1')
        subprocess.run([*argv, 'echo kept >/srv/x; sync'], check=True)
        # As after a crash: no guests, no network, but all files; and a dead
        # file where the namespace was, as a restarted container has it.
        nodes.kill(lab, 'n1', dirty=True)
        subprocess.run(['ip', 'netns', 'del', lab.namespace], check=True)
        lab.namespace_path.touch()
        self.addCleanup(lab.namespace_path.unlink, missing_ok=True)
        self.assertFalse(nodes.status(lab)[0].running)
        with self.assertRaisesRegex(exceptions.LabError, 'it is down'):
            nodes.run_in_namespace(lab, ['true'])
        nodes.up(self.spec, self.directory)
        done = subprocess.run(
            [*argv, 'cat /srv/x'], capture_output=True, text=True
        )
        self.assertEqual('kept\n', done.stdout)

    def test_a_guest_that_dies_is_reported(self) -> None:
        spec = _spec(
            'gone',
            '10.91.3.0/24',
            node_count=1,
            kernel='/bin/false',
            modules=str(self.scratch),
        )
        with self.assertRaises(exceptions.LabGuestFailed) as caught:
            nodes.up(spec, self.directory)
        self.assertEqual('n1', caught.exception.fields['node'])
