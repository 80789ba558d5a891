"""``python -m real``: fault plans with real operator processes on the real API server.

Without arguments all of them, with ``--shard 3/8`` a part, with a plan's text that one. They run on
a cluster that is made for them, several at a time, each in a namespace of its own.
"""

from __future__ import annotations

import sys

import wavelab
from real import lab
from real.campaign import CAMPAIGN

if __name__ == "__main__":
    cluster = wavelab.Cluster(lab.CLUSTER)
    try:
        if "--list" not in sys.argv:
            lab.bring_up(cluster)
        sys.exit(CAMPAIGN.main(["--jobs", str(lab.AT_ONCE), *sys.argv[1:]]))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        cluster.down()
