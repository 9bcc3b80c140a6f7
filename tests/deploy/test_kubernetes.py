"""deploy/k8s: every document is what a cluster takes, to the last field; names, ports, selectors,
secrets and policies fit each other; and nobody reaches what is not theirs."""

import copy
import os
import re
import subprocess
import tempfile

import yaml

from boxoffice import ROOT, run_cli
from manifests import (JOBS, OVERLAYS, WORKLOADS, container_of, documents, environment, from_outside, name_of,
                       named, of_kind, pods, port_number, reaches, refusals, selected, selects,
                       service_ports)

SERVICES = ("auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail")  # with a database each
API = ("auth", "tickets", "orders", "payments", "catalogue", "entries")
# What an operator makes by hand before the first start in production.
SECRETS = {"jwt-secret": {"JWT_KEY"}, "stripe-secret": {"STRIPE_KEY"},
           "nats-secret": {"password", "cluster-password"}, "redis-secret": {"password"},
           **{f"{service}-postgres-secret": {"password"} for service in SERVICES}}
GATEWAY = "prod+gateway-api"


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def workload_of(service):
    return "client-depl" if service == "web" else f"{service}-depl"


def every(overlay, *kinds):
    found = of_kind(overlay, *kinds)
    assert found, f"{overlay}: no {kinds}"
    return found


# --- fields ---------------------------------------------------------------------------------------


def changed(document, path, change):
    """A copy in which change was made to the object at that path."""
    changed_document = copy.deepcopy(document)
    at = changed_document
    for key in path:
        at = at[key]
    change(at)
    return changed_document


def renamed(old, new):
    def rename(at):
        at[new] = at.pop(old)
    return rename


def spoiled():
    """Documents with one mistake each."""
    depl = named("prod", "Deployment", "orders-depl")
    container = ("spec", "template", "spec", "containers", 0)
    policy = named("prod", "NetworkPolicy", "services-to-bus")
    return {
        "misspelt_probe": changed(depl, container, renamed("readinessProbe", "readinesProbe")),
        "misspelt_limit": changed(depl, container + ("resources",), renamed("limits", "limit")),
        "misspelt_context": changed(depl, container + ("securityContext",),
                                    renamed("readOnlyRootFilesystem", "readonlyRootFilesystem")),
        "field_too_high": changed(depl, ("spec",), lambda at: at.update(terminationGracePeriodSeconds=5)),
        "text_for_a_number": changed(depl, container + ("ports", 0),
                                     lambda at: at.update(containerPort="3000")),
        "misspelt_policy": changed(policy, ("spec",), renamed("podSelector", "podSelectors")),
        "misspelt_budget": changed(named("prod", "PodDisruptionBudget", "orders-pdb"), ("spec",),
                                   renamed("maxUnavailable", "maxUnavailible")),
        "missing_selector": changed(depl, ("spec",), lambda at: at.pop("selector")),
        "misspelt_route": changed(named(GATEWAY, "HTTPRoute", "market"), ("spec",),
                                  renamed("hostnames", "hosts")),
        "bad_quantity": changed(depl, container + ("resources", "limits"),
                                lambda at: at.update(memory="256 MB")),
    }


def test_every_document_fits_its_schema_and_a_misspelt_field_does_not():
    bad = spoiled()
    found = refusals({**{overlay: documents(overlay) for overlay in (*OVERLAYS, GATEWAY)},
                      **{name: [document] for name, document in bad.items()}})
    for overlay in (*OVERLAYS, GATEWAY):
        assert not found[overlay], "\n".join(found[overlay])
    for name in bad:
        assert found[name], f"the schemas let {name} pass"


# --- names ----------------------------------------------------------------------------------------


def test_names_are_unique_and_in_one_namespace_of_the_restricted_kind():
    for overlay in OVERLAYS:
        names = [(document["kind"], name_of(document)) for document in documents(overlay)]
        assert len(names) == len(set(names)), names
        (namespace,) = every(overlay, "Namespace")
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        for document in documents(overlay):
            if document["kind"] != "Namespace":
                assert document["metadata"]["namespace"] == name_of(namespace), name_of(document)


