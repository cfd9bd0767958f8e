"""deploy/ without a container engine: schemas, and whatever could be said there by mistake."""

from __future__ import annotations

import re
import shlex
import tempfile
import tomllib
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml
from compose_spec import PyCompose

from polydesk.config import Settings
from tests.deploy.plan import (
    DEPLOY,
    KUBERNETES,
    Process,
    check_words,
    compose,
    in_compose,
    in_kubernetes,
    kustomization,
    object_,
    objects,
    option,
    pods,
    unknown,
)
from tests.page import ROOT

PROCESSES = [*in_kubernetes(), *in_compose()]
OBJECTS = [
    pytest.param(each, id=f"{each['kind']} {each['metadata']['name']}") for each in objects()
]
COMPONENTS = {"polydesk-hub": "hub", "polydesk-worker": "worker", "polydesk-gateway": "gateway"}


@pytest.mark.parametrize("found", OBJECTS)
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubernetes_takes_each_object(found: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(found, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_noticed() -> None:
    hub = object_("Deployment", "polydesk-hub")
    hub["spec"]["template"]["spec"]["containers"][0]["livenessProbes"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(hub, "1.37", strict=True)


def test_the_compose_file_is_one() -> None:
    found = PyCompose.from_yaml(yaml.safe_dump(compose()))  # its reader merges no keys
    found.validate()

    assert set(found.service_names()) >= {"postgres", "migrate", "hub", "worker", "gateway"}


@pytest.mark.parametrize(
    ("right", "slip"),
    [
        ("healthcheck", "helthcheck"),
        ("service_healthy", "service_well"),
        ("interval: 5s", "interval: 5 parsecs"),
        ("127.0.0.1:8080:8080", "127.0.0.1:808000:8080"),
        ("restart: unless-stopped", "restart: sometimes"),
    ],
)
def test_a_slip_in_the_compose_file_is_noticed(right: str, slip: str) -> None:
    text = yaml.safe_dump(compose())
    assert right in text

    with pytest.raises(ValueError, match="services"):
        PyCompose.from_yaml(text.replace(right, slip))


def test_compose_names_no_service_and_no_volume_that_is_not_there() -> None:
    plan = compose()

    for service in plan["services"].values():
        assert set(service.get("depends_on", ())) <= set(plan["services"])
        sources = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        named = {source for source in sources if not source.startswith(".")}
        assert named <= set(plan["volumes"])
        assert all((DEPLOY / source).exists() for source in sources - named)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda each: each.name)
def test_each_container_runs_a_command_of_ours_with_settings_of_ours(process: Process) -> None:
    check_words(process.words)

    assert unknown(process.settings) == set()
    Settings.model_validate(
        {name.removeprefix("POLYDESK_").lower(): said for name, said in process.settings.items()}
    )


@pytest.mark.parametrize("words", [["sevre"], ["gateway", "--hubs=x"], ["serve", "extra"]])
def test_a_wrong_command_is_noticed(words: list[str]) -> None:
    with pytest.raises(typer.TyperException):
        check_words(words)


def test_all_parts_are_there_wherever_they_run() -> None:
    for processes in (in_kubernetes(), in_compose()):
        assert {each.words[0] for each in processes} == {"migrate", "serve", "work", "gateway"}


@pytest.mark.parametrize("name", ["polydesk-hub", "hub"])
def test_the_gateway_knows_where_the_hub_listens(name: str) -> None:
    hub = next(each for each in PROCESSES if each.name == name)
    gateway = next(each for each in PROCESSES if each.name == name.replace("hub", "gateway"))

    assert option(gateway.words, "hub") == f"{name}:{port(hub.settings['POLYDESK_HUB'])}"
    assert hub.ports.get("grpc", 50051) == port(hub.settings["POLYDESK_HUB"])


def test_services_lead_to_ports_that_are_open() -> None:
    ports = {each.name: each.ports for each in in_kubernetes()}
    gateway = next(each for each in in_kubernetes() if each.name == "polydesk-gateway")

    for service, deployment in (("polydesk-hub", "polydesk-hub"), ("polydesk", "polydesk-gateway")):
        spec = object_("Service", service)["spec"]
        assert spec["selector"] == {"app.kubernetes.io/component": COMPONENTS[deployment]}
        assert all(each["targetPort"] in ports[deployment] for each in spec["ports"])
    assert object_("Service", "polydesk-hub")["spec"]["clusterIP"] == "None"
    assert option(gateway.words, "listen") == f"0.0.0.0:{ports['polydesk-gateway']['http']}"
    assert option(gateway.words, "metrics") == f"0.0.0.0:{ports['polydesk-gateway']['metrics']}"


@pytest.mark.parametrize("process", in_kubernetes(), ids=lambda each: each.name)
def test_probes_ask_where_somebody_answers(process: Process) -> None:
    told = {"http": {"/healthz", "/readyz"}, "metrics": {"/healthz", "/readyz"}}
    if process.name == "polydesk-migrate":
        assert not process.probes
        return

    assert set(process.probes) == {"startupProbe", "readinessProbe", "livenessProbe"}
    for probe in process.probes.values():
        if "grpc" in probe:
            assert probe["grpc"]["port"] == port(process.settings["POLYDESK_HUB"])
        elif "httpGet" in probe:
            assert probe["httpGet"]["path"] in told[probe["httpGet"]["port"]]
        else:
            assert probe["tcpSocket"]["port"] in process.ports
    assert "/readyz" in str(process.probes["readinessProbe"]) or "grpc" in str(process.probes)


def test_metrics_are_told_where_prometheus_looks() -> None:
    for process in in_kubernetes():
        annotations = pods()[process.name]["metadata"].get("annotations", {})
        if "metrics" not in process.ports:
            assert not annotations
            continue
        assert annotations["prometheus.io/port"] == str(process.ports["metrics"])
        gateway = process.words[0] == "gateway"
        expected = "/stats/prometheus" if gateway else None
        assert annotations.get("prometheus.io/path") == expected
        if not gateway:
            assert port(process.settings["POLYDESK_METRICS"]) == process.ports["metrics"]


def test_prometheus_finds_the_containers_of_compose() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"]
    services = compose()["services"]

    asked = {
        name: (job.get("metrics_path", "/metrics"), found["port"])
        for job in jobs
        for found in job["dns_sd_configs"]
        for name in found["names"]
    }

    assert set(asked) == {"hub", "worker", "gateway"}
    for name in ("hub", "worker"):
        told = services[name]["environment"]["POLYDESK_METRICS"]
        assert asked[name] == ("/metrics", port(told))
        assert f":{port(told)}/readyz" in str(services[name]["healthcheck"])
    told = option(services["gateway"]["command"], "metrics")
    assert asked["gateway"] == ("/stats/prometheus", port(told))


def test_only_the_gateway_is_open_and_only_to_this_machine() -> None:
    services = compose()["services"]
    open_ = {name: each["ports"] for name, each in services.items() if "ports" in each}

    assert set(open_) == {"gateway", "prometheus"}
    assert all(each.startswith("127.0.0.1:") for ports in open_.values() for each in ports)
    listen = services["gateway"]["environment"]["POLYDESK_LISTEN"]
    assert open_["gateway"] == [f"127.0.0.1:8080:{port(listen)}"]
    assert f":{port(listen)}/readyz" in str(services["gateway"]["healthcheck"])


def test_the_gateways_containers_are_given_no_secret() -> None:
    for process in PROCESSES:
        if process.words[0] == "gateway":
            assert not {"POLYDESK_DATABASE_URL", "POLYDESK_SECRET_KEYS"} & process.settings.keys()


def test_nobody_is_root_and_nothing_is_written_but_where_it_may_be() -> None:
    for pod in pods().values():
        spec, [container] = pod["spec"], pod["spec"]["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert set(mounts) == {each["name"] for each in spec["volumes"]}
        assert mounts["tmp"] == tempfile.gettempdir()


def test_each_policy_and_budget_is_about_pods_that_there_are() -> None:
    components = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods().values()
    }
    for each in objects():
        if each["kind"] in ("NetworkPolicy", "PodDisruptionBudget"):
            selector = each["spec"].get("podSelector") or each["spec"]["selector"]
            assert selector["matchLabels"]["app.kubernetes.io/component"] in components
    ports = {each.name: each.ports for each in in_kubernetes()}
    for name in COMPONENTS:
        rules = object_("NetworkPolicy", name)["spec"]["ingress"]
        assert {each["port"] for rule in rules for each in rule["ports"]} == set(ports[name])


def test_the_kustomization_names_each_file_and_the_version() -> None:
    plan = kustomization()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(plan["resources"]) == files
    [image] = plan["images"]
    assert image["newTag"] == version
    assert {pod["spec"]["containers"][0]["image"] for pod in pods().values()} == {image["name"]}


def test_an_old_hub_has_the_time_that_it_needs_to_end() -> None:
    from polydesk import server  # noqa: PLC0415 - what is private is looked at here alone

    needed = server._LONGEST_DUCK + server._GRACE  # noqa: SLF001 - the same

    assert pods()["polydesk-hub"]["spec"]["terminationGracePeriodSeconds"] > needed
    assert int(compose()["services"]["hub"]["stop_grace_period"].removesuffix("s")) > needed
    hook = pods()["polydesk-gateway"]["spec"]["containers"][0]["lifecycle"]["preStop"]
    gateway = next(each for each in in_kubernetes() if each.name == "polydesk-gateway")
    words = hook["exec"]["command"]
    check_words(words[1:])
    assert words[0] == "polydesk"
    assert option(words, "admin") == option(gateway.words, "admin")


def test_the_image_is_built_from_what_the_repository_has() -> None:
    lines = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text()).splitlines()
    said = [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]
    known = {
        "FROM",
        "ENV",
        "RUN",
        "WORKDIR",
        "COPY",
        "USER",
        "VOLUME",
        "EXPOSE",
        "ENTRYPOINT",
        "CMD",
    }

    assert {word for word, _ in said} <= known
    copied = [shlex.split(rest) for word, rest in said if word == "COPY" and "--from" not in rest]
    sources = {source for words in copied for source in words[:-1]}
    assert all((ROOT / source).exists() for source in sources)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!{source}" for source in sources} <= set(ignored)
    [entry] = [yaml.safe_load(rest) for word, rest in said if word == "ENTRYPOINT"]
    [usual] = [yaml.safe_load(rest) for word, rest in said if word == "CMD"]
    assert entry == ["polydesk"]
    check_words(usual)
    [user] = [rest for word, rest in said if word == "USER"]
    assert {pod["spec"]["securityContext"]["runAsUser"] for pod in pods().values()} == {int(user)}


def port(address: str) -> int:
    return int(address.rpartition(":")[2])
