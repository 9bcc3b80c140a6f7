"""Three NATS servers, each in a network namespace of its own behind a bridge, so that nftables can cut
one off from the others while its clients still reach it. Root only."""

import os
import subprocess

from broker import NatsCluster

NETWORK = "10.213.77"


def run(*words, text=None):
    done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


class PartedCluster(NatsCluster):
    def __init__(self):
        self.bridge = f"bo{os.getpid()}"
        self.spaces = [f"{self.bridge}-{i}" for i in range(3)]
        self.hosts = [f"{NETWORK}.{10 + i}" for i in range(3)]
        super().__init__(self.hosts, [("ip", "netns", "exec", space) for space in self.spaces])

    def __enter__(self):
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "address", "add", f"{NETWORK}.1/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        for i, space in enumerate(self.spaces):
            outer = f"{self.bridge}v{i}"
            run("ip", "netns", "add", space)
            run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
            run("ip", "link", "set", outer, "master", self.bridge, "up")
            for words in (("address", "add", f"{self.hosts[i]}/24", "dev", "eth0"),
                          ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
                run("ip", "-n", space, *words)
        return super().__enter__()

    def __exit__(self, *_):
        super().__exit__()
        for words in [("ip", "netns", "delete", space) for space in self.spaces] + \
                [("ip", "link", "delete", self.bridge)]:
            subprocess.run(words, capture_output=True, check=False)

    def cut(self, node):
        """No packet goes between this node and the other two, in silence."""
        i = self.nodes.index(node)
        others = ", ".join(host for host in self.hosts if host != self.hosts[i])
        run("ip", "netns", "exec", self.spaces[i], "nft", "-f", "-", text=f"""
            table inet cut {{
                chain input {{
                    type filter hook input priority 0;
                    ip saddr {{ {others} }} drop
                }}
                chain output {{
                    type filter hook output priority 0;
                    ip daddr {{ {others} }} drop
                }}
            }}
            """)

    def mend(self, node):
        run("ip", "netns", "exec", self.spaces[self.nodes.index(node)],
            "nft", "delete table inet cut")