def test_every_service_of_the_program_is_deployed_under_its_name():
    listed = re.search(r"only these of ([a-z, \n]+)", run_cli("--help").stdout)[1]
    services = set(re.findall(r"[a-z]+", listed))
    for overlay in OVERLAYS:
        assert {labels["app"] for _, labels, _ in pods(overlay)
                if labels["tier"] == "service"} == services
        for service in services:
            container = container_of(overlay, workload_of(service))
            assert container["args"][:3] == ["serve", "--services", "$(SERVICE)"]
            assert environment(overlay, workload_of(service))["SERVICE"] == \
                {"fieldRef": {"fieldPath": "metadata.labels['app']"}}
        for name in ("auth-srv", "tickets-srv", "orders-srv", "payments-srv", "catalogue-srv", "entries-srv",
                     "client-srv", "nats-srv"):
            named(overlay, "Service", name)
        assert not [name for name in map(name_of, of_kind(overlay, "Service"))
                    if name == "expiration-srv"], "nobody asks expiration anything"


def test_services_select_one_workload_and_a_port_it_has():
    for overlay in OVERLAYS:
        for service in every(overlay, "Service"):
            assert service_ports(overlay, name_of(service))
        for sts in every(overlay, "StatefulSet"):
            service = named(overlay, "Service", sts["spec"]["serviceName"])
            assert selects({"matchLabels": service["spec"]["selector"]},
                           sts["spec"]["template"]["metadata"]["labels"])
        for workload in of_kind(overlay, *WORKLOADS):
            labels = workload["spec"]["template"]["metadata"]["labels"]
            selector = workload["spec"]["selector"]
            assert selects(selector, labels)
            assert selected(overlay, selector) == [name_of(workload)], "a selector of its own"


def test_the_ingress_leads_each_path_to_its_service_over_tls():
    expected = {"/api/users": "auth-srv", "/api/tickets": "tickets-srv", "/api/listings": "tickets-srv", "/api/orders": "orders-srv",
                "/api/payments": "payments-srv", "/api/venues": "catalogue-srv",
                "/api/shows": "catalogue-srv", "/api/entries": "entries-srv",
                "/api/gates": "entries-srv", "/api/scans": "entries-srv",
                "/.well-known/entry-keys.json": "entries-srv", "/": "client-srv"}
    hosts = {}
    for overlay in OVERLAYS:
        (ingress,) = every(overlay, "Ingress")
        (rule,) = ingress["spec"]["rules"]
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
        found = {}
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            ports = named(overlay, "Service", backend["name"])["spec"]["ports"]
            assert backend["port"]["name"] in [port["name"] for port in ports]
            assert path["pathType"] == "Prefix"
            found[path["path"]] = backend["name"]
        assert found == expected
        hosts[overlay] = rule["host"]
    assert hosts["dev"] == "ticketing.dev" and hosts["prod"] != hosts["dev"]


# --- what pods refer to ---------------------------------------------------------------------------


def secret_references(overlay):
    for workload, _, spec in pods(overlay):
        for container in spec["containers"]:
            for item in container.get("env", []):
                reference = item.get("valueFrom", {}).get("secretKeyRef")
                if reference and not reference.get("optional"):
                    yield name_of(workload), reference["name"], reference["key"]


def test_secrets_are_there_and_nobody_is_given_more_than_their_own():
    for overlay in OVERLAYS:
        referred = {}
        for workload, name, key in secret_references(overlay):
            referred.setdefault(name, set()).add(key)
            owner = re.match(r"(.+)-postgres-secret", name)
            assert not owner or workload in (f"{owner[1]}-depl", f"{owner[1]}-postgres",
                                             f"{owner[1]}-postgres-backup"), workload
            assert name != "redis-secret" or workload in ("redis", "expiration-depl"), workload
            assert key != "cluster-password" or workload == "nats", workload
            assert name != "stripe-secret" or workload == "payments-depl", workload
        assert referred == SECRETS
    made = {name_of(secret): set(secret.get("data", {})) | set(secret.get("stringData", {}))
            for secret in every("dev", "Secret")}
    assert made == SECRETS, "dev makes its own"
    assert not of_kind("prod", "Secret"), "production's are in no repository"
    told = read("docs", "operations.md")
    (ingress,) = every("prod", "Ingress")
    for name in (*SECRETS, ingress["spec"]["tls"][0]["secretName"]):
        name = re.sub(r"^[a-z]+(-postgres-secret)$", r"$service\1", name)
        assert name in told, f"docs/operations.md does not say how to make {name}"


