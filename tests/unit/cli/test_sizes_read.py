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

"""Tests of sizes as people write them."""

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import sizes
from manila_gluster_heketi.cli import sizes_read
from tests import base


@ddt.ddt
class SizesTestCase(base.TestCase):
    """What is a size, and what is none."""

    @ddt.data(
        ('100', 100 * sizes.GIB),
        ('100GiB', 100 * sizes.GIB),
        ('100 GiB', 100 * sizes.GIB),
        ('1.5TiB', 1536 * sizes.GIB),
        ('0.5', sizes.GIB // 2),
        ('300MiB', 300 * sizes.MIB),
        ('64KiB', 64 * sizes.KIB),
        ('2PiB', 2048 * sizes.TIB),
        ('1GB', 10**9),
        ('1TB', 10**12),
        ('512B', 512),
    )
    @ddt.unpack
    def test_sizes(self, text: str, expected: int) -> None:
        """A number alone is in GiB; 1 GB is less than 1 GiB."""
        self.assertEqual(expected, sizes_read.size_bytes(text, 'size'))

    def _refused(self, text: str) -> None:
        error = self.assertRaises(
            exceptions.InvalidInput, sizes_read.size_bytes, text, '--size'
        )
        self.assertEqual(
            ('--size', text), (error.fields['field'], error.fields['value'])
        )

    @ddt.data(
        '',
        '0',
        '0GiB',
        '-1',
        '-1GiB',
        'many',
        'GiB',
        '1e3',
        '1,5TiB',
        '0x10',
        'nan',
        'infGiB',
        '1Gb',
        '1G',
        '1GiB2',
        '\u0661GiB',
        str(2**63),
        f'{2**63}B',
        '8EiB',
        '1YiB',
    )
    def test_nonsense(self, text: str) -> None:
        """Field and value are named."""
        self._refused(text)

    def test_more_digits_than_a_float_has(self) -> None:
        """No traceback for these either."""
        for unit in ('', 'B', 'TiB'):
            self._refused('9' * 400 + unit)

    def test_limits_and_another_unit(self) -> None:
        """A field may have its own."""
        read = sizes_read.size_bytes
        limits = {'plain': 'KiB', 'least': 4096, 'most': sizes.GIB}
        self.assertEqual(65536, read('64', 'files', **limits))
        for text in ('3', '4095B', '2GiB'):
            self.assertRaises(
                exceptions.InvalidInput, read, text, 'files', **limits
            )
