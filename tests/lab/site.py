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

"""The whole product on the nodes of the lab, once for all modules of tests.

Nodes loaded by the command line, an all-in-one Manila with the driver, and a
service on the same store. Making it takes half a minute, so it is kept until
a test needs bare nodes, or the process ends.
"""

import atexit
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from typing import ClassVar

from oslo_config import cfg

from manila_gluster_heketi import model
from manila_gluster_heketi.conf import opts
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import nodes
from manila_gluster_heketi.lab import topology
from manila_gluster_heketi.lab.manila import configuration
from manila_gluster_heketi.lab.manila import control
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls.ca import Authority
from tests import base
from tests.lab import footprint
from tests.lab.shares import Shares

SECTION = 'gluster'
_COMMAND_SECONDS = 300
_RECOVERY_SECONDS = 150
_RECOVERY_PAUSE = 2

_shared: 'Site | None' = None


@dataclasses.dataclass
class Site:
    """What there is, and the files that belong to it.

    :ivar loaded: what the command line did when it loaded the nodes
    """

    lab: layout.Lab
    directory: pathlib.Path
    manila: control.Manila
    shares: Shares
    service: Service
    loaded: subprocess.CompletedProcess[str]

    @classmethod
    def make(cls, lab: layout.Lab) -> 'Site':
        """Load the nodes, then start Manila: so it knows them at once."""
        directory = pathlib.Path(tempfile.mkdtemp(prefix='gh-', dir='/tmp'))
        spec = _manila(lab, directory)
        configuration.write(spec)
        loaded = load(
            configuration.Files(spec.directory).configuration,
            topology.topology_document(lab),
            '-v',
        )
        if loaded.returncode:
            raise AssertionError(loaded.stderr)
        manila = control.up(spec, report=lambda stage: None)
        site = cls(
            lab=lab,
            directory=directory,
            manila=manila,
            shares=Shares(manila.endpoint),
            service=Service(settings(manila.configuration)),
            loaded=loaded,
        )
        site.service.prepare()
        site.shares.create_type('gluster')
        return site

    def remove(self) -> None:
        """Stop Manila, and leave the nodes as if they were new."""
        control.down(self.manila.directory, report=lambda stage: None)
        self.service.executor.close()
        footprint.sweep(self.lab)
        shutil.rmtree(self.directory)

    def stop_manila(self) -> None:
        """Stop Manila; its shares stay known."""
        control.down(self.manila.directory, report=lambda stage: None)

    def start_manila(self) -> None:
        """Start Manila again, unless it runs."""
        self.manila = control.up(
            _manila(self.lab, self.directory), report=lambda stage: None
        )

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run ``gluster-heketi`` with Manila's own configuration."""
        return run(self.manila.configuration, *argv)

    def volume(self, share: str) -> model.Volume:
        """Give the volume of one of Manila's shares."""
        path = self.shares.location(share)['path']
        name = path.partition(':/')[2]
        [found] = [v for v in self.service.volumes() if v.name == name]
        return found

    def identity(self, name: str) -> pathlib.Path:
        """Give the directory with a client's certificate; made once."""
        directory = self.directory / 'clients' / name
        if not directory.exists():
            directory.mkdir(parents=True)
            bundle = self.service.clients.issue(name)
            issue.write_bundle(bundle, str(directory))
        return directory

    def foreign_identity(self, name: str) -> pathlib.Path:
        """Give a certificate of an authority that the nodes don't trust."""
        directory = self.directory / 'strangers' / name
        directory.mkdir(parents=True, exist_ok=True)
        authority = Authority.load_or_create(str(directory / 'ca'))
        bundle = issue.issue_client(authority, name)
        issue.write_bundle(bundle, str(directory), overwrite=True)
        return directory

    def client(
        self, share: str, identity: pathlib.Path | None
    ) -> client.Client:
        """Give a client of a share, to be mounted."""
        path = self.shares.location(share)['path']
        return client.Client(self.lab, path, identity)

    def volume_info(self, name: str) -> gluster_xml.VolumeInfo:
        """Ask Gluster about a volume."""
        [found] = gluster_xml.volumes(
            '', self.ask_gluster(gluster.volume_info(name))
        )
        return found

    def quota(self, name: str) -> gluster_xml.QuotaLimit:
        """Ask Gluster for the quota of a volume."""
        [found] = gluster_xml.quota_limits(
            '', self.ask_gluster(gluster.quota_list(name))
        )
        return found

    def ask_gluster(self, question: Command) -> str:
        """Ask on the first node that answers."""
        hosts = [node.address for node in self.lab.nodes]
        [answer] = self.service.engine.site.run_gluster(hosts, [question])
        return answer.stdout

    def free_bytes(self) -> dict[str, int]:
        """Say what the store takes to be free on each device."""
        return {
            each.device.id: each.free_bytes
            for snapshot in self.service.clusters()
            for each in snapshot.devices
        }

    def power_on(self) -> None:
        """Switch on what is off, and wait until all peers see each other."""
        off = [s.node.name for s in nodes.status(self.lab) if not s.running]
        nodes.start(self.lab, off)
        end = time.monotonic() + _RECOVERY_SECONDS
        while not all(map(self._sees_all, self.lab.nodes)):
            if time.monotonic() > end:
                raise AssertionError('peers stay disconnected')
            time.sleep(1)

    def recover(self) -> str:
        """Recover by the command line until nothing is open.

        Manila recovers too, every minute: whoever comes first does it.

        :returns: what the command printed
        """
        end = time.monotonic() + _RECOVERY_SECONDS
        said = []
        while True:
            done = self.run('operation', 'clean', '-f', 'json')
            if done.returncode:
                raise AssertionError(done.stderr)
            said.append(done.stdout)
            waiting = self.service.operations()
            if not waiting:
                return ''.join(said)
            if time.monotonic() > end:
                raise AssertionError(f'{waiting} {said}')
            time.sleep(_RECOVERY_PAUSE)

    def _sees_all(self, node: layout.LabNode) -> bool:
        done = footprint.run_on(
            self.lab, node.name, 'gluster pool list | grep -c Connected'
        )
        return done.stdout.strip() == str(len(self.lab.nodes))


