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

"""A real Manila process on loopback, driven by the real client."""

import importlib.util
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab.manila import background
from manila_gluster_heketi.lab.manila import configuration
from manila_gluster_heketi.lab.manila import control

_HERE = pathlib.Path(__file__).parent
# Not by way of the package "tests", which imports much that is not Manila's.
_DRIVER = 'directory_share_driver.DirectoryShareDriver'
# Interpreter with another Manila, as made by tools/manila-venv.
_PYTHON = os.environ.get('LAB_MANILA_PYTHON', sys.executable)
_WAIT_SECONDS = 60


def _spec(directory, port, **changes):
    fields = {
        'directory': directory,
        'python': pathlib.Path(_PYTHON),
        'port': port,
        'python_path': (_HERE, _HERE.parents[1]),
        'backend_name': 'tested',
        'backend_options': {
            'share_driver': _DRIVER,
            'driver_handles_share_servers': 'False',
            'directory_driver_root': str(directory / 'shares'),
        },
        'ready_seconds': 120,
    }
    return configuration.ManilaSpec(**(fields | changes))


def _free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def _silent(_line):
    pass


def _processes_of(directory):
    """Ids of the processes that have the directory in their arguments."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if str(directory).encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@unittest.skipUnless(
    _PYTHON != sys.executable or importlib.util.find_spec('manila'),
    'this interpreter has no manila',
)
class ManilaCase(unittest.TestCase):
    """Has a directory and a port; leaves neither process nor file."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = pathlib.Path(scratch.name) / 'manila'
        self.port = _free_port()
        self.addCleanup(control.down, self.directory, report=_silent)

    def up(self, **changes):
        spec = _spec(self.directory, self.port, **changes)
        return control.up(spec, report=_silent)


