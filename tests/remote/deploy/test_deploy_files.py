"""Compose file, Kubernetes manifests and workflows: valid by their schemas, and true to what the service does."""

import re
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from programs import output_of

from codetune_core.access.keys import ADMIN_VARIABLE
from codetune_core.settings import Options, Settings, resolve
from codetune_core.storage.url import VARIABLE as DATABASE_VARIABLE
from codetune_core.storage.url import parse_url
from codetune_remote.routes import ROUTES

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "remote" / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DEPENDABOT = ROOT / ".github" / "dependabot.yml"
MANIFESTS = [path for path in sorted(KUBERNETES.rglob("*.yaml")) if path.name != "kustomization.yaml"]


def settings_of(path: Path) -> Settings:
    resolved = resolve([Options(str(path), tomllib.loads(path.read_text()))])
    assert resolved.notices == ()
    return resolved.settings


def manifests(*paths: Path) -> list[dict]:
    return [one for path in paths or MANIFESTS for one in yaml.safe_load_all(path.read_text())]


def one(kind: str, name: str) -> dict:
    (found,) = (each for each in manifests() if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_the_compose_file_fits_the_schema_of_the_specification():
    output_of("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")


def test_no_port_is_open_but_the_services():
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["codetune"]
    assert COMPOSE["networks"]["data"] == {"internal": True}


def test_secrets_are_files_and_every_one_is_declared():
    used = {secret for service in COMPOSE["services"].values() for secret in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    text = (DEPLOY / "compose.yaml").read_text()
    assert {f"/run/secrets/{name}" for name in used} == set(re.findall(r"/run/secrets/\w+", text))


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_that_stays_has_a_health_check_and_is_started_again(name):
    service = COMPOSE["services"][name]
    if name == "migrate":
        assert "restart" not in service
        return
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"


def test_the_compose_files_database_is_read_by_our_own_code():
    url = parse_url(COMPOSE["services"]["codetune"]["environment"][DATABASE_VARIABLE])
    assert url.dialect == "postgresql"
    assert set(COMPOSE["services"]["codetune"]["environment"]) == {ADMIN_VARIABLE, DATABASE_VARIABLE}


def test_a_container_is_given_longer_than_the_service_drains():
    drain = settings_of(DEPLOY / "box.toml").serve.drain_seconds
    assert int(COMPOSE["services"]["codetune"]["stop_grace_period"].removesuffix("s")) > drain
    pod = one("Deployment", "codetune")["spec"]["template"]["spec"]
    pause = int(re.search(r"sleep\((\d+)\)", str(pod["containers"][0]["lifecycle"]))[1])
    drain = settings_of(KUBERNETES / "codetune.toml").serve.drain_seconds
    assert pod["terminationGracePeriodSeconds"] > drain + pause
    proxy = one("Deployment", "codetune-proxy")["spec"]["template"]["spec"]
    assert proxy["terminationGracePeriodSeconds"] >= pod["terminationGracePeriodSeconds"]


def test_the_box_asks_the_model_that_its_vllm_runs():
    engine = settings_of(DEPLOY / "box.toml").engine
    assert engine.base_url == "http://vllm:8000/v1"
    assert f"--model={engine.model}" in COMPOSE["services"]["vllm"]["command"]


@pytest.mark.parametrize("manifest", manifests(), ids=lambda each: f"{each['kind']}/{each['metadata']['name']}")
@pytest.mark.parametrize("version", ["1.30", "1.34"])
def test_a_manifest_fits_the_strict_schema_of_kubernetes(manifest, version):
    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("folder", [KUBERNETES, KUBERNETES / "migrate"], ids=["service", "migrate"])
def test_kustomize_builds_it(folder):
    built = list(yaml.safe_load_all(output_of("kubectl", "kustomize", folder)))
    for each in built:
        kubernetes_validate.validate(each, "1.34", strict=True)
    images = re.findall(r"image: (\S+)", yaml.safe_dump_all(built))
    assert images
    assert all(":" in image for image in images)


def test_every_file_is_a_resource_and_the_example_secret_is_none():
    listed = {
        name
        for path in KUBERNETES.rglob("kustomization.yaml")
        for name in yaml.safe_load(path.read_text())["resources"]
    }
    assert listed == {path.name for path in MANIFESTS} - {"secret.example.yaml"}


def test_probes_ask_paths_that_the_service_has():
    containers = one("Deployment", "codetune")["spec"]["template"]["spec"]["containers"]
    asked = {containers[0][f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert asked == {"/healthz", "/readyz"}
    assert asked <= {route.path for route in ROUTES}


@pytest.mark.parametrize("name", ["codetune", "codetune-proxy"])
def test_pods_are_confined(name):
    pod = one("Deployment", name)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    for container in [*pod.get("initContainers", ()), *pod["containers"]]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


def test_selectors_meet_only_the_pods_that_they_mean():
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in manifests()
        if each["kind"] in {"Deployment", "Job"}
    }
    meant = {
        ("Service", "codetune-replicas"): {"codetune"},
        ("Service", "codetune"): {"codetune-proxy"},
        ("PodDisruptionBudget", "codetune"): {"codetune"},
        ("PodDisruptionBudget", "codetune-proxy"): {"codetune-proxy"},
        ("NetworkPolicy", "codetune"): {"codetune"},
        ("NetworkPolicy", "codetune-proxy"): {"codetune-proxy"},
        ("NetworkPolicy", "codetune-migrate"): {"codetune-migrate"},
    }
    for (kind, name), expected in meant.items():
        spec = one(kind, name)["spec"]
        selector = spec.get("podSelector") or spec["selector"]
        wanted = selector.get("matchLabels", selector)
        assert {pod for pod, labels in pods.items() if wanted.items() <= labels.items()} == expected


def test_the_secret_has_every_key_that_is_asked_for():
    (secret,) = manifests(KUBERNETES / "secret.example.yaml")
    asked = set(
        re.findall(r"secretKeyRef: \{ name: codetune, key: ([\w-]+) \}", "".join(p.read_text() for p in MANIFESTS))
    )
    assert asked == set(secret["stringData"])
    assert parse_url(secret["stringData"]["database-url"]).dialect == "postgresql"


def test_the_ingress_has_a_name_that_the_service_answers_to():
    hosts = {rule["host"] for rule in one("Ingress", "codetune")["spec"]["rules"]}
    assert hosts <= set(settings_of(KUBERNETES / "codetune.toml").serve.allowed_hosts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_and_the_schema_find_nothing_in_a_workflow(path):
    assert output_of("actionlint", path) == ""
    output_of("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)


def test_zizmor_finds_nothing_in_the_workflows():
    output_of("zizmor", "--offline", "--config", ROOT / ".github" / "zizmor.yml", *WORKFLOWS, DEPENDABOT)


def test_whatever_is_named_by_version_is_kept_up_to_date():
    output_of("check-jsonschema", "--builtin-schema", "vendor.dependabot", DEPENDABOT)
    looked_at = {
        (each["package-ecosystem"], folder)
        for each in yaml.safe_load(DEPENDABOT.read_text())["updates"]
        for folder in each.get("directories") or [each["directory"]]
    }
    docker = {path for path in MANIFESTS if re.search(r"image: \S+:", path.read_text())} | set(
        ROOT.glob("remote/**/Dockerfile")
    )
    needed = {("docker", path.parent) for path in docker}
    needed |= {("docker-compose", path.parent) for path in ROOT.glob("remote/**/compose*.yaml")}
    needed |= {("pip", ROOT), ("github-actions", ROOT)}
    assert looked_at == {(kind, f"/{path.relative_to(ROOT).as_posix()}".removesuffix(".")) for kind, path in needed}


def test_production_comes_after_staging_and_staging_after_the_tests():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]
    assert jobs["staging"]["needs"] == "test"
    assert jobs["production"]["needs"] == "staging"
    assert {name: job.get("environment") for name, job in jobs.items()} == {
        "test": None,
        "staging": "staging",
        "production": "production",
    }


def test_a_workflow_may_no_more_than_it_needs_and_uses_only_github_s_own_actions():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] in ({}, {"contents": "read"})
        for job in workflow["jobs"].values():
            assert set(job.get("permissions", {}).items()) <= {("contents", "read"), ("id-token", "write")}
            assert all(step["uses"].startswith("actions/") for step in job.get("steps", ()) if "uses" in step)
        assert "gh-pages" not in path.read_text()


def test_a_workflow_runs_only_commands_that_exist():
    text = "".join(path.read_text() for path in WORKFLOWS)
    for command in re.findall(r"codetune ((?:\w+ )+)", text):
        output_of("codetune", *command.split()[:2], "--help")