class SiteCase(base.LabTestCase):
    """The base of tests of the whole product."""

    site: ClassVar[Site]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.site = shared()


def shared() -> Site:
    """Give the site of this process; the first call makes it."""
    global _shared
    lab = the_lab()
    if _shared and not all(each.running for each in nodes.status(lab)):
        leave()
    if _shared is None:
        footprint.sweep(lab)
        _shared = Site.make(lab)
    return _shared


def leave() -> None:
    """Remove the site, if there is one: the nodes are bare afterwards."""
    global _shared
    if _shared is not None:
        _shared.remove()
        _shared = None


atexit.register(leave)


def the_lab() -> layout.Lab:
    """Give the lab that the tests run in.

    :raises unittest.SkipTest: there is none
    """
    if not os.environ.get(base.LAB_VARIABLE):
        raise unittest.SkipTest('needs the lab: run tools/test')
    return layout.Lab.load(
        pathlib.Path(os.environ[layout.DIRECTORY_VARIABLE])
    )


def run(
    configuration_file: pathlib.Path, *argv: str
) -> subprocess.CompletedProcess[str]:
    """Run ``gluster-heketi`` as an operator does."""
    program = pathlib.Path(sys.executable).with_name('gluster-heketi')
    return subprocess.run(
        [
            str(program),
            f'--config-file={configuration_file}',
            f'--config-section={SECTION}',
            *argv,
        ],
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
    )


def load(
    configuration_file: pathlib.Path, document: object, *options: str
) -> subprocess.CompletedProcess[str]:
    """Load a topology by the command line.

    :param options: of the command line, before the command
    """
    file = configuration_file.with_name('topology.json')
    file.write_text(json.dumps(document))
    argv = ['topology', 'load', '-f', 'json', str(file)]
    return run(configuration_file, *options, *argv)


def settings(configuration_file: pathlib.Path) -> Settings:
    """Read the options of the back end as Manila does."""
    conf = cfg.ConfigOpts()
    conf(args=[], default_config_files=[str(configuration_file)])
    conf.register_opts(opts.ALL, group=SECTION)
    return Settings.from_group(conf[SECTION])


def options(
    lab: layout.Lab, directory: pathlib.Path, **changes: str
) -> dict[str, str]:
    """Choose the options of the back end, by names without prefix.

    All but the place of the state and the key is as it is by default, and
    that tenants can enrol.
    """
    state = directory / 'state'
    chosen = {
        'state_path': str(state),
        'store_connection': f'sqlite:///{state}/store.sqlite',
        'ssh_private_key': str(lab.identity_file),
        # This host's own might say anything.
        'ssh_config_file': '/dev/null',
        'enrolment_url': f'https://{lab.controller_address}:8787',
        **changes,
    }
    return {f'gluster_heketi_{name}': v for name, v in chosen.items()}


def write_options(file: pathlib.Path, chosen: dict[str, str]) -> None:
    """Write a configuration file with the back end's section alone."""
    lines = [f'{name} = {value}\n' for name, value in chosen.items()]
    file.write_text(f'[{SECTION}]\n' + ''.join(lines))


def _manila(
    lab: layout.Lab, directory: pathlib.Path
) -> configuration.ManilaSpec:
    return configuration.ManilaSpec(
        directory=directory / 'manila',
        python=pathlib.Path(sys.executable),
        backend_name=SECTION,
        backend_options={
            'share_driver': 'manila_gluster_heketi.driver.'
            'GlusterHeketiShareDriver',
            'share_backend_name': SECTION,
            'driver_handles_share_servers': 'False',
            **options(lab, directory),
        },
        debug=True,
    )