class TestShares(ManilaCase):
    """What an operator does with ``openstack share``."""

    def start(self, *argv):
        return subprocess.Popen(
            [_PYTHON, '-m', 'openstackclient.shell', 'share', *argv],
            env=os.environ | control.environment(self.directory),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def share(self, *argv):
        client = self.start(*argv)
        output, errors = client.communicate()
        self.assertEqual(0, client.returncode, errors)
        return output.strip()

    def driver_has(self, *expected):
        """Wait until the driver's files show this, in any order."""
        files = self.directory / 'shares'
        self.eventually(
            list(expected),
            lambda: [
                json.loads(each.read_text())
                for each in files.glob('*/share.json')
            ],
        )

    def list_shows(self, *expected):
        """Wait until the client lists this; its own --wait takes 5 s."""
        columns = ('-c', 'Name', '-c', 'Size', '-c', 'Status', '-c', 'Host')
        self.eventually(
            sorted(expected),
            lambda: sorted(
                self.share('list', '-f', 'value', *columns).splitlines()
            ),
        )

    def eventually(self, expected, look):
        end = time.monotonic() + _WAIT_SECONDS
        while (seen := look()) != expected and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(expected, seen)

    def test_life_of_a_share(self):
        self.up()
        self.share('type', 'create', 'gluster', 'False')

        self.share('create', 'GLUSTERFS', '1', '--name', 's')
        self.driver_has({'size': 1, 'access': []})

        self.share('resize', 's', '3')
        self.driver_has({'size': 3, 'access': []})
        self.list_shows('s 3 available aio@tested#pool')

        self.share('access', 'create', 's', 'cert', 'client.example')
        self.driver_has({'size': 3, 'access': ['client.example']})

        self.share('delete', 's')
        self.driver_has()
        self.list_shows()

        clients = [
            self.start('create', 'GLUSTERFS', '2', '--name', f'p{n}')
            for n in range(4)
        ]
        for client in clients:
            _, errors = client.communicate()
            self.assertEqual(0, client.returncode, errors)
        self.driver_has(*[{'size': 2, 'access': []}] * 4)
        self.list_shows(
            *(f'p{n} 2 available aio@tested#pool' for n in range(4))
        )


class TestControl(ManilaCase):
    """Up, down, and what can go wrong with them."""

    def refused(self, **changes):
        with self.assertRaises(exceptions.LabManilaFailed) as caught:
            self.up(**changes)
        self.assertEqual([], _processes_of(self.directory))
        return str(caught.exception)

    def test_up_crash_up_down(self):
        first = self.up()
        self.assertEqual(first, self.up())
        self.assertEqual(first, control.status(self.directory))
        self.assertEqual([first.process.pid], _processes_of(self.directory))
        with self.assertRaises(exceptions.LabManilaFailed) as caught:
            self.up(backend_name='other')
        self.assertIn('another configuration', str(caught.exception))

        first.process.end(signal.SIGKILL, 10)
        self.assertIsNone(control.status(self.directory).process)
        with self.assertRaises(exceptions.LabManilaFailed):
            control.environment(self.directory)

        database = self.directory / 'manila.sqlite'
        inode = database.stat().st_ino
        second = self.up()
        self.assertNotEqual(first.process, second.process)
        # The shares are still known.
        self.assertEqual(inode, database.stat().st_ino)

        control.down(self.directory, report=_silent)
        self.assertEqual([], _processes_of(self.directory))
        self.assertTrue(database.exists())
        control.down(self.directory, purge=True, report=_silent)
        self.assertFalse(self.directory.exists())

    def test_record_of_another_process(self):
        self.directory.mkdir()
        stranger = background.spawn(
            ['sleep', '60'], self.directory, {}, self.directory / 'out'
        )
        self.addCleanup(stranger.end, signal.SIGKILL, 10)
        # As if the id had been given to another process after a reboot.
        record = {
            'process': {'pid': stranger.pid, 'started': 1},
            'endpoint': 'http://127.0.0.1:8786/v2',
            'namespace': None,
            'version': '23.0.1',
        }
        (self.directory / 'process.json').write_text(json.dumps(record))

        self.assertIsNone(control.status(self.directory).process)
        control.down(self.directory, report=_silent)

        self.assertTrue(stranger.is_alive())

    def test_port_taken(self):
        with socket.create_server(('127.0.0.1', self.port)):
            self.assertIn(
                f'cannot listen on 127.0.0.1:{self.port}: Address already',
                self.refused(),
            )

    def test_interpreter_without_manila(self):
        with tempfile.TemporaryDirectory() as place:
            subprocess.run(
                [sys.executable, '-m', 'venv', '--without-pip', place],
                check=True,
            )
            python = pathlib.Path(place) / 'bin' / 'python'
            self.assertIn('has no package manila', self.refused(python=python))

    def test_interpreter_by_its_name_or_from_here(self):
        with tempfile.TemporaryDirectory() as place:
            python = pathlib.Path(place) / 'bin' / 'a-python'
            python.parent.mkdir()
            python.symlink_to('/bin/false')
            self.addCleanup(os.chdir, os.getcwd())
            os.chdir(place)
            with mock.patch.dict(os.environ, {'PATH': str(python.parent)}):
                for name in ('a-python', 'bin/a-python'):
                    self.assertIn(
                        f'{python} can not run',
                        self.refused(python=pathlib.Path(name)),
                    )

    def test_no_interpreter(self):
        self.assertIn(
            'No such file', self.refused(python=pathlib.Path('/none/python'))
        )

    def test_no_namespace(self):
        self.assertIn(
            "no network namespace 'absent-here'",
            self.refused(namespace='absent-here'),
        )

    @unittest.skipIf(os.geteuid(), 'only root makes network namespaces')
    def test_in_a_network_namespace(self):
        name = f'manila-test-{os.getpid()}'
        subprocess.run(['ip', 'netns', 'add', name], check=True)
        self.addCleanup(
            subprocess.run, ['ip', 'netns', 'delete', name], check=True
        )
        # Manila has to be down before its namespace goes.
        self.addCleanup(control.down, self.directory, report=_silent)
        subprocess.run(
            ['ip', '-n', name, 'link', 'set', 'lo', 'up'], check=True
        )
        # The same port of this namespace is no hindrance.
        with socket.create_server(('127.0.0.1', self.port)):
            manila = self.up(namespace=name)

        process = pathlib.Path(f'/proc/{manila.process.pid}')
        self.assertEqual(
            os.stat(f'/run/netns/{name}').st_ino,
            (process / 'ns' / 'net').stat().st_ino,
        )
        self.assertEqual(
            os.stat('/proc/self/ns/mnt').st_ino,
            (process / 'ns' / 'mnt').stat().st_ino,
        )

    def test_driver_that_is_not_there(self):
        self.assertIn(
            'No module named',
            self.refused(
                backend_options={
                    'share_driver': 'absent_driver.Driver',
                    'driver_handles_share_servers': 'False',
                }
            ),
        )

    def test_driver_that_never_gets_ready(self):
        options = {
            'share_driver': _DRIVER,
            'driver_handles_share_servers': 'False',
            'directory_driver_root': '/proc/never',
        }
        log = self.directory / 'manila.log'

        def seconds():
            # The time is up once the driver has failed for the first time.
            failed = log.exists() and '/proc/never' in log.read_text()
            return 121.0 if failed else 0.0

        clock = mock.Mock(sleep=time.sleep, monotonic=seconds)
        with mock.patch.object(control, 'time', clock):
            text = self.refused(backend_options=options)
        self.assertIn('not ready after 120 s', text)
        self.assertIn('/proc/never', text)

    def test_directory_with_other_things(self):
        self.directory.mkdir()
        precious = self.directory / 'precious'
        precious.touch()
        self.assertIn('something else', self.refused())
        with self.assertRaises(exceptions.LabManilaFailed):
            control.down(self.directory, purge=True, report=_silent)
        self.assertTrue(precious.exists())


class TestSpec(unittest.TestCase):
    """What can be seen to be wrong without starting anything."""

    def refused(self, **changes):
        with self.assertRaises(exceptions.InvalidInput):
            _spec(pathlib.Path('/lab'), **({'port': 8786} | changes))

    def test_invalid(self):
        self.refused(port=0)
        self.refused(backend_name='with space')
        self.refused(backend_options={'share_backend_name': 'x'})
        self.refused(
            backend_options={'share_driver': 'a.B', 'x': '1\n[database]'}
        )

    def test_values_are_literal(self):
        options = {'share_driver': 'a.B', 'password': 'a$my_ip'}
        spec = _spec(pathlib.Path('/lab'), 8786, backend_options=options)
        self.assertIn('password = a$$my_ip\n', configuration.render(spec))
