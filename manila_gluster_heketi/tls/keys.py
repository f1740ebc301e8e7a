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

"""Private keys that we make for others."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa

from manila_gluster_heketi import model

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_RSA_EXPONENT = 65537
_RSA_BITS = 3072


class KeyType(model.Text):
    """Keys of the same strength, 128 bits (NIST SP 800-57 part 1).

    The second one takes a thousand times as long to make; it is for those
    whose rules know no elliptic curves.
    """

    EC_P256 = 'ec-p256'
    RSA_3072 = 'rsa-3072'


def make(kind: KeyType) -> PrivateKey:
    """Make a key."""
    if kind is KeyType.RSA_3072:
        return rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())
