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

"""Tests of what the options become."""

import dataclasses
import os
from typing import Any

import ddt
import fixtures
from manila.share import configuration
from oslo_config import cfg
from oslo_config import fixture as config_fixture

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.conf import opts
from manila_gluster_heketi.conf import settings
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import KIB
from manila_gluster_heketi.sizes import MIB
from manila_gluster_heketi.sizes import TIB
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from tests import base


@ddt.ddt
class SettingsTestCase(base.TestCase):
    """Values are checked, typed and completed."""

    def setUp(self) -> None:
        """Choose a directory for files."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path

    def _read(self, text: str = '', **values: Any) -> settings.Settings:
        lines = [f'gluster_heketi_{key} = {v}' for key, v in values.items()]
        path = os.path.join(self.directory, 'test.conf')
        with open(path, 'w', encoding='utf-8') as stream:
            stream.write('\n'.join(['[gluster1]', *lines, text]))
        config = cfg.ConfigOpts()
        opts.register_opts(config, 'gluster1')
        config([], default_config_files=[path])
        return settings.Settings.from_group(config.gluster1)

    def _refused(self, option: str, value: str) -> str:
        error = self.assertRaises(
            exceptions.InvalidConfiguration, self._read, **{option: value}
        )
        self.assertEqual(f'gluster_heketi_{option}', error.fields['option'])
        return error.fields['reason']

    def test_renewal_is_never_in_the_first_half(self) -> None:
        """Else each new certificate would be due at once."""
        for days, renewal, found, warning in (
            (365, 30, 30, 30),
            (20, 30, 10, 10),
            (1, 30, 0, 0),
            (365, 0, 0, 30),
            (40, 0, 0, 20),
        ):
            read = self._read(
                node_certificate_days=days, node_renewal_days=renewal
            )
            self.assertEqual(found, read.node_renewal_days)
            self.assertEqual(warning, read.node_warning_days)

    def test_defaults(self) -> None:
        """Nothing is written, everything has a value."""
        state = '/var/lib/manila-gluster-heketi'
        self.assertEqual(
            settings.Settings(
                store_connection=f'sqlite:///{state}/store.sqlite',
                state_path=state,
                history_days=365,
                ca_directory=f'{state}/ca',
                authority=settings.AuthoritySettings(),
                enrolment=settings.EnrolmentSettings(),
                node_certificate_days=365,
                node_renewal_days=30,
                client_certificate_days=90,
                ssh=settings.SshSettings(
                    control_directory=f'{state}/ssh',
                    known_hosts=f'{state}/known_hosts',
                    user='root',
                    port=22,
                    private_key='',
                    config_file='',
                    host_key_policy='accept-new',
                    sudo=False,
                    connect_timeout_seconds=10,
                    keepalive_seconds=3,
                    sessions_per_host=8,
                    persist_seconds=600,
                ),
                layout='volume',
                durability=replicate(3),
                spread=zones(Mode.PREFER),
                device_tags='',
                average_file_bytes=64 * KIB,
                headroom_percent=0,
                volume_options={},
                quota_timeouts=(2, 1),
                volume_name_prefix='share-',
                placement_attempts=3,
                placement=settings.PlacementSettings(
                    strategy='balanced',
                    brick_share_percent=100,
                    brick_min_bytes=304 * MIB,
                    brick_max_bytes=4 * TIB,
                    volume_bricks=60,
                    cluster_volumes=1000,
                ),
                cluster='',
                peer_ping_timeout=10,
                gluster_busy_timeout=180,
                cluster_operations=8,
            ),
            self._read(),
        )

    def test_values_of_the_section(self) -> None:
        """Each has its type."""
        found = self._read(
            state_path='/srv/state',
            ca_directory='/srv/ca',
            ssh_known_hosts='/srv/hosts',
            ssh_sudo='true',
            ssh_port='2222',
            durability='replicate:2',
            spread='zone:strict',
            device_tags='disk="ssd"',
            average_file_size='128',
            quota_soft_timeout=5,
            quota_hard_timeout=1,
            volume_options='performance.cache-size=64MB, network.x = 1',
        )
        self.assertEqual('/srv/ca', found.ca_directory)
        self.assertEqual('/srv/hosts', found.ssh.known_hosts)
        self.assertEqual('/srv/state/ssh', found.ssh.control_directory)
        self.assertIs(True, found.ssh.sudo)
        self.assertEqual(2222, found.ssh.port)
        self.assertEqual(replicate(2), found.durability)
        self.assertEqual(zones(Mode.STRICT), found.spread)
        self.assertEqual('disk = ssd', found.device_tags)
        self.assertEqual(128 * KIB, found.average_file_bytes)
        self.assertEqual((5, 1), found.quota_timeouts)
        self.assertEqual(
            {'performance.cache-size': '64MB', 'network.x': '1'},
            found.volume_options,
        )

    def test_limits_on_bricks(self) -> None:
        """GiB become bytes; no brick is smaller than XFS can be."""
        found = self._read(
            allocator_strategy='packed',
            brick_share='20',
            brick_min_size='2',
            brick_max_size='2',
            volume_bricks_max='3',
            cluster_volumes_max='0',
        )
        self.assertEqual(
            settings.PlacementSettings(
                strategy='packed',
                brick_share_percent=20,
                brick_min_bytes=2 * GIB,
                brick_max_bytes=2 * GIB,
                volume_bricks=3,
                cluster_volumes=0,
            ),
            found.placement,
        )

    def test_smallest_brick_is_larger_than_the_largest(self) -> None:
        """Both are named."""
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            self._read,
            brick_min_size='11',
            brick_max_size='10',
        )
        self.assertEqual(
            'gluster_heketi_brick_min_size', error.fields['option']
        )
        self.assertIn('gluster_heketi_brick_max_size', str(error))
        self.assertIn('10', error.fields['reason'])

    @ddt.data(('replicate:3', '2'), ('disperse:4+2', '5'), ('arbiter', '2'))
    @ddt.unpack
    def test_volume_has_not_enough_bricks_for_a_set(
        self, durability: str, bricks: str
    ) -> None:
        """Each share would be refused."""
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            self._read,
            durability=durability,
            volume_bricks_max=bricks,
        )
        self.assertEqual(
            'gluster_heketi_volume_bricks_max', error.fields['option']
        )
        self.assertIn(durability, error.fields['reason'])
        self._read(
            durability=durability, volume_bricks_max=str(int(bricks) + 1)
        )

    def test_manila_configuration(self) -> None:
        """The same, from a backend's section of manila.conf."""
        fixture = self.useFixture(config_fixture.Config(cfg.CONF))
        name = cfg.StrOpt('share_backend_name')
        backend = configuration.Configuration([name], config_group='gluster1')
        backend.append_config_values(opts.ALL)
        self.addCleanup(cfg.CONF.unregister_opts, opts.ALL, group='gluster1')
        fixture.config(group='gluster1', gluster_heketi_headroom_percent=20)
        found = settings.Settings.from_group(backend)
        self.assertEqual(20, found.headroom_percent)
        self.assertEqual(
            dataclasses.replace(self._read(), headroom_percent=20), found
        )

    def test_authority(self) -> None:
        """As it is made, and where its passphrase is."""
        found = self._read(
            ca_key_type='rsa-3072', ca_passphrase_file='/etc/passphrase'
        )
        self.assertEqual(
            settings.AuthoritySettings('rsa-3072', '/etc/passphrase'),
            found.authority,
        )
        found = self._read(ca_passphrase_secret='0f-1')
        self.assertEqual('0f-1', found.authority.passphrase_secret)

    def test_two_passphrases(self) -> None:
        """Nobody knows which one is meant."""
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            self._read,
            ca_passphrase_secret='0f-1',
            ca_passphrase_file='/etc/passphrase',
        )
        self.assertIn('passphrase_file is set too', str(error))

    def test_authority_in_the_database_without_a_passphrase(self) -> None:
        """Its key would lie open there."""
        reason = self._refused('ca_store', 'database')
        self.assertIn('gluster_heketi_ca_passphrase_file', reason)

    @ddt.data(
        ('https://enrol.example.org', 'https://enrol.example.org'),
        ('https://10.0.0.1:8787/', 'https://10.0.0.1:8787'),
        ('https://[fd00::1]:8787/gluster/', 'https://[fd00::1]:8787/gluster'),
        ('', ''),
    )
    @ddt.unpack
    def test_enrolment(self, value: str, url: str) -> None:
        """A name or an address; a path, if it must be."""
        found = self._read(enrolment_url=value, enrolment_hours='2')
        self.assertEqual(
            settings.EnrolmentSettings(url, 2), found.enrolment
        )

    @ddt.data(
        'http://h',
        'h:8787',
        'https://',
        'https://h:0',
        'https://h:70000',
        'https://h:x',
        'https://user@h',
        'https://h/?a=b',
        'https://h/#a',
        'https://h/a b',
        'https://h h',
        'https://-h',
        'https://[fd00::1',
    )
    def test_enrolment_at_no_url(self, value: str) -> None:
        """What is wrong with it is told."""
        self.assertTrue(self._refused('enrolment_url', value))

    @ddt.data('ca_passphrase_file', 'ca_passphrase_secret')
    def test_authority_in_the_database(self, option: str) -> None:
        """With a passphrase from either place."""
        value = '/etc/x' if option == 'ca_passphrase_file' else '0f-1'
        found = self._read(ca_store='database', **{option: value})
        self.assertEqual('database', found.authority.store)

    @ddt.data('https://h/v1/secrets/0f', 'a b', '../0f')
    def test_secret_that_is_no_id(self, value: str) -> None:
        """The URL that Barbican's client shows, for example."""
        self.assertIn(
            'not an id', self._refused('ca_passphrase_secret', value)
        )

    def test_other_sections(self) -> None:
        """They come along for libraries, and make no difference."""
        config = cfg.ConfigOpts()
        opts.register_opts(config, 'gluster1')
        config([], default_config_files=[])
        found = settings.Settings.from_group(config.gluster1, config)
        self.assertIs(config, found.configuration)
        self.assertIs(cfg.CONF, self._read().configuration)
        self.assertEqual(self._read(), found)

    def test_ssh_without_options(self) -> None:
        """Whoever makes the settings by hand gets the same defaults."""
        ssh = self._read().ssh
        self.assertEqual(
            settings.SshSettings(ssh.control_directory, ssh.known_hosts), ssh
        )

    def test_database_url_is_not_shown(self) -> None:
        """It may hold a password."""
        found = self._read(store_connection='postgresql://u:sesame@h/d')
        self.assertNotIn('sesame', repr(found))

    @ddt.data(
        ('durability', 'replicate:9'),
        ('spread', 'zone:loose'),
        ('device_tags', 'disk = '),
        ('average_file_size', '3'),
        ('average_file_size', '1048577'),
        ('ssh_host_key_policy', 'no'),
        ('ssh_port', '70000'),
        ('ssh_sudo', 'perhaps'),
        ('ssh_connect_timeout', '0'),
        ('ssh_sessions_per_host', '0'),
        ('headroom_percent', '-1'),
        ('headroom_percent', '1001'),
        ('headroom_percent', 'ten'),
        ('ca_key_type', 'rsa-1024'),
        ('ca_store', 'etcd'),
        ('node_certificate_days', '0'),
        ('node_renewal_days', '-1'),
        ('client_certificate_days', '3651'),
        ('enrolment_hours', '0'),
        ('enrolment_hours', '8761'),
        ('quota_soft_timeout', '1801'),
        ('quota_hard_timeout', '61'),
        ('placement_attempts', '0'),
        ('brick_share', '0'),
        ('brick_share', '101'),
        ('brick_min_size', '-1'),
        ('brick_min_size', '102401'),
        ('brick_max_size', '0'),
        ('brick_max_size', '9223372036854775808'),
        ('brick_max_size', '1.5'),
        ('volume_bricks_max', '0'),
        ('volume_bricks_max', '1001'),
        ('cluster_volumes_max', '-1'),
        ('cluster_volumes_max', 'many'),
        ('peer_ping_timeout', '-1'),
        ('volume_name_prefix', 'a/b'),
        ('volume_name_prefix', '-a'),
        ('volume_name_prefix', 'x' * 28),
    )
    @ddt.unpack
    def test_value_out_of_its_range(self, option: str, value: str) -> None:
        """The option is named, and the reason told without noise."""
        reason = self._refused(option, value)
        self.assertTrue(reason)
        self.assertNotIn('LocationInfo', reason)

    @ddt.data('durability', 'spread', 'device_tags')
    def test_word_that_no_library_checked(self, option: str) -> None:
        """A configuration object that is not oslo.config's is no way in."""
        group = self._group(**{option: 'other'})
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            settings.Settings.from_group,
            group,
        )
        self.assertEqual('other', error.fields['value'])
        self.assertTrue(error.fields['reason'])

    def _group(self, **values: Any) -> Any:
        class Group:
            pass

        for opt in opts.ALL:
            setattr(Group, opt.name, opt.default)
        for name, value in values.items():
            setattr(Group, f'gluster_heketi_{name}', value)
        return Group

    @ddt.data(
        'state_path',
        'ca_directory',
        'ca_passphrase_file',
        'ssh_known_hosts',
        'ssh_config_file',
        'ssh_private_key',
    )
    def test_relative_path(self, option: str) -> None:
        """Nobody knows what it is relative to."""
        self.assertIn('not an absolute path', self._refused(option, 'a/b'))

    @ddt.data(
        'state_path',
        'store_connection',
        'ssh_user',
        'layout',
        'allocator_strategy',
    )
    def test_empty_value(self, option: str) -> None:
        """Some options need one."""
        self.assertTrue(self._refused(option, ''))

    @ddt.data(
        ('nonsense', 'it is not name=value'),
        ('a.b=', 'it is not name=value'),
        ('=x', 'it is not name=value'),
        ('plain=x', 'it is not name=value'),
        ('--force.x=y', 'it is not name=value'),
        ('a.b=1,a.b=2', 'it is there twice'),
        ('client.ssl=off', 'it is set by the driver'),
        ('server.ssl = off', 'it is set by the driver'),
        ('auth.ssl-allow=*', 'it is set by the driver'),
        ('features.soft-timeout=60', 'it is set by the driver'),
        ('user.gluster-heketi.share-id=x', 'it is set by the driver'),
    )
    @ddt.unpack
    def test_bad_volume_option(self, text: str, reason: str) -> None:
        """Above all one that would open every volume."""
        self.assertEqual(reason, self._refused('volume_options', text))

    def test_private_key_for_its_owner_alone(self) -> None:
        """It is taken as it is."""
        path = self._key(0o600)
        self.assertEqual(
            path, self._read(ssh_private_key=path).ssh.private_key
        )

    @ddt.data(0o640, 0o604, 0o644)
    def test_private_key_that_others_may_read(self, mode: int) -> None:
        """The same that ssh would say, but in time."""
        path = self._key(mode)
        error = self.assertRaises(
            exceptions.InsecureFile, self._read, ssh_private_key=path
        )
        self.assertEqual(path, error.fields['path'])
        self.assertIn(f'{mode:04o}', error.fields['reason'])

    def test_private_key_is_missing(self) -> None:
        """The option is named."""
        path = os.path.join(self.directory, 'none')
        self.assertEqual(
            'No such file or directory',
            self._refused('ssh_private_key', path),
        )

    def test_private_key_is_a_directory(self) -> None:
        """The option is named."""
        self.assertEqual(
            'it is not a file',
            self._refused('ssh_private_key', self.directory),
        )

    def _key(self, mode: int) -> str:
        path = os.path.join(self.directory, 'key')
        with open(path, 'w', encoding='ascii'):
            os.chmod(path, mode)
        return path

    def test_state_path_is_not_touched(self) -> None:
        """It is made when it is used."""
        path = os.path.join(self.directory, 'state')
        self._read(state_path=path)
        self.assertFalse(os.path.exists(path))