def test_settings_are_known_to_the_program():
    known = set(re.findall(r"\b[A-Z][A-Z_]{3,}\b", read("README.md").split("\n## Settings\n")[1]
                           .split("\n## ")[0]))
    # used by other values of the same container
    ours = {"SERVICE", "POSTGRES_PASSWORD", "NATS_PASSWORD", "REDIS_PASSWORD"}
    for overlay in OVERLAYS:
        for workload, labels, _ in pods(overlay):
            if labels["tier"] == "service":
                unknown = set(environment(overlay, name_of(workload))) - known - ours
                assert not unknown, f"{name_of(workload)}: {unknown}"


def test_volumes_claims_and_config_maps_are_there():
    for overlay in OVERLAYS:
        for workload, _, spec in pods(overlay):
            volumes = {volume["name"] for volume in spec.get("volumes", [])}
            claims = {claim["metadata"]["name"]
                      for claim in workload["spec"].get("volumeClaimTemplates", [])}
            assert not volumes & claims
            for volume in spec.get("volumes", []):
                if "configMap" in volume:
                    named(overlay, "ConfigMap", volume["configMap"]["name"])
                if "persistentVolumeClaim" in volume:
                    named(overlay, "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
            mounted = {mount["name"] for container in spec["containers"]
                       for mount in container["volumeMounts"]}
            assert mounted == volumes | claims, name_of(workload)


def test_urls_name_services_and_ports_that_are_there_and_reachable():
    for overlay in OVERLAYS:
        for service in (*SERVICES, "web"):
            workload = workload_of(service)
            urls = {name: value.replace("$(SERVICE)", service)
                    for name, value in environment(overlay, workload).items()
                    if isinstance(value, str) and "://" in value}
            expected = {"NATS_URL"} | ({"DATABASE_URL"} if service in SERVICES else {"API_BASE_URL"}) \
                | ({"REDIS_URL"} if service == "expiration" else set())
            assert set(urls) == expected, (workload, urls)
            for url in urls.values():
                assert "://api-srv" in url or "$(" in url, (workload, "no password", url)
                host, port = re.match(r"[a-z]+://(?:[^@/]*@)?([^:/@]+):(\d+)", url).groups()
                target, target_port = service_ports(overlay, host)[int(port)]
                assert reaches(overlay, workload, target, target_port), (workload, url)
        config = next(document["data"] for document in of_kind(overlay, "ConfigMap")
                      if "nginx.conf" in document["data"])["nginx.conf"]
        upstreams = re.findall(r"server ([a-z-]+):(\d+);", config)
        assert len(upstreams) == 7
        for host, port in upstreams:
            service_ports(overlay, host)[int(port)]
        nats = environment(overlay, "nats")["NATS_ROUTES"]
        sts = named(overlay, "StatefulSet", "nats")
        assert re.findall(r"nats://cluster:[^@]+@(nats-\d)\.nats-peers:6222", nats) == \
            [f"nats-{i}" for i in range(sts["spec"]["replicas"])]
        assert sts["spec"]["serviceName"] == "nats-peers"
        assert environment(overlay, "auth-depl")["NATS_REPLICAS"] == str(sts["spec"]["replicas"])


# --- network policies -----------------------------------------------------------------------------


def test_everything_is_forbidden_that_is_not_allowed():
    for overlay in OVERLAYS:
        nobody = named(overlay, "NetworkPolicy", "nobody")["spec"]
        assert nobody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        for policy in every(overlay, "NetworkPolicy"):
            chosen = selected(overlay, policy["spec"]["podSelector"])
            assert chosen, f"{name_of(policy)} selects nobody"
            for side, key in (("ingress", "from"), ("egress", "to")):
                for rule in policy["spec"].get(side, []):
                    assert rule[key] and rule["ports"], f"{name_of(policy)} allows everything"
                    for peer in rule[key]:
                        if "podSelector" in peer and "namespaceSelector" not in peer:
                            assert selected(overlay, peer["podSelector"]), name_of(policy)


def test_a_service_reaches_its_own_database_and_the_bus_and_nothing_else():
    for overlay in OVERLAYS:
        names = [name_of(workload) for workload, _, _ in pods(overlay)]
        allowed = {("nats", "nats", 6222), ("client-depl", "api-depl", 8080),
                   ("expiration-depl", "redis", 6379)}
        for service in SERVICES:
            allowed |= {(f"{service}-depl", f"{service}-postgres", 5432),
                        (f"{service}-postgres-backup", f"{service}-postgres", 5432)}
        for service in (*SERVICES, "web"):
            allowed |= {(workload_of(service), "nats", 4222)}
        for service in API:
            allowed |= {("api-depl", f"{service}-depl", 3000)}
        found = {(source, target, port["containerPort"]) for source in names for target in names
                 for port in container_of(overlay, target).get("ports", [])
                 if reaches(overlay, source, target, port["containerPort"])}
        assert found == allowed, found ^ allowed
        assert from_outside(overlay) == {*(f"{service}-depl" for service in API), "client-depl"}
        outside = [name_of(policy) for policy in every(overlay, "NetworkPolicy")
                   for rule in policy["spec"].get("egress", []) for peer in rule["to"]
                   if "ipBlock" in peer]
        assert outside == ["mail-to-smtp", "payments-to-stripe"]


def test_prometheus_reaches_the_figures_of_every_service_and_nobody_else_does():
    for overlay in OVERLAYS:
        (policy,) = [policy for policy in every(overlay, "NetworkPolicy")
                     for rule in policy["spec"].get("ingress", []) for port in rule["ports"]
                     if port["port"] == "monitoring"]
        assert name_of(policy) == "metrics-from-prometheus"
        (peer,) = policy["spec"]["ingress"][0]["from"]
        assert set(peer) == {"namespaceSelector", "podSelector"}, "both, or everybody gets in"
        services = {workload_of(service) for service in (*SERVICES, "web")}
        assert set(selected(overlay, policy["spec"]["podSelector"])) == services
        for workload in services:
            port = int(environment(overlay, workload)["MONITORING_LISTEN"].rsplit(":", 1)[1])
            assert {"name": "monitoring", "containerPort": port} in container_of(overlay, workload)["ports"]


# --- running them ---------------------------------------------------------------------------------


def test_pods_are_restricted_probed_and_bounded():
    for overlay in OVERLAYS:
        for workload, _, spec in pods(overlay):
            who = name_of(workload)
            assert spec["automountServiceAccountToken"] is False, who
            assert spec["enableServiceLinks"] is False, who
            assert spec["securityContext"]["runAsNonRoot"] is True, who
            assert spec["securityContext"]["runAsUser"] > 0, who
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, who
            assert not set(spec) & {"hostNetwork", "hostPID", "hostIPC"}, who
            for volume in spec.get("volumes", []):
                assert set(volume) - {"name"} <= {"configMap", "emptyDir", "persistentVolumeClaim"}, \
                    (who, volume)
                assert "emptyDir" not in volume or volume["emptyDir"].get("sizeLimit"), (who, volume)
            for container in spec["containers"]:
                context = container["securityContext"]
                assert context == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                   "capabilities": {"drop": ["ALL"]}}, who
                assert set(container["resources"]) == {"requests", "limits"}, who
                for limits in container["resources"].values():
                    assert set(limits) == {"cpu", "memory"}, who
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    if workload["kind"] in JOBS:
                        continue
                    for how in ("httpGet", "tcpSocket"):
                        if how in container[probe]:
                            port_number(container, container[probe][how]["port"])
            for spread in spec.get("topologySpreadConstraints", []):
                assert selected(overlay, spread["labelSelector"]) == [who], "spread among its own"


