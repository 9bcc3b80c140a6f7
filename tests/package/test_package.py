"""The Debian package in a bare Debian root: installed, run as its unit would, upgraded over a former
version with everything kept, removed and purged. The suite builds the package and the root first
(`./dev test package`); without root these tests are skipped."""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile

from boxoffice import ROOT, TEST_KEY, TEST_PASSWORD, create_ticket, new_email, processes, reserve
from check import Skip, wait_for
from client import Client

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive"}
CONF = "etc/boxoffice/boxoffice.conf"
DATA = "var/lib/boxoffice"
# Mounts end with the process; it becomes the command itself, so signals reach it.
ENTER = ('mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"')
AS_THE_SERVICE = ("setpriv", "--reuid=boxoffice", "--regid=boxoffice", "--clear-groups",
                  "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")


def package():
    found = glob.glob(os.path.join(ROOT, "build", "package", "boxoffice_*.deb"))
    if len(found) != 1:
        raise Skip("no package in build/package: ./dev package makes one")
    return found[0]


def development_package():
    (found,) = glob.glob(os.path.join(ROOT, "build", "package", "libboxoffice-dev_*.deb"))
    return found


def field(deb, name):
    return subprocess.run(["dpkg-deb", "-f", deb, name], check=True, capture_output=True,
                          text=True).stdout.strip()


