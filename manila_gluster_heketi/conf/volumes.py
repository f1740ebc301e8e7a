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

"""Options: what the volumes of shares are like."""

from oslo_config import cfg

from manila_gluster_heketi import sizes
from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import paragraphs

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'gluster_heketi_durability',
        default='replicate:3',
        help=paragraphs(
            """
            How a volume keeps its data while nodes fail.

            "replicate:3" keeps three copies, of which any two agree: the least
            that neither loses data nor stops when a node fails. "arbiter" is
            as safe with two copies and a small third brick that has the names
            of the files alone. "disperse:D+R", such as disperse:4+2, cuts data
            into D parts and adds R for redundancy: any R bricks may fail, and
            a volume takes (D+R)/D of its size; it suits large files.
            "replicate:2" keeps two copies, which a network that falls apart
            can make differ (split brain). With "distribute" there is one: a
            lost disk is lost data.

            Each brick of a set is on a node of its own. A share type sets
            another value with the extra spec gluster_heketi:durability.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_spread',
        default='zone:prefer',
        help=paragraphs(
            """
            How the bricks of a set are kept apart: TIER:MODE,TIER:MODE.

            A tier is "zone", as the topology has zones, or a tag of nodes such
            as "rack": what has the same value may fail together. With
            "strict" two bricks of a set never share a value, and a share is
            refused where that is impossible; with "prefer" they share one
            only if they must; "none" ignores the tier. Tiers are in order of
            their weight, such as "zone:strict,rack:prefer". A mode alone is
            that of zones.

            Choose "strict" if a share that a zone's failure would stop is
            worse than no share. A share type sets another value with the
            extra spec gluster_heketi:spread.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_device_tags',
        default='',
        help=paragraphs(
            """
            Which devices bricks may be on, by their tags; empty for all.

            Such as "disk = ssd and rack not in (a, b)": "=", "!=", "in" and
            "not in", joined by "and", "or", "not" and parentheses; what is no
            bare word is quoted. Tags of devices and of their nodes come from
            the topology; a device's goes before its node's, and one that is
            not there equals ''. A volume keeps to the expression that it was
            created with. A share type sets another one with the extra spec
            gluster_heketi:device_tags.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_average_file_size',
        default=sizes.AVERAGE_FILE_BYTES // sizes.KIB,
        min=sizes.AVERAGE_FILE_MIN_BYTES // sizes.KIB,
        max=sizes.AVERAGE_FILE_MAX_BYTES // sizes.KIB,
        help=paragraphs(
            """
            What a file holds on average, in KiB, with durability "arbiter".

            An arbiter's brick has the name of each file, and is as large as
            the names of so many files need: a 16th of the data with 64 KiB. A
            tenant with smaller files fills it before the share is full. A
            share type sets another value with the extra spec
            gluster_heketi:average_file_size.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_headroom_percent',
        default=0,
        min=0,
        max=1000,
        help=paragraphs(
            """
            Space beyond a share's size that its bricks get, in percent.

            A share that is extended within it needs a new quota alone. Without
            it bricks grow in place, while clients work, as long as their
            devices have room: so the default gives no space away. A share type
            sets another value with the extra spec
            gluster_heketi:headroom_percent.
            """
        ),
    ),
    cfg.ListOpt(
        'gluster_heketi_volume_options',
        default=[],
        help=paragraphs(
            """
            Gluster options for new volumes, as "name=value,name=value".

            For tuning, such as "performance.cache-size=64MB". They are set
            before the volume starts; volumes that exist already are not
            changed. What seals a volume (client.ssl, server.ssl and
            auth.ssl-allow) can't be set here, nor what has an option of its
            own.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_quota_soft_timeout',
        default=2,
        min=0,
        max=1800,
        help=paragraphs(
            """
            Seconds for which Gluster trusts a share's usage while below 80 %.

            Written to the volume as features.soft-timeout. Gluster's own
            default of 60 lets a fast writer go far beyond a share's size. With
            0 here and for the hard timeout the limit is exact, but each write
            asks for the usage first, which slows writing to a third. At 2 and
            1 no slowing was measured, and about what is written in a second
            passes the limit; a share without headroom is bounded by its bricks
            as well. Set both to 0 where an exact limit is worth the price.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_quota_hard_timeout',
        default=1,
        min=0,
        max=60,
        help=paragraphs(
            """
            Seconds for which Gluster trusts a share's usage above 80 %.

            Written to the volume as features.hard-timeout; Gluster's own
            default is 5. It bounds how far a share that is nearly full can be
            overrun: by what can be written in that time. See
            gluster_heketi_quota_soft_timeout.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_volume_name_prefix',
        default='share-',
        regex='^([A-Za-z0-9_][A-Za-z0-9_-]{0,26})?$',
        help=paragraphs(
            """
            What the name of a volume begins with; the share's id follows.

            Letters, digits, "-" and "_", at most 27 of them: with an id of 36
            characters that makes the 63 that Gluster allows. Change it if two
            Manilas share a cluster. Volumes that exist keep their names.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_placement_attempts',
        default=3,
        min=1,
        max=10,
        help=paragraphs(
            """
            How often a share is placed anew when a node fails meanwhile.

            The nodes that failed are left out of the next attempt. Three
            survive two bad nodes; more would only keep the user waiting when
            the whole cluster is in trouble.
            """
        ),
    ),
]


def register_opts(conf: cfg.ConfigOpts, group: str = GROUP) -> None:
    """Register the options of this module in a section."""
    conf.register_opts(OPTS, group=group)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """List the options of this module for the sample configuration."""
    return [(GROUP, OPTS)]