def test_probes_ask_for_what_the_program_answers(server):
    container = container_of("prod", "orders-depl")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert server.client().get(container[probe]["httpGet"]["path"]).status == 200


def test_budgets_and_scaling_are_of_workloads_that_are_there():
    for overlay in OVERLAYS:
        budgeted = [selected(overlay, budget["spec"]["selector"])
                    for budget in every(overlay, "PodDisruptionBudget")]
        assert sorted(budgeted) == sorted([name_of(workload)] for workload in of_kind(overlay, *WORKLOADS)
                                          if workload["kind"] == "Deployment"
                                          or workload["spec"]["replicas"] > 1)
        for scaler in every(overlay, "HorizontalPodAutoscaler"):
            target = scaler["spec"]["scaleTargetRef"]
            deployment = named(overlay, target["kind"], target["name"])
            assert "replicas" not in deployment["spec"], "the scaler and the manifest would argue"
        scaled = {scaler["spec"]["scaleTargetRef"]["name"]
                  for scaler in of_kind(overlay, "HorizontalPodAutoscaler")}
        assert scaled == {workload_of(service) for service in (*API, "web")}
    for scaler in every("prod", "HorizontalPodAutoscaler"):
        assert scaler["spec"]["minReplicas"] >= 2
    assert named("prod", "Deployment", "expiration-depl")["spec"]["replicas"] == 2