class Machine:
    """A bare Debian root, unpacked for one test."""

    def __init__(self):
        tar = os.environ.get("BARE_ROOT")
        if os.geteuid() != 0 or not tar:
            raise Skip("needs root and a bare root: sudo ./dev test package")
        self.root = tempfile.mkdtemp(prefix="boxoffice-machine-", dir="/var/tmp")
        subprocess.run(["tar", "--extract", "--file", tar, "--directory", self.root], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)

    def path(self, name):
        return os.path.join(self.root, name)

    def words(self, *words):
        return ["unshare", "--mount", "--propagation=private", "sh", "-c", ENTER, self.root, *words]

    def run(self, *words, check=True):
        done = subprocess.run(self.words(*words), env=ENVIRONMENT, text=True, timeout=240,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert not check or done.returncode == 0, \
            f"{words}: status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def apt(self, *words):
        return self.run("apt-get", "--quiet", "--yes", "--no-install-recommends", *words)

    def install(self, deb):
        shutil.copy(deb, self.path("package.deb"))
        return self.apt("-o", "Dpkg::Options::=--force-confold", "install", "/package.deb")

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def owner_and_mode(self, name):
        return self.run("stat", "--format=%U:%G %a", "/" + name).strip()


def unit_command(machine, unit, instance=""):
    """The command of a unit and its environment."""
    text = machine.read(f"lib/systemd/system/{unit}").replace("%i", instance)
    environment = dict(ENVIRONMENT)
    for assignments in re.findall(r"^Environment=(.*)$", text, re.MULTILINE):
        environment.update(assignment.split("=", 1) for assignment in assignments.split())
    for name in re.findall(r"^EnvironmentFile=-?/(.*)$", text, re.MULTILINE):
        environment.update(line.split("=", 1) for line in machine.read(name).splitlines()
                           if line and not line.startswith("#"))
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    return [re.sub(r"\$\{(\w+)\}", lambda m: environment[m[1]], word)
            for word in line.split()], environment


def check_nightly_backup(machine):
    """What the timer runs, as its user, beside the server: sound, private, the newest are kept."""
    command, environment = unit_command(machine, "boxoffice-backup.service")
    command[command.index("--keep") + 1] = "2"
    for _ in range(3):
        done = subprocess.run(machine.words(*AS_THE_SERVICE, *command), env=environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    made = sorted(os.listdir(machine.path("var/backups/boxoffice")))
    assert len(made) == 2, made
    assert "sound" in machine.run("boxoffice", "backup", "--verify", f"/var/backups/boxoffice/{made[1]}")


class Service:
    """The command of a unit with its environment files, as its user: what systemd would start."""

    def __init__(self, machine, unit="boxoffice.service", instance="", tracer=()):
        command, environment = unit_command(machine, unit, instance)
        self.process = subprocess.Popen([*tracer, *machine.words(*AS_THE_SERVICE, *command)],
                                        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        processes.append(self.process)
        first = self.process.stdout.readline()
        assert first.startswith("listening on http://127.0.0.1:"), first
        self.port = int(first.rsplit(":", 1)[1])
        self.client = Client("127.0.0.1", self.port)
        wait_for(lambda: self.client.get("/readyz").status == 200, 10, "/readyz")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0
        self.process.stdout.close()


def former(deb, folder):
    """The package as an earlier version would have been: older, with other default settings."""
    tree = os.path.join(folder, "former")
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    with open(control, "w", encoding="utf-8") as file:
        file.write(re.sub(r"^Version: .*", "Version: 0.0.1", text, flags=re.MULTILINE))
    with open(os.path.join(tree, CONF), "a", encoding="utf-8") as file:
        file.write("# of the former version\n")
    out = os.path.join(folder, "former.deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, out], check=True,
                   stdout=subprocess.DEVNULL)
    return out


def test_lintian_finds_nothing():
    deb = package()
    changes = glob.glob(os.path.join(os.path.dirname(deb), "*.changes"))
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *changes],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr


def test_the_package_has_the_version_of_the_program():
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as file:
        (version,) = re.findall(r"^ *version: '([^']*)',", file.read(), re.MULTILINE)
    assert field(package(), "Version") == version


def test_it_is_built_with_what_the_program_is_built_with():
    """deploy/debian/control names every library and tool of BUILD_PACKAGES, beyond the compiler."""
    with open(os.path.join(ROOT, "deploy", "debian", "control"), encoding="utf-8") as file:
        named = set(re.findall(r"[a-z0-9.+-]+", file.read().split("Build-Depends:")[1]
                               .split("Standards-Version")[0]))
    script = '. tools/dev/packages.sh; printf "%s\\n" "${BUILD_PACKAGES[@]}"'
    listed = subprocess.run(["bash", "-c", script], cwd=ROOT, check=True, capture_output=True,
                            text=True).stdout
    needed = set(re.split(r"[|\s]+", listed.strip()))
    missing = needed - named - {"gcc", "libc6-dev"}  # build-essential
    assert not missing, f"Build-Depends in deploy/debian/control lacks {missing}"


def test_a_service_can_be_built_against_the_development_package():
    package()  # skipped without
    with tempfile.TemporaryDirectory() as folder:
        root, service = os.path.join(folder, "root"), os.path.join(folder, "notifier")
        subprocess.run(["dpkg-deb", "--extract", development_package(), root], check=True)
        shutil.copytree(os.path.join(ROOT, "examples", "notifier"), service)
        (found,) = glob.glob(os.path.join(root, "usr/lib/*/pkgconfig"))
        done = subprocess.run(["make", "-C", service], capture_output=True, text=True, check=False,
                              env={**os.environ, "PKG_CONFIG_PATH": found,
                                   "PKG_CONFIG_SYSROOT_DIR": root})
        assert done.returncode == 0, done.stderr
        done = subprocess.run([os.path.join(service, "notifier")], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 2 and "usage: notifier" in done.stderr, done


def check_installed(machine, version):
    assert machine.run("boxoffice", "--version").strip() == f"boxoffice {version}"
    assert machine.owner_and_mode(CONF) == "root:boxoffice 640"
    assert machine.owner_and_mode(DATA) == "boxoffice:boxoffice 700"
    assert os.path.islink(
        machine.path("etc/systemd/system/multi-user.target.wants/boxoffice.service"))
    assert os.path.islink(
        machine.path("etc/systemd/system/timers.target.wants/boxoffice-backup.timer"))
    assert machine.owner_and_mode("var/backups/boxoffice") == "boxoffice:boxoffice 700"
    for name in ("usr/share/man/man1/boxoffice.1.gz",
                 "usr/share/bash-completion/completions/boxoffice",
                 "usr/share/doc/boxoffice/docs/operations.md.gz", "usr/share/boxoffice/postgres/roles.sql",
                 "usr/share/boxoffice/observability/alerts.yaml",
                 "usr/share/boxoffice/fail2ban/filter.d/boxoffice.conf",
                 "usr/share/boxoffice/fail2ban/jail.d/boxoffice.conf",
                 "usr/share/boxoffice/observability/dashboard.json"):
        assert os.path.exists(machine.path(name)), name


def check_units(machine):
    """systemd itself reads the units, and finds next to nothing that is left open."""
    with open(machine.path("etc/boxoffice/orders.conf"), "w", encoding="utf-8") as file:
        file.write("BOXOFFICE_LISTEN=127.0.0.1:0\n")
    done = subprocess.run(machine.words("systemd-analyze", "verify", "--man=no",
                                        "boxoffice.service", "boxoffice@orders.service",
                                        "boxoffice-backup.timer"),
                          env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    for unit in ("boxoffice.service", "boxoffice@orders.service", "boxoffice-backup.service"):
        machine.run("systemd-analyze", "security", "--offline=true", "--no-pager",
                    "--threshold=15", unit)


def system_calls(name):
    """A call, or the calls of a group of systemd's."""
    if not name.startswith("@"):
        return {name}
    told = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True,
                          capture_output=True, text=True).stdout
    members = [line.strip() for line in told.splitlines()[1:] if not line.strip().startswith("#")]
    return set().union(*map(system_calls, members))


def granted(unit_text):
    """The system calls that the unit leaves the program."""
    calls = system_calls("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit_text, re.MULTILINE):
        named = set().union(*map(system_calls, line.lstrip("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def check_system_calls(machine):
    """What the program calls, from its first moment through a purchase to its end, is within what
    the unit leaves it."""
    log = machine.path("calls")
    service = Service(machine, tracer=("strace", "-D", "-f", "-qq", "-o", log))
    seller = service.client
    assert seller.post("/api/users/signup",
                       {"email": new_email(), "password": TEST_PASSWORD}).status == 201
    ticket = create_ticket(seller)
    order = reserve(seller, ticket["id"])
    paid = wait_for(lambda: seller.post("/api/payments", {"token": "tok_visa", "orderId": order["id"]})
                    .status == 201, 10, "the payment")
    assert paid
    check_nightly_backup(machine)
    service.stop()
    with open(log, encoding="utf-8", errors="replace") as file:
        calls = file.read().split('execve("/usr/bin/boxoffice"', 1)[1]
    used = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", calls, re.MULTILINE))
    assert {"accept4", "pwrite64", "fdatasync"} <= used, used
    refused = used - granted(machine.read("lib/systemd/system/boxoffice.service"))
    assert not refused, f"the unit's SystemCallFilter refuses {refused}"


def check_instance(machine):
    """One service of the template, with a folder of its own."""
    machine.run("install", "-d", "-o", "boxoffice", "-g", "boxoffice", "-m", "700",
                f"/{DATA}/orders")  # StateDirectory=
    service = Service(machine, "boxoffice@.service", "orders")
    assert os.path.exists(machine.path(f"{DATA}/orders/orders.db"))
    assert service.client.get("/api/tickets").status == 404, "orders alone serves no tickets"
    service.stop()


# What systemctl says of a machine on which an instance runs; each call is written down.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/tmp/systemctl
case "$*" in
*list-units*) echo "boxoffice@orders.service loaded active running" ;;
*is-enabled*boxoffice.service) exit 0 ;;
*is-active*boxoffice.service) [ ! -e /tmp/broken ] ;;
esac
"""


class RunningSystemd:
    """Makes the machine look as if systemd ran on it, to whoever asks systemctl."""

    def __init__(self, machine):
        self.machine = machine
        self.systemctl = machine.path("usr/bin/systemctl")

    def __enter__(self):
        os.makedirs(self.machine.path("run/systemd/system"), exist_ok=True)
        os.rename(self.systemctl, self.systemctl + ".kept")
        with open(self.systemctl, "w", encoding="utf-8") as file:
            file.write(SYSTEMCTL)
        os.chmod(self.systemctl, 0o755)
        return self

    def __exit__(self, *_):
        os.rename(self.systemctl + ".kept", self.systemctl)
        os.rmdir(self.machine.path("run/systemd/system"))

    def calls(self):
        """What was asked since the last time."""
        path = self.machine.path("tmp/systemctl")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            text = file.read()
        os.unlink(path)
        return text


def check_instances_follow(machine):
    """An upgrade restarts instances, and one whose service does not start is an error."""
    with RunningSystemd(machine) as systemd:
        machine.run("dpkg-reconfigure", "boxoffice")
        assert "restart boxoffice@orders.service" in systemd.calls()
        with open(machine.path("tmp/broken"), "w", encoding="utf-8"):
            pass
        done = subprocess.run(machine.words("dpkg-reconfigure", "boxoffice"), env=ENVIRONMENT, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode != 0 and "journalctl -u boxoffice" in done.stderr, done
        os.unlink(machine.path("tmp/broken"))


def test_installed_upgraded_removed_and_purged_with_the_data_kept():
    deb, email = package(), new_email()
    person = {"email": email, "password": TEST_PASSWORD}
    with Machine() as machine:
        machine.apt("update")
        machine.install(former(deb, machine.path("tmp")))
        check_installed(machine, field(deb, "Version"))  # the same program, packaged as 0.0.1
        assert "127.0.0.1:8080" in machine.read(CONF)
        with open(machine.path(CONF), "r+", encoding="utf-8") as file:
            settings = file.read().replace("127.0.0.1:8080", "127.0.0.1:0")
            settings += f"JWT_KEY={TEST_KEY.replace(' ', '-')}\n"
            file.seek(0)
            file.write(settings)
        service = Service(machine)
        assert service.client.post("/api/users/signup", person).status == 201
        ticket = create_ticket(service.client, "kept")
        health = machine.run(*AS_THE_SERVICE, "boxoffice", "health", "--data", "/" + DATA)
        assert '"ready":true' in health, health
        service.stop()

        machine.install(deb)
        assert machine.run("dpkg-query", "--show", "--showformat=${Version}", "boxoffice") == \
            field(deb, "Version")
        assert machine.read(CONF) == settings, "the operator's settings are kept"
        check_installed(machine, field(deb, "Version"))
        check_units(machine)
        service = Service(machine)
        assert service.client.post("/api/users/signin", person).status == 200
        assert service.client.get(f"/api/tickets/{ticket['id']}").status == 200
        service.stop()
        check_system_calls(machine)
        check_instance(machine)
        check_instances_follow(machine)

        machine.apt("remove", "boxoffice")
        assert not os.path.exists(machine.path("usr/bin/boxoffice"))
        assert machine.read(CONF) == settings, "removing keeps the settings"
        assert os.path.exists(machine.path(f"{DATA}/auth.db")), "removing keeps the data"
        machine.apt("purge", "boxoffice")
        assert not os.path.exists(machine.path("etc/boxoffice")), "purging takes all settings"
        assert os.path.exists(machine.path(f"{DATA}/auth.db")), "no command takes people's money"
