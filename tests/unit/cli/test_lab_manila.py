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

"""``gluster-heketi lab manila``, with the processes left out."""

import contextlib
import io
import pathlib
import tempfile
from unittest import mock

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import lab_manila
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab.manila import background
from manila_gluster_heketi.lab.manila import control
from tests import base

_MANILA = control.Manila(
    directory=pathlib.Path('/labs/lab-manila'),
    process=background.Process(pid=17, started=4),
    endpoint='http://127.0.0.1:8786/v2',
    namespace='gluster-lab-lab',
    version='23.0.1',
)


class LabManilaTestCase(base.TestCase):
    """What the arguments become, and what is shown."""

    def setUp(self):
        super().setUp()
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.labs = pathlib.Path(scratch.name)
        self.replace(
            layout, 'default_directory', lambda name: self.labs / name
        )
        for name in ('up', 'down', 'status', 'environment'):
            self.replace(control, name, mock.Mock())

    def replace(self, owner, name, new):
        patch = mock.patch.object(owner, name, new)
        patch.start()
        self.addCleanup(patch.stop)

    def run_command(self, kind, *argv):
        app = mock.Mock(stdout=io.StringIO())
        command = kind(app, None, 'gluster-heketi lab manila')
        parsed = command.get_parser('x').parse_args(argv)
        return app, command.take_action(parsed)

    def wanted(self, *argv):
        self.run_command(lab_manila.Up, *argv)
        (spec,), _ = control.up.call_args
        return spec

    def test_up_in_a_lab(self):
        (self.labs / 'two').mkdir()
        layout.Lab(layout.LabSpec(name='two'), self.labs / 'two').save()
        spec = self.wanted('--name', 'two', '--port', '9')
        self.assertEqual('gluster-lab-two', spec.namespace)
        self.assertEqual(self.labs / 'two-manila', spec.directory)
        self.assertEqual(9, spec.port)

    def test_up_without_the_lab(self):
        with self.assertRaises(exceptions.LabError):
            self.wanted()

    def test_up_outside_of_labs(self):
        spec = self.wanted(
            '--host-network',
            '--backend=b',
            '--option=share_backend_name=c',
            '--option=store=a=b',
        )
        self.assertIsNone(spec.namespace)
        self.assertEqual('b', spec.backend_name)
        self.assertEqual(
            {
                'share_driver': 'manila_gluster_heketi.driver.'
                'GlusterHeketiShareDriver',
                'share_backend_name': 'c',
                'driver_handles_share_servers': 'False',
                'store': 'a=b',
            },
            spec.backend_options,
        )

    def test_option_without_a_value(self):
        with (
            self.assertRaises(SystemExit),
            contextlib.redirect_stderr(io.StringIO()) as errors,
        ):
            self.wanted('--host-network', '--option=store')
        self.assertIn("'store' is not NAME=VALUE", errors.getvalue())

    def test_down(self):
        app, _ = self.run_command(lab_manila.Down, '--purge')
        (directory, purge), _ = control.down.call_args
        self.assertEqual((self.labs / 'lab-manila', True), (directory, purge))

    def test_env(self):
        control.environment.return_value = {'A': 'b', 'C': 'd e'}
        app, _ = self.run_command(lab_manila.Env, '--directory', '/here')
        control.environment.assert_called_once_with(pathlib.Path('/here'))
        self.assertEqual("export A=b\nexport C='d e'\n", app.stdout.getvalue())

    def test_status(self):
        control.status.return_value = _MANILA
        _, (names, values) = self.run_command(lab_manila.Status)
        row = dict(zip(names, values, strict=True))
        self.assertEqual(('up', 17), (row['State'], row['Process']))
        self.assertEqual('/labs/lab-manila/manila.log', row['Log'])
