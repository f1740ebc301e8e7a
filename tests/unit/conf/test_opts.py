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

"""Tests of the options as a whole."""

import dataclasses
import io
import pkgutil
import types
from contextlib import redirect_stdout
from unittest import mock

import testtools
from oslo_config import cfg
from oslo_config import generator

from manila_gluster_heketi import allocator
from manila_gluster_heketi import conf
from manila_gluster_heketi.conf import opts
from manila_gluster_heketi.conf import settings
from manila_gluster_heketi.conf import tls
from manila_gluster_heketi.service import placing
from manila_gluster_heketi.tls import policy
from tests import base

_HELP_CHARACTERS = 100


class OptionsTestCase(base.TestCase):
    """What all options have in common."""

    def test_names_are_unique_and_have_the_prefix(self) -> None:
        """They stand among Manila's in a backend section."""
        names = [opt.name for opt in opts.ALL]
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            self.assertTrue(name.startswith('gluster_heketi_'), name)

    def test_each_option_is_explained(self) -> None:
        """A first sentence, then a paragraph."""
        for opt in opts.ALL:
            with self.subTest(opt.name):
                first, rest = opt.help.split('\n\n', 1)
                self.assertTrue(first.endswith('.'))
                self.assertGreater(len(opt.help), _HELP_CHARACTERS)
                self.assertTrue(rest.endswith('.'))
                self.assertNotRegex(rest, r'[^\n]\n[^\n]')

    def test_defaults_are_valid(self) -> None:
        """Nothing has to be configured for a first try."""
        config = cfg.ConfigOpts()
        opts.register_opts(config)
        config([], default_config_files=[])
        for opt in opts.ALL:
            with self.subTest(opt.name):
                self.assertEqual(opt.default, config.gluster_heketi[opt.name])

    def test_each_module_registers_its_own(self) -> None:
        """In any section."""
        config = cfg.ConfigOpts()
        tls.register_opts(config, 'backend')
        config([], default_config_files=[])
        self.assertEqual(
            365, config.backend.gluster_heketi_node_certificate_days
        )
        self.assertNotIn('gluster_heketi_ssh_user', config.backend)

    def test_database_url_is_secret(self) -> None:
        """It may hold a password."""
        secret = [opt.name for opt in opts.ALL if opt.secret]
        self.assertEqual(['gluster_heketi_store_connection'], secret)

    def test_module_without_options_is_an_error(self) -> None:
        """It is never left out in silence."""
        found = [pkgutil.ModuleInfo(None, 'paths', False)]  # type: ignore[arg-type]
        empty = types.ModuleType('manila_gluster_heketi.conf.paths')
        with (
            mock.patch.object(
                pkgutil, 'iter_modules', autospec=True, return_value=found
            ),
            mock.patch.dict(
                'sys.modules', {'manila_gluster_heketi.conf.paths': empty}
            ),
            testtools.ExpectedException(RuntimeError, '.*no list_opts.*'),
        ):
            opts._option_modules()

    def test_sample_can_be_generated(self) -> None:
        """By the entry point, as the documentation says."""
        config = cfg.ConfigOpts()
        generator.register_cli_opts(config)
        config(['--namespace', 'manila_gluster_heketi'])
        output = io.StringIO()
        with redirect_stdout(output):
            generator.generate(config, output_file=output)
        text = output.getvalue()
        self.assertIn(f'[{conf.GROUP}]', text)
        self.assertNotIn('Failed to format', text)
        for opt in opts.ALL:
            self.assertIn(f'\n#{opt.name} =', text)

    def test_durations_are_those_of_the_policy(self) -> None:
        """Said twice, since options may not import certificates."""
        days = {opt.name: opt for opt in tls.OPTS}
        node = days['gluster_heketi_node_certificate_days']
        client = days['gluster_heketi_client_certificate_days']
        self.assertEqual(policy.NODE_DAYS, node.default)
        self.assertEqual(policy.CLIENT_DAYS, client.default)
        self.assertEqual(policy.AUTHORITY_LIFE.days, node.type.max)
        self.assertEqual(policy.AUTHORITY_LIFE.days, client.type.max)

    def test_limits_are_those_of_the_allocator(self) -> None:
        """Said twice, since options may not import the allocator."""
        config = cfg.ConfigOpts()
        opts.register_opts(config)
        config([], default_config_files=[])
        found = settings.Settings.from_group(config.gluster_heketi)
        self.assertEqual(
            dataclasses.replace(allocator.Limits(), cluster_volumes=1000),
            placing.limits(found.placement),
        )
        self.assertEqual(settings.PlacementSettings(), found.placement)

    def test_longest_prefix_makes_a_name_that_gluster_takes(self) -> None:
        """63 characters with the id of a share."""
        (prefix,) = [
            opt
            for opt in opts.ALL
            if opt.name == 'gluster_heketi_volume_name_prefix'
        ]
        self.assertEqual('x' * 27, prefix.type('x' * 27))
        self.assertRaises(ValueError, prefix.type, 'x' * 28)
        self.assertRaises(ValueError, prefix.type, '-x')


class ParagraphsTestCase(base.TestCase):
    """Help texts are broken by whoever shows them."""

    def test_lines_of_a_paragraph_become_one(self) -> None:
        """Empty lines stay."""
        self.assertEqual(
            'One sentence.\n\nAnother one.',
            conf.paragraphs(
                """
                One
                sentence.

                Another
                one.
                """
            ),
        )