def test_the_image_is_of_the_version_of_the_program():
    (version,) = re.findall(r"^ *version: '([^']*)',", read("meson.build"), re.MULTILINE)
    for service in (*SERVICES, "web"):
        for overlay in ("base", *OVERLAYS):
            assert container_of(overlay, workload_of(service))["image"] == f"boxoffice:{version}"


def test_no_image_is_without_a_tag():
    for overlay in ("base", *OVERLAYS):
        for workload, _, spec in pods(overlay):
            for container in spec["containers"]:
                assert re.fullmatch(r"[^:]+:\d[^:]*", container["image"]), \
                    (name_of(workload), container["image"])


def test_skaffold_builds_and_deploys_what_is_there():
    config = yaml.safe_load(read("skaffold.yaml"))
    (artifact,) = config["build"]["artifacts"]
    assert artifact["image"] == container_of("dev", "auth-depl")["image"].split(":")[0]
    assert os.path.exists(os.path.join(ROOT, artifact["context"], artifact["docker"]["dockerfile"]))
    paths = config["manifests"]["kustomize"]["paths"]
    paths += config["profiles"][0]["manifests"]["kustomize"]["paths"]
    assert [os.path.basename(path) for path in paths] == list(OVERLAYS)
    for path in paths:
        assert os.path.exists(os.path.join(ROOT, path, "kustomization.yaml")), path


def cores(quantity):
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def test_a_replica_is_added_when_processors_are_busy_and_not_before():
    for overlay in OVERLAYS:
        for scaler in every(overlay, "HorizontalPodAutoscaler"):
            (metric,) = scaler["spec"]["metrics"]
            resources = container_of(overlay, scaler["spec"]["scaleTargetRef"]["name"])["resources"]
            limit, request = (cores(resources[key]["cpu"]) for key in ("limits", "requests"))
            target = metric["resource"]["target"]
            at = cores(target["averageValue"]) if target["type"] == "AverageValue" \
                else request * target["averageUtilization"] / 100
            assert 0.5 * limit <= at <= 0.8 * limit, f"{name_of(scaler)}: at {at} of {limit} processors"
            assert request >= limit / 4, f"{name_of(scaler)}: nodes would be promised four times over"


def test_a_large_volume_does_not_delay_a_start():
    for overlay in OVERLAYS:
        for workload, _, spec in pods(overlay):
            if "fsGroup" in spec["securityContext"]:
                assert spec["securityContext"].get("fsGroupChangePolicy") == "OnRootMismatch", \
                    name_of(workload)


# --- backups --------------------------------------------------------------------------------------


def test_each_database_is_backed_up_at_the_same_minute_to_a_volume_of_its_own():
    for overlay in OVERLAYS:
        backups = every(overlay, "CronJob")
        assert {name_of(backup) for backup in backups} == \
            {f"{service}-postgres-backup" for service in SERVICES}
        assert len({(b["spec"]["schedule"], b["spec"]["timeZone"]) for b in backups}) == 1
        claims = set()
        for service in SERVICES:
            name = f"{service}-postgres-backup"
            assert named(overlay, "CronJob", name)["spec"]["concurrencyPolicy"] == "Forbid"
            told = environment(overlay, name)
            assert told["PGUSER"] == {"fieldRef": {"fieldPath": "metadata.labels['app']"}}
            assert told["PGHOST"].replace("$(PGUSER)", service) == f"{service}-postgres-srv"
            (spec,) = [spec for workload, labels, spec in pods(overlay) if name_of(workload) == name
                       and labels["app"] == service]
            claims.add(spec["volumes"][0]["persistentVolumeClaim"]["claimName"])
            image = container_of(overlay, name)["image"]
            assert image == container_of(overlay, f"{service}-postgres")["image"], "of its version"
        assert len(claims) == len(SERVICES)


