"""The Kubernetes manifests as a cluster would see them: built by kustomize, checked against the real
schemas, and asked who selects, names and reaches whom."""

import functools
import json
import os
import subprocess
import tempfile

import yaml

from boxoffice import ROOT
from check import Skip

TOOLS = os.path.join(ROOT, "build", "deploy-tools")
K8S = os.path.join(ROOT, "deploy", "k8s")
OVERLAYS = ("dev", "prod")
WORKLOADS = ("Deployment", "StatefulSet")  # what runs all the time
JOBS = ("CronJob",)


KUSTOMIZE = os.path.join("@install-binary", "kustomize-linux-x64", "kustomize-linux-x64")


def tool(name):
    path = os.path.join(TOOLS, "node_modules", name)
    if not os.path.exists(path):
        raise Skip(f"no {name} (npm): ./dev test deploy fetches it")
    return path


def built(folder):
    done = subprocess.run([tool(KUSTOMIZE), "build", folder], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


@functools.cache
def documents(overlay):
    """Of an overlay; of the base, "base"; of production with an optional part, "prod+PART"."""
    overlay, _, part = overlay.partition("+")
    folder = os.path.join(K8S, "base") if overlay == "base" else os.path.join(K8S, "overlays", overlay)
    if not part:
        return built(folder)
    tool(KUSTOMIZE)
    with tempfile.TemporaryDirectory(prefix="overlay-", dir=TOOLS) as copy:
        k8s = os.path.relpath(K8S, copy)
        with open(os.path.join(folder, "kustomization.yaml"), encoding="utf-8") as file:
            kustomization = yaml.safe_load(file)
        kustomization["resources"] = [f"{k8s}/base"]
        kustomization["components"] = [f"{k8s}/parts/{part}"]
        with open(os.path.join(copy, "kustomization.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(kustomization, file)
        return built(copy)


def of_kind(overlay, *kinds):
    return [document for document in documents(overlay) if document["kind"] in kinds]


def name_of(document):
    return document["metadata"]["name"]


def named(overlay, kind, name):
    found = [document for document in of_kind(overlay, kind) if name_of(document) == name]
    assert len(found) == 1, f"{overlay}: {len(found)} of {kind} {name}"
    return found[0]


# --- schemas --------------------------------------------------------------------------------------


def typed(documents_):
    """A TypeScript file in which each document is a literal of its type: the compiler refuses fields
    the type does not have, however deep."""
    lines = []
    for i, document in enumerate(documents_):
        package = "@kubernetes-models/gateway-api" \
            if document["apiVersion"].startswith("gateway.") else "kubernetes-models"
        model = f'import("{package}/{document["apiVersion"]}").I{document["kind"]}'
        lines.append(f"export const d{i}: {model} = {json.dumps(document)};")
    return "\n".join(lines)


def refusals(files):
    """{name: [what is wrong]} of lists of documents, by the TypeScript types and then by the JSON
    schemas (patterns, enumerations, formats)."""
    folder = os.path.join(TOOLS, "typed")
    os.makedirs(folder, exist_ok=True)
    for name, documents_ in files.items():
        with open(os.path.join(folder, f"{name}.ts"), "w", encoding="utf-8") as file:
            file.write(typed(documents_))
        with open(os.path.join(folder, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump(documents_, file)
    paths = [os.path.join(folder, f"{name}.ts") for name in files]
    done = subprocess.run([tool(os.path.join(".bin", "tsc")), "--noEmit", "--strict", "--skipLibCheck", "--target", "es2020",
                           "--module", "commonjs", "--moduleResolution", "node", *paths],
                          capture_output=True, text=True, check=False, cwd=TOOLS)
    wrong = {name: [] for name in files}
    for line in done.stdout.splitlines():
        for name in files:
            if f"typed/{name}.ts(" in line:
                wrong[name].append(line)
    assert done.returncode == 0 or any(wrong.values()), done.stdout + done.stderr
    checked = subprocess.run(["node", os.path.join(os.path.dirname(__file__), "validate.js"), TOOLS,
                              folder, *files], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    for name, errors in json.loads(checked.stdout).items():
        wrong[name] += errors
    return wrong


# --- who selects whom -----------------------------------------------------------------------------


def template_of(workload):
    spec = workload["spec"]
    return (spec["jobTemplate"]["spec"] if workload["kind"] in JOBS else spec)["template"]


def pods(overlay):
    """[(workload, labels of its pods, pod spec)]."""
    return [(workload, template_of(workload)["metadata"]["labels"], template_of(workload)["spec"])
            for workload in of_kind(overlay, *WORKLOADS, *JOBS)]


def selects(selector, labels):
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", rule
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


def selected(overlay, selector):
    return [name_of(workload) for workload, labels, _ in pods(overlay) if selects(selector, labels)]


def container_of(overlay, workload):
    for document, _, spec in pods(overlay):
        if name_of(document) == workload:
            (container,) = spec["containers"]
            return container
    raise AssertionError(f"{overlay}: no workload {workload}")


def port_number(container, port):
    """A port of a container, by name or number."""
    for known in container["ports"]:
        if port in (known["name"], known["containerPort"]):
            return known["containerPort"]
    raise AssertionError(f"{container['name']} has no port {port}: {container['ports']}")


def service_ports(overlay, name):
    """{port of the Service: (workload, port of its pods)}."""
    service = named(overlay, "Service", name)
    targets = selected(overlay, {"matchLabels": service["spec"]["selector"]})
    assert len(targets) == 1, f"{overlay}: Service {name} selects {targets}"
    container = container_of(overlay, targets[0])
    return {port["port"]: (targets[0], port_number(container, port["targetPort"]))
            for port in service["spec"]["ports"]}


# --- who reaches whom -----------------------------------------------------------------------------


def allows(overlay, rules, side, peer_labels, target, port):
    """Does one of these rules (their `from` or `to`) let a pod of these labels, at this port of the
    target?"""
    for rule in rules:
        container = container_of(overlay, target)
        ports = [port_number(container, item["port"]) for item in rule.get("ports", [])
                 if item["port"] in [known[key] for known in container.get("ports", [])
                                     for key in ("name", "containerPort")]]
        peers = [peer for peer in rule.get(side, []) if "podSelector" in peer
                 and "namespaceSelector" not in peer]
        if port in ports and any(selects(peer["podSelector"], peer_labels) for peer in peers):
            return True
    return False


def reaches(overlay, source, target, port):
    """May the pods of one workload open a connection to a port of another's? Both ends must say so,
    because every pod is selected by some policy of each direction."""
    labels = {name_of(workload): labels for workload, labels, _ in pods(overlay)}
    out = in_ = False
    for policy in of_kind(overlay, "NetworkPolicy"):
        spec = policy["spec"]
        if "Egress" in spec["policyTypes"] and selects(spec["podSelector"], labels[source]):
            out |= allows(overlay, spec.get("egress", []), "to", labels[target], target, port)
        if "Ingress" in spec["policyTypes"] and selects(spec["podSelector"], labels[target]):
            in_ |= allows(overlay, spec.get("ingress", []), "from", labels[source], target, port)
    return out and in_


def from_outside(overlay, controller="ingress-nginx"):
    """The workloads that pods of that namespace, the ingress controller's, may reach."""
    found = set()
    for policy in of_kind(overlay, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            for peer in rule["from"]:
                namespace = peer.get("namespaceSelector", {}).get("matchLabels", {})
                if namespace.get("kubernetes.io/metadata.name") == controller:
                    found.update(selected(overlay, policy["spec"]["podSelector"]))
    return found


# --- what containers are told ---------------------------------------------------------------------


def environment(overlay, workload):
    """{name: value, or the reference it comes from} of a workload's container."""
    container, result = container_of(overlay, workload), {}
    for source in container.get("envFrom", []):
        result.update(named(overlay, "ConfigMap", source["configMapRef"]["name"])["data"])
    for item in container.get("env", []):
        result[item["name"]] = item.get("value", item.get("valueFrom"))
    return result