def run_backup(folder, tools, status=0):
    """The backup's own command, with programs that stand for PostgreSQL's."""
    container = container_of("prod", "orders-postgres-backup")
    for name, text in (("pg_dump", f'for word; do case $word in --file=*) echo copy >"${{word#*=}}";; '
                                   f"esac; done; exit {status}"), ("pg_restore", "cat \"$2\"")):
        path = os.path.join(tools, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
    return subprocess.run(container["command"], cwd=folder, capture_output=True, text=True, check=False,
                          env={"PATH": f"{tools}:{os.environ['PATH']}",
                               "BACKUP_KEEP": environment("prod", "orders-postgres-backup")["BACKUP_KEEP"]})


def test_the_newest_fourteen_backups_stay_and_a_broken_one_takes_the_place_of_none():
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as tools:
        old = [f"2020-01-{day:02}T021700Z.dump" for day in range(1, 21)]
        for name in (*old, "2020-01-21T021700Z.dump.partial", "notes"):
            with open(os.path.join(folder, name), "w", encoding="utf-8"):
                pass
        assert run_backup(folder, tools, status=1).returncode != 0
        assert set(old) <= set(os.listdir(folder)), "a failed run removed backups"
        assert sorted(name for name in os.listdir(folder) if name.endswith(".dump")) == old
        done = run_backup(folder, tools)
        assert done.returncode == 0, done.stderr
        (new,) = set(os.listdir(folder)) - set(old) - {"notes"}
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d{6}Z\.dump", new), new
        assert sorted(os.listdir(folder)) == sorted([*old[7:], new, "notes"])
        assert os.stat(os.path.join(folder, new)).st_mode & 0o077 == 0, "it holds what the database holds"


# --- the Gateway API ------------------------------------------------------------------------------


def test_the_gateway_api_leads_where_the_ingress_does_over_tls():
    (ingress,) = every(GATEWAY, "Ingress")
    (rule,) = ingress["spec"]["rules"]
    route = named(GATEWAY, "HTTPRoute", "market")["spec"]
    assert route["hostnames"] == [rule["host"]], "production's host comes to both"
    found, live = {}, None
    for entry in route["rules"]:
        (backend,) = entry["backendRefs"]
        assert backend["port"] in service_ports(GATEWAY, backend["name"])
        for match in entry["matches"]:
            if match["path"]["type"] == "Exact":
                live = (match["path"]["value"], backend["name"], entry["timeouts"]["request"])
            else:
                found[match["path"]["value"]] = backend["name"]
    assert found == {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert live == ("/live", "client-srv", "0s"), "live updates end after no time"
    gateway = named(GATEWAY, "Gateway", route["parentRefs"][0]["name"])["spec"]
    (tls,) = [listener for listener in gateway["listeners"] if listener["protocol"] == "HTTPS"]
    assert tls["name"] == route["parentRefs"][0]["sectionName"]
    assert tls["tls"]["certificateRefs"] == [{"name": ingress["spec"]["tls"][0]["secretName"]}]
    plain = named(GATEWAY, "HTTPRoute", "market-to-https")["spec"]
    assert plain["hostnames"] == route["hostnames"]
    assert [entry["filters"][0]["requestRedirect"]["scheme"] for entry in plain["rules"]] == ["https"]
    reached = from_outside(GATEWAY, "envoy-gateway-system")
    assert reached == from_outside(GATEWAY) == {*(f"{service}-depl" for service in API), "client-depl"}
    for overlay in OVERLAYS:
        assert not from_outside(overlay, "envoy-gateway-system"), "only who wants it has it"
